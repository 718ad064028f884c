#pragma once

// What nearly every source that works with tensors includes and no header may: ATen is slow to
// read. See docs/architecture.md, "Build times".
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include "core/pch.h"
