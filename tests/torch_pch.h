#pragma once

// Precompiled for the tests of modules with LibTorch; no file includes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
