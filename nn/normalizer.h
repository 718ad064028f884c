#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

class StateList;

// Running mean and variance per feature, and features standardised with them:
//
//   clip((x - mean) / sqrt(var + 1e-8), -10, 10).
//
// Statistics are kept in float64 and merged batch by batch (Chan, Golub & LeVeque 1983), so apart
// from rounding they do not depend on how the data is split into batches.
class Normalizer {
 public:
  Normalizer(int64_t features, at::Device device);

  // x: [B, features]. Adds B samples to the statistics.
  void update(const at::Tensor& x);

  // x: [B, features] float32. Only clips until update() has seen two samples, because one has no
  // variance.
  at::Tensor operator()(const at::Tensor& x) const;

  // The inverse, of rows in [-10, 10]: x sqrt(var + 1e-8) + mean.
  at::Tensor restored(const at::Tensor& x) const;

  // x / sqrt(var + 1e-8), neither shifted nor clipped; x itself while there is no variance.
  at::Tensor scaled(const at::Tensor& x) const;

  // Lists mean, m2 (the sum of squared deviations) and count as weights, because acting needs them.
  void state(StateList& list);

 private:
  void refresh();

  at::Tensor mean_, m2_, count_;  // [D] float64, [D] float64, scalar float64
  at::Tensor shift_, scale_;      // [D] float32: what operator() applies
};

}  // namespace reverie
