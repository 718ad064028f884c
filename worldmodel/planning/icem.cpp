#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/pch.h"
#include "worldmodel/planning/gaussian_planner.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Icem final : public GaussianPlanner {
 public:
  explicit Icem(const PlannerOptions& options) : GaussianPlanner("icem", options) {}

 private:
  // The mean is a candidate in the first and the last iteration, elites are from the second on.
  int64_t most_candidates() const override { return options().samples + options().kept_elites + 1; }

  at::Tensor candidates(const Iteration& iteration, CandidateSearch& search) override {
    const auto& [mean, std] = iteration.gaussian;
    const at::Tensor white = search.normal(samples_of(iteration.index));
    const at::Tensor noise = at::matmul(basis(mean.size(1), mean.device()), white);
    std::vector<at::Tensor> parts = {mean.unsqueeze(1) + std.unsqueeze(1) * noise};
    const bool is_first = iteration.index == 0;
    const bool is_last = iteration.index + 1 == options().iterations;
    if (is_first || is_last) parts.push_back(mean.unsqueeze(1));
    if (!is_first) parts.push_back(iteration.elites.actions.narrow(1, 0, options().kept_elites));
    return at::cat(parts, 1);
  }

  PlanGaussian fit(const Elites& elites, const PlanGaussian& before) const override {
    const double keep = options().momentum;
    return {.mean = keep * before.mean + (1.0 - keep) * elites.actions.mean(1),
            .std = keep * before.std + (1.0 - keep) * elites.actions.std(1, /*unbiased=*/true)};
  }

  at::Tensor result(const PlanGaussian& /*gaussian*/, const Elites& elites) const override {
    return elites.best();
  }

  int64_t samples_of(int64_t iteration) const {
    const int64_t samples = options().samples;
    const double decayed = static_cast<double>(samples) /
                           std::pow(options().sample_decay, static_cast<double>(iteration));
    // Never more than at first, in case the user wants fewer than two candidates per elite.
    return std::min(samples, std::max(static_cast<int64_t>(decayed), 2 * options().elites));
  }

  // coloured_noise_basis() for the last problem's shape: most problems have the same shape as the
  // previous one.
  const at::Tensor& basis(int64_t steps, at::Device device) {
    if (!basis_.defined() || basis_.size(0) != steps || basis_.device() != device) {
      basis_ = coloured_noise_basis(steps, options().noise_beta).to(device);
    }
    return basis_;
  }

  at::Tensor basis_;
};

}  // namespace

at::Tensor coloured_noise_basis(int64_t steps, double beta) {
  at::Tensor basis = at::empty({steps, steps}, at::kDouble);
  auto* element = basis.mutable_data_ptr<double>();
  const auto n = static_cast<double>(steps);
  // Column 2 k - 1 is a cosine and 2 k a sine of frequency k / T; columns are orthonormal except
  // for their power. If T is even, the last cosine has no sine.
  double power = 0.0;
  for (int64_t column = 0; column < steps; ++column) {
    const int64_t k = (column + 1) / 2;
    const double frequency = static_cast<double>(std::max<int64_t>(k, 1)) / n;
    const double scale = std::pow(frequency, -0.5 * beta);
    power += scale * scale;
    const bool alone = k == 0 || 2 * k == steps;
    const double length = std::sqrt((alone ? 1.0 : 2.0) / n);
    for (int64_t t = 0; t < steps; ++t) {
      const double angle =
          2.0 * std::numbers::pi * static_cast<double>(k) * static_cast<double>(t) / n;
      const double wave = column % 2 == 1 || k == 0 ? std::cos(angle) : std::sin(angle);
      element[t * steps + column] = scale * length * wave;
    }
  }
  return (basis / std::sqrt(power / n)).to(at::kFloat);
}

std::unique_ptr<Planner> make_icem(const PlannerOptions& options) {
  return std::make_unique<Icem>(options);
}

}  // namespace reverie
