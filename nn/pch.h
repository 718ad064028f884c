#pragma once

// The precompiled headers of nearly every source that works with tensors. No header may include
// this file, because ATen is slow to compile. See docs/architecture.md, "Build times".
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include "core/pch.h"
