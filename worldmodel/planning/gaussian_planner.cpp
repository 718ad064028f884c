#include "worldmodel/planning/gaussian_planner.h"

#include "nn/pch.h"

namespace reverie {

Plan GaussianPlanner::search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) {
  const at::NoGradGuard no_grad;
  CandidateSearch search(name_, ActionKind::kContinuous, problem, most_candidates(), rng, checks);
  PlanGaussian gaussian;
  gaussian.mean = search.initial_mean();
  gaussian.std = bounded(at::full_like(gaussian.mean, options_.initial_std));
  Elites elites;
  for (int64_t i = 0; i < options_.iterations; ++i) {
    at::Tensor drawn = candidates({.index = i, .gaussian = gaussian, .elites = elites}, search);
    if (i == 0) drawn = search.with_proposals(drawn);
    drawn = search.clamp(drawn);
    elites = select_elites(drawn, search.costs(drawn), options_.elites);
    gaussian = fit(elites, gaussian);
    gaussian.std = bounded(gaussian.std);
  }
  return search.finish(result(gaussian, elites));
}

at::Tensor GaussianPlanner::bounded(const at::Tensor& std) const {
  const at::Tensor above = options_.min_std > 0.0 ? std.clamp_min(options_.min_std) : std;
  return options_.max_std > 0.0 ? above.clamp_max(options_.max_std) : above;
}

at::Tensor GaussianPlanner::candidates(const Iteration& iteration, CandidateSearch& search) {
  const auto& [mean, std] = iteration.gaussian;
  at::Tensor drawn = mean.unsqueeze(1) + std.unsqueeze(1) * search.normal(options_.samples);
  drawn.select(1, 0).copy_(mean);
  return drawn;
}

}  // namespace reverie
