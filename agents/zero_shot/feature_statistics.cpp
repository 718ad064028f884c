#include "agents/zero_shot/feature_statistics.h"

#include <algorithm>

#include "nn/pch.h"

namespace reverie::zero_shot {
namespace {

constexpr double kRate = 0.005;
constexpr double kRidge = 1e-6;  // of the mean eigenvalue

// moment: [d, d]. Features that hardly vary make it nearly singular, hence float64.
at::Tensor inverse_of(const at::Tensor& moment) {
  const at::Tensor m = moment.to(at::kDouble);
  const at::Tensor ridge = kRidge * m.diagonal().mean() + 1e-12;
  const at::Tensor unit = at::eye(m.size(0), m.options());
  return std::get<0>(at::linalg_inv_ex(m + ridge * unit));  // without a look at the result
}

}  // namespace

FeatureStatistics::FeatureStatistics(int64_t size, bool centers, at::Device device)
    : centers_(centers),
      mean_(at::zeros({size}, at::device(device))),
      moment_(at::eye(size, at::device(device))) {}

void FeatureStatistics::update(const at::Tensor& f) {
  const at::NoGradGuard no_grad;
  if (centers_) mean_.lerp_(f.mean(0), kRate);
  const at::Tensor c = centered(f);
  moment_.lerp_(at::mm(c.t(), c) / static_cast<double>(f.size(0)), kRate);
}

at::Tensor FeatureStatistics::whitened(const at::Tensor& f) const {
  return at::mm(f.to(at::kDouble), inverse_of(moment_)).to(f.scalar_type());
}

void FeatureStatistics::state(StateList& list) {
  list.add_weights("mean", mean_);
  list.add_weights("moment", moment_);
}

at::Tensor regressed(const at::Tensor& f, const at::Tensor& r) {
  const double n = std::max<double>(1.0, static_cast<double>(f.size(0)));
  const at::Tensor x = f.to(at::kDouble);
  const at::Tensor correlation = at::mm(r.to(at::kDouble).unsqueeze(0), x) / n;
  return at::mm(correlation, inverse_of(at::mm(x.t(), x) / n)).to(f.scalar_type());
}

}  // namespace reverie::zero_shot
