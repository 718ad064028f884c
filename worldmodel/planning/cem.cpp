#include "nn/pch.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Cem final : public Planner {
 public:
  explicit Cem(const PlannerOptions& options) : options_(options) {}

  Plan plan(const PlanningProblem& problem, Rng& rng) override {
    const at::NoGradGuard no_grad;
    CandidateSearch search("cem", ActionKind::kContinuous, problem, options_.samples, rng);
    at::Tensor mean = search.initial_mean();
    at::Tensor std = at::full_like(mean, options_.initial_std);
    for (int64_t i = 0; i < options_.iterations; ++i) {
      at::Tensor candidates =
          mean.unsqueeze(1) + std.unsqueeze(1) * search.normal(options_.samples);
      candidates.select(1, 0).copy_(mean);
      candidates = search.clamp(candidates);
      const Elites elites = select_elites(candidates, search.costs(candidates), options_.elites);
      mean = elites.actions.mean(1);
      std = elites.actions.std(1, /*unbiased=*/true);
    }
    return search.finish(mean);
  }

 private:
  PlannerOptions options_;
};

}  // namespace

std::unique_ptr<Planner> make_cem(const PlannerOptions& options) {
  return std::make_unique<Cem>(options);
}

}  // namespace reverie
