#pragma once

// Precompiled for the tests of modules without LibTorch; no file includes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/pch.h"
