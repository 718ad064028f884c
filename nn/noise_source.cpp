#include "nn/noise_source.h"

#include <mutex>

#include <ATen/CPUGeneratorImpl.h>

#include "nn/pch.h"

namespace reverie {
namespace {

at::Generator make_generator(at::Device device, uint64_t seed) {
  // LibTorch has no generator for the meta device, whose operations accept any.
  if (device.is_cpu() || device.is_meta()) return at::detail::createCPUGenerator(seed);
  at::Generator process_wide = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(process_wide.mutex());
  at::Generator generator = process_wide.clone();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

NoiseSource::NoiseSource(at::Device device, uint64_t seed)
    : device_(device), generator_(std::make_shared<at::Generator>(make_generator(device, seed))) {}

void NoiseSource::reseed(uint64_t seed) {
  const std::lock_guard<std::mutex> lock(generator_->mutex());
  generator_->set_current_seed(seed);
}

at::Tensor NoiseSource::normal(at::IntArrayRef shape) const {
  return at::randn(shape, *generator_, at::TensorOptions(at::kFloat).device(device_));
}

at::Tensor NoiseSource::exponential(at::IntArrayRef shape) const {
  return at::empty(shape, at::TensorOptions(at::kFloat).device(device_))
      .exponential_(1, *generator_);
}

at::Tensor NoiseSource::gamma(const at::Tensor& shape) const {
  return at::_standard_gamma(shape, *generator_);
}

at::Tensor NoiseSource::integers(int64_t bound, at::IntArrayRef shape) const {
  return at::randint(bound, shape, *generator_, at::TensorOptions(at::kLong).device(device_));
}

at::Tensor NoiseSource::permutation(int64_t n) const {
  return at::randperm(n, *generator_, at::TensorOptions(at::kLong).device(device_));
}

at::Tensor NoiseSource::choices(const at::Tensor& chances, int64_t count) const {
  return at::multinomial(chances, count, /*replacement=*/true, *generator_);
}

at::Tensor NoiseSource::dropout_mask(const at::Tensor& x, double p) const {
  return at::empty_like(x).bernoulli_(1.0 - p, *generator_).div_(1.0 - p);
}

at::Tensor apply_dropout(const at::Tensor& x, double p, const NoiseSource* noise) {
  return noise != nullptr && p > 0.0 ? x * noise->dropout_mask(x, p) : x;
}

}  // namespace reverie
