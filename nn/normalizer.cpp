#include "nn/normalizer.h"

#include "nn/pch.h"

namespace reverie {

Normalizer::Normalizer(int64_t features, at::Device device)
    : mean_(at::zeros({features}, at::TensorOptions().dtype(at::kDouble).device(device))),
      m2_(at::zeros_like(mean_)),
      count_(at::zeros({}, mean_.options())),
      shift_(at::zeros({features}, mean_.options().dtype(at::kFloat))),
      scale_(at::ones_like(shift_)) {}

void Normalizer::update(const at::Tensor& x) {
  const at::Tensor batch = x.detach().to(at::kDouble);
  const auto n = static_cast<double>(batch.size(0));
  const at::Tensor batch_mean = batch.mean(0);
  const at::Tensor delta = batch_mean - mean_;
  const at::Tensor total = count_ + n;
  m2_ += (batch - batch_mean).square().sum(0) + delta.square() * count_ * n / total;
  mean_ += delta * n / total;
  count_.copy_(total);
  refresh();
}

void Normalizer::refresh() {
  const at::Tensor variance = m2_ / count_.clamp_min(1.0);
  const at::Tensor scale = (variance + 1e-8).rsqrt();
  const at::Tensor seen = count_ > 1.0;  // one sample has no variance
  shift_.copy_(at::where(seen, mean_, at::zeros_like(mean_)));
  scale_.copy_(at::where(seen, scale, at::ones_like(scale)));
}

at::Tensor Normalizer::operator()(const at::Tensor& x) const {
  return ((x - shift_) * scale_).clamp(-10.0, 10.0);
}

at::Tensor Normalizer::scaled(const at::Tensor& x) const { return x * scale_; }

void Normalizer::save(std::string_view prefix, TensorMap& out) const {
  out.add(fmt::format("{}.mean", prefix), mean_.clone());
  out.add(fmt::format("{}.m2", prefix), m2_.clone());
  out.add(fmt::format("{}.count", prefix), count_.clone());
}

void Normalizer::load(std::string_view prefix, const TensorMap& saved) {
  restore_tensor(mean_, fmt::format("{}.mean", prefix), saved);
  restore_tensor(m2_, fmt::format("{}.m2", prefix), saved);
  restore_tensor(count_, fmt::format("{}.count", prefix), saved);
  refresh();
}

}  // namespace reverie
