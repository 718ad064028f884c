#pragma once

// Precompiled for the command line; no header includes it.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "nn/pch.h"
