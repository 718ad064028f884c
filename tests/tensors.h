#pragma once

#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nn/safetensors.h"
#include "nn/tensor_map.h"

namespace reverie::test {

// The largest |a - b|; infinite where the shapes differ or a value is not finite.
inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  if (a.numel() == 0) return 0.0;
  const at::Tensor difference = (a.to(at::kDouble) - b.to(at::kDouble)).abs();
  if (!at::isfinite(difference).all().item<bool>()) return INFINITY;
  return difference.max().item<double>();
}

// Same names in the same order, dtypes, shapes and bits (NaN equals NaN of the same bits).
inline void expect_same_bits(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const auto& [name, tensor] = a.entries()[i];
    const auto& [other_name, other] = b.entries()[i];
    ASSERT_EQ(name, other_name);
    ASSERT_EQ(tensor.scalar_type(), other.scalar_type()) << name;
    ASSERT_EQ(tensor.sizes(), other.sizes()) << name;
    const at::Tensor left = tensor.contiguous();
    const at::Tensor right = other.contiguous();
    EXPECT_EQ(std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()), 0)
        << name << " differs by up to " << max_difference(left, right);
  }
}

// tests/golden/NAME.safetensors, made by NAME.py beside it.
inline SafetensorsFile golden(const std::string& name) {
  return load_safetensors(REVERIE_GOLDEN_DIR "/" + name + ".safetensors");
}

}  // namespace reverie::test
