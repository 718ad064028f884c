#include "nn/normalizer.h"

#include "nn/pch.h"
#include "nn/state_list.h"

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

at::Tensor Normalizer::restored(const at::Tensor& x) const { return x / scale_ + shift_; }

at::Tensor Normalizer::scaled(const at::Tensor& x) const { return x * scale_; }

void Normalizer::state(StateList& list) {
  list.add_weights("mean", mean_);
  list.add_weights("m2", m2_);
  list.add_weights("count", count_);
  list.after_load([this] { refresh(); });
}

}  // namespace reverie
