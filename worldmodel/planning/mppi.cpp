#include <limits>

#include "nn/pch.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Mppi final : public Planner {
 public:
  explicit Mppi(const PlannerOptions& options) : options_(options) {}

  Plan plan(const PlanningProblem& problem, Rng& rng) override {
    const at::NoGradGuard no_grad;
    CandidateSearch search("mppi", ActionKind::kContinuous, problem, options_.samples, rng);
    at::Tensor mean = search.initial_mean();
    at::Tensor std = at::full_like(mean, options_.initial_std);
    for (int64_t i = 0; i < options_.iterations; ++i) {
      at::Tensor candidates =
          mean.unsqueeze(1) + std.unsqueeze(1) * search.normal(options_.samples);
      candidates.select(1, 0).copy_(mean);
      candidates = search.clamp(candidates);
      const Elites elites = select_elites(candidates, search.costs(candidates), options_.elites);
      const at::Tensor weight = weights(elites.cost);
      mean = (weight * elites.actions).sum(1);
      const at::Tensor variance = (weight * (elites.actions - mean.unsqueeze(1)).square()).sum(1);
      // What weighted samples miss of the variance, as K / (K - 1) where all weigh the same.
      std = (variance / (1.0 - weight.square().sum(1)).clamp_min(1e-6)).sqrt();
    }
    return search.finish(mean);
  }

 private:
  // [B, K] costs, the least first, to [B, K, 1, 1] weights that sum to 1.
  at::Tensor weights(const at::Tensor& cost) const {
    const at::Tensor spread =
        cost.std(1, /*unbiased=*/true, /*keepdim=*/true)
            .clamp_min(std::numeric_limits<float>::min());  // all cost the same: weigh the same
    const at::Tensor weight =
        at::softmax((cost.narrow(1, 0, 1) - cost) / (options_.temperature * spread), 1);
    return weight.to(at::kFloat).view({cost.size(0), cost.size(1), 1, 1});
  }

  PlannerOptions options_;
};

}  // namespace

std::unique_ptr<Planner> make_mppi(const PlannerOptions& options) {
  return std::make_unique<Mppi>(options);
}

}  // namespace reverie
