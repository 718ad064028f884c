#include "nn/one_hot.h"
#include "nn/pch.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

// The guess's share of the first iteration's draws, at the steps it covers: enough to search around
// it, enough to leave it.
constexpr double kGuessShare = 0.5;

class CategoricalCem final : public Planner {
 public:
  explicit CategoricalCem(const PlannerOptions& options) : options_(options) {}

  Plan search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) override {
    const at::NoGradGuard no_grad;
    CandidateSearch search("categorical-cem", ActionKind::kDiscrete, problem, options_.samples, rng,
                           checks);
    at::Tensor chances = initial_chances(problem);
    at::Tensor cheapest;  // [B, T, A]
    for (int64_t i = 0; i < options_.iterations; ++i) {
      at::Tensor candidates = search.choices(chances, options_.samples);
      if (i == 0) {
        // Without a guess no choice is the likeliest yet: those steps stay as drawn.
        if (guess_steps(problem) > 0) {
          candidates.select(1, 0).narrow(1, 0, guess_steps(problem)).copy_(problem.guess);
        }
        candidates = search.with_proposals(candidates);
      } else {
        candidates.select(1, 0).copy_(chances.argmax(-1));
        // The cheapest so far competes again, and stays if nothing is cheaper.
        candidates.select(1, 1).copy_(cheapest);
      }
      const Elites elites = select_elites(candidates, search.costs(candidates), options_.elites);
      cheapest = elites.best();
      chances =
          options_.momentum * chances + (1.0 - options_.momentum) * frequencies(elites, problem);
    }
    return search.finish(cheapest);
  }

 private:
  static int64_t guess_steps(const PlanningProblem& problem) {
    return problem.guess.defined() ? problem.guess.size(1) : 0;
  }

  // [B, T, A, choices], which sums to 1 over the last axis.
  static at::Tensor initial_chances(const PlanningProblem& problem) {
    const int64_t choices = problem.limits.choices;
    const std::vector<int64_t> shape = {problem.start.size(), problem.horizon,
                                        problem.limits.size(), choices};
    const at::Tensor chances = at::full(shape, 1.0 / static_cast<double>(choices),
                                        problem.start.z.options().dtype(at::kFloat));
    if (guess_steps(problem) > 0) {
      const at::Tensor known = chances.narrow(1, 0, guess_steps(problem));
      known.copy_((1.0 - kGuessShare) * known + kGuessShare * one_hot_code(problem.guess, choices));
    }
    return chances;
  }

  // The frequency of each choice among the elites, smoothed: [B, T, A, choices].
  at::Tensor frequencies(const Elites& elites, const PlanningProblem& problem) const {
    const auto choices = static_cast<double>(problem.limits.choices);
    const at::Tensor counted = one_hot_code(elites.actions, problem.limits.choices).mean(1);
    return (counted + options_.smoothing) / (1.0 + choices * options_.smoothing);
  }

  PlannerOptions options_;
};

}  // namespace

std::unique_ptr<Planner> make_categorical_cem(const PlannerOptions& options) {
  return std::make_unique<CategoricalCem>(options);
}

}  // namespace reverie
