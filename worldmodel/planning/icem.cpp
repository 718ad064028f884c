#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/pch.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Icem final : public Planner {
 public:
  explicit Icem(const PlannerOptions& options) : options_(options) {}

  Plan plan(const PlanningProblem& problem, Rng& rng) override {
    const at::NoGradGuard no_grad;
    CandidateSearch search("icem", ActionKind::kContinuous, problem,
                           options_.samples + options_.kept_elites + 1, rng);
    at::Tensor mean = search.initial_mean();
    at::Tensor std = at::full_like(mean, options_.initial_std);
    const at::Tensor basis =
        coloured_noise_basis(problem.horizon, options_.noise_beta).to(mean.device());
    Elites elites;
    for (int64_t i = 0; i < options_.iterations; ++i) {
      const at::Tensor noise = at::matmul(basis, search.normal(samples_of(i)));
      std::vector<at::Tensor> parts = {mean.unsqueeze(1) + std.unsqueeze(1) * noise};
      if (i == 0 || i + 1 == options_.iterations) parts.push_back(mean.unsqueeze(1));
      if (i > 0) parts.push_back(elites.actions.narrow(1, 0, options_.kept_elites));
      const at::Tensor candidates = search.clamp(at::cat(parts, 1));
      elites = select_elites(candidates, search.costs(candidates), options_.elites);
      const double keep = options_.momentum;
      mean = keep * mean + (1.0 - keep) * elites.actions.mean(1);
      std = keep * std + (1.0 - keep) * elites.actions.std(1, /*unbiased=*/true);
    }
    return search.finish(elites.best());
  }

 private:
  int64_t samples_of(int64_t iteration) const {
    const double decayed = static_cast<double>(options_.samples) /
                           std::pow(options_.sample_decay, static_cast<double>(iteration));
    // Never more than at first, where the user wants less than two candidates an elite.
    return std::min(options_.samples, std::max(static_cast<int64_t>(decayed), 2 * options_.elites));
  }

  PlannerOptions options_;
};

}  // namespace

at::Tensor coloured_noise_basis(int64_t steps, double beta) {
  at::Tensor basis = at::empty({steps, steps}, at::kDouble);
  auto* element = basis.mutable_data_ptr<double>();
  const auto n = static_cast<double>(steps);
  // Column 2 k - 1 is a cosine and 2 k a sine of frequency k / T; columns are orthonormal but for
  // their power. Where T is even, the last cosine has no sine.
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
