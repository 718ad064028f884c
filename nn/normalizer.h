#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

// Running mean and variance per feature, and the standardised features
//
//   clip((x - mean) / sqrt(var + 1e-8), -10, 10).
//
// Statistics are kept in float64 and merged batch by batch (Chan, Golub & LeVeque 1983), so they do
// not depend on how the data is cut into batches beyond rounding.
class Normalizer {
 public:
  Normalizer(int64_t features, at::Device device);

  // x: [B, features]. Adds B samples to the statistics.
  void update(const at::Tensor& x);

  // x: [B, features] float32. Only clips until update() has seen two samples: one has no variance.
  at::Tensor operator()(const at::Tensor& x) const;

  // x / sqrt(var + 1e-8), neither shifted nor clipped; x itself until there is a variance.
  at::Tensor scaled(const at::Tensor& x) const;

  // "prefix.mean", "prefix.m2", "prefix.count". load() throws Error for missing or mis-shaped
  // tensors.
  void save(std::string_view prefix, TensorMap& out) const;
  void load(std::string_view prefix, const TensorMap& saved);

 private:
  void refresh();

  at::Tensor mean_, m2_, count_;  // [D] float64, [D] float64, scalar float64
  at::Tensor shift_, scale_;      // [D] float32: what operator() applies
};

}  // namespace reverie
