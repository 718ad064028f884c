#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Random tensors on a device from its own generator; LibTorch's process-wide generators are neither
// read nor reseeded. The same seed gives the same numbers on the same kind of device. On the meta
// device the same operations give only shapes.
class NoiseSource {
 public:
  NoiseSource(at::Device device, uint64_t seed);

  // Restarts with another seed.
  void reseed(uint64_t seed);

  // Standard normal numbers, float32.
  at::Tensor normal(at::IntArrayRef shape) const;

  // Exp(1) numbers, above 0, float32.
  at::Tensor exponential(at::IntArrayRef shape) const;

  // Gamma(shape, 1) numbers, above 0, one for each element of `shape` and of its type.
  at::Tensor gamma(const at::Tensor& shape) const;

  // Numbers 0 .. bound - 1, all equally likely, int64. bound >= 1.
  at::Tensor integers(int64_t bound, at::IntArrayRef shape) const;

  // The numbers 0 .. n - 1 in random order: [n] int64.
  at::Tensor permutation(int64_t n) const;

  // For each row of weights [N, C], all >= 0: `count` >= 2 choices from 0 .. C - 1 in proportion to
  // them, with replacement: [N, count] int64.
  at::Tensor choices(const at::Tensor& chances, int64_t count) const;

  // A tensor of x's shape and type whose elements are 0 with probability p, and 1 / (1 - p)
  // otherwise. Its product with x is dropout (Srivastava et al. 2014). 0 <= p < 1.
  at::Tensor dropout_mask(const at::Tensor& x, double p) const;

 private:
  at::Device device_;
  std::shared_ptr<at::Generator> generator_;
};

// x with dropout; x itself when p is 0 or noise is null.
at::Tensor apply_dropout(const at::Tensor& x, double p, const NoiseSource* noise);

}  // namespace reverie
