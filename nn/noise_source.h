#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Random tensors on a device from a generator of its own: the process-wide generators of LibTorch
// are neither read nor reseeded. The same seed gives the same numbers on the same kind of device.
// On the meta device there are shapes alone, made by the same operations.
class NoiseSource {
 public:
  NoiseSource(at::Device device, uint64_t seed);

  // Begins again with another seed.
  void reseed(uint64_t seed);

  // Standard normal numbers, float32.
  at::Tensor normal(at::IntArrayRef shape) const;

  // Exp(1) numbers, above 0, float32.
  at::Tensor exponential(at::IntArrayRef shape) const;

  // Gamma(shape, 1) numbers for every element of `shape` (above 0), of its type.
  at::Tensor gamma(const at::Tensor& shape) const;

  // The numbers 0 .. n - 1 in random order: [n] int64.
  at::Tensor permutation(int64_t n) const;

  // For every row of chances [N, C], each above or equal to 0, `count` >= 2 choices of 0 .. C - 1
  // by their chances, with replacement: [N, count] int64.
  at::Tensor choices(const at::Tensor& chances, int64_t count) const;

  // Numbers of x's shape and type that are 0 with probability p, and 1 / (1 - p) otherwise: dropout
  // (Srivastava et al. 2014) is their product with x. 0 <= p < 1.
  at::Tensor dropout_mask(const at::Tensor& x, double p) const;

 private:
  at::Device device_;
  std::shared_ptr<at::Generator> generator_;
};

// x where p is 0 or noise is null, and else x with dropout.
at::Tensor apply_dropout(const at::Tensor& x, double p, const NoiseSource* noise);

}  // namespace reverie
