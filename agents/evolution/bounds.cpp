#include "agents/evolution/bounds.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> expand(const std::vector<double>& bound, const char* name, int64_t n,
                           double none) {
  const auto size = static_cast<size_t>(n);
  REVERIE_CHECK(bound.size() <= 1 || bound.size() == size,
                "evolution: {} {} bounds, expected 1 for all or {}, one for each number",
                bound.size(), name, n);
  if (bound.size() == size) return bound;
  return std::vector<double>(size, bound.empty() ? none : bound[0]);
}

double margin(double bound, double width) {
  return std::isinf(bound) ? 0.0 : std::min((1.0 + std::fabs(bound)) / 20.0, 0.5 * width);
}

// Into [low, high] by reflection at both.
double zigzag(double x, double low, double high) {
  if (x >= low && x <= high) return x;
  if (std::isinf(high)) return 2.0 * low - x;
  if (std::isinf(low)) return 2.0 * high - x;
  return low + std::fabs(std::remainder(x - low, 2.0 * (high - low)));
}

}  // namespace

Bounds::Bounds(const std::vector<double>& lower, const std::vector<double>& upper, int64_t n)
    : is_none_(lower.empty() && upper.empty()) {
  if (is_none_) return;
  lower_ = expand(lower, "lower", n, -kInfinity);
  upper_ = expand(upper, "upper", n, kInfinity);
  for (size_t i = 0; i < lower_.size(); ++i) {
    REVERIE_CHECK(lower_[i] < upper_[i],
                  "evolution: bounds [{}, {}] of number {}, expected a lower one below the upper",
                  lower_[i], upper_[i], i);
    lower_margin_.push_back(margin(lower_[i], upper_[i] - lower_[i]));
    upper_margin_.push_back(margin(upper_[i], upper_[i] - lower_[i]));
  }
}

at::Tensor Bounds::inside(const at::Tensor& x) const {
  at::Tensor out = x.clone(at::MemoryFormat::Contiguous);
  if (is_none_) return out;
  auto* values = out.mutable_data_ptr<double>();
  for (int64_t k = 0; k < out.numel(); ++k) {
    const auto i = static_cast<size_t>(k) % lower_.size();
    const double low = lower_[i], high = upper_[i], a = lower_margin_[i], b = upper_margin_[i];
    double v = zigzag(values[k], low - a, high + b);
    if (v < low + a) {
      v = low + (v - (low - a)) * (v - (low - a)) / (4.0 * a);
    } else if (v > high - b) {
      v = high - (v - (high + b)) * (v - (high + b)) / (4.0 * b);
    }
    values[k] = std::clamp(v, low, high);  // rounding
  }
  return out;
}

at::Tensor Bounds::outside(const at::Tensor& v) const {
  at::Tensor out = v.clone();
  if (is_none_) return out;
  auto* values = out.mutable_data_ptr<double>();
  for (size_t i = 0; i < lower_.size(); ++i) {
    const double low = lower_[i], high = upper_[i], a = lower_margin_[i], b = upper_margin_[i];
    double& x = values[i];
    REVERIE_CHECK(x >= low && x <= high,
                  "evolution: number {} starts at {}, expected it within its bounds [{}, {}]", i, x,
                  low, high);
    if (x < low + a) {
      x = low - a + 2.0 * std::sqrt(a * (x - low));
    } else if (x > high - b) {
      x = high + b - 2.0 * std::sqrt(b * (high - x));
    }
  }
  return out;
}

}  // namespace reverie
