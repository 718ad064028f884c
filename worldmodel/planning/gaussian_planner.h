#pragma once

#include <cstdint>
#include <string>

#include "worldmodel/planning/candidate_search.h"

namespace reverie {

// Independent normal distributions of every number of a plan, [B, T, A] each.
struct PlanGaussian {
  at::Tensor mean, std;
};

// The loop shared by CEM, iCEM and MPPI: draw candidates from a Gaussian, keep the K cheapest as
// elites, fit the Gaussian to them, and repeat. A planner defines how candidates are drawn, how the
// Gaussian is fitted, and which plan is returned. Proposals are candidates in the first iteration.
// The standard deviation stays within PlannerOptions::min_std and max_std.
class GaussianPlanner : public Planner {
 public:
  Plan search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) final;

 protected:
  // name: for messages.
  GaussianPlanner(std::string name, const PlannerOptions& options)
      : name_(std::move(name)), options_(options) {}

  // The information available when the candidates of an iteration are drawn.
  struct Iteration {
    int64_t index;                 // 0 .. options().iterations - 1
    const PlanGaussian& gaussian;  // fitted to the elites of the previous iteration
    const Elites& elites;          // of the previous iteration; undefined in the first
  };

  const PlannerOptions& options() const { return options_; }

 private:
  // The greatest number of candidates per world that candidates() returns.
  virtual int64_t most_candidates() const { return options_.samples; }

  // [B, S, T, A], not yet limited to the bounds. By default samples of the Gaussian; the first one
  // is replaced by its mean.
  virtual at::Tensor candidates(const Iteration& iteration, CandidateSearch& search);

  // The Gaussian of the next iteration, before its standard deviation is limited.
  virtual PlanGaussian fit(const Elites& elites, const PlanGaussian& before) const = 0;

  // The plan after the last iteration, [B, T, A]. By default the mean.
  virtual at::Tensor result(const PlanGaussian& gaussian, const Elites& /*elites*/) const {
    return gaussian.mean;
  }

  at::Tensor bounded(const at::Tensor& std) const;

  std::string name_;
  PlannerOptions options_;
};

}  // namespace reverie
