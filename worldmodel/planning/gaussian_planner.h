#pragma once

#include <cstdint>
#include <string>

#include "worldmodel/planning/candidate_search.h"

namespace reverie {

// Independent normal distributions of every number of a plan, [B, T, A] each.
struct PlanGaussian {
  at::Tensor mean, std;
};

// The loop that CEM, iCEM and MPPI share: draw candidates from a PlanGaussian, keep the K cheapest
// as elites, fit the PlanGaussian to them, again and again. A planner says how candidates are
// drawn, how the PlanGaussian is fitted, and which plan is returned. Proposals are candidates in
// the first iteration. The standard deviation stays within PlannerOptions::min_std and max_std.
class GaussianPlanner : public Planner {
 public:
  Plan search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) final;

 protected:
  // name: for messages.
  GaussianPlanner(std::string name, const PlannerOptions& options)
      : name_(std::move(name)), options_(options) {}

  // What is known when the candidates of an iteration are drawn.
  struct Iteration {
    int64_t index;                 // 0 .. options().iterations - 1
    const PlanGaussian& gaussian;  // fitted to the elites of the iteration before
    const Elites& elites;          // of the iteration before; undefined in the first
  };

  const PlannerOptions& options() const { return options_; }

 private:
  // The most candidates a world that candidates() returns.
  virtual int64_t most_candidates() const { return options_.samples; }

  // [B, S, T, A], not yet within the limits. The default: samples of the PlanGaussian, the first of
  // which is replaced by its mean.
  virtual at::Tensor candidates(const Iteration& iteration, CandidateSearch& search);

  // The PlanGaussian of the next iteration, before its standard deviation is bounded.
  virtual PlanGaussian fit(const Elites& elites, const PlanGaussian& before) const = 0;

  // The plan after the last iteration, [B, T, A]. The default: the mean.
  virtual at::Tensor result(const PlanGaussian& gaussian, const Elites& /*elites*/) const {
    return gaussian.mean;
  }

  at::Tensor bounded(const at::Tensor& std) const;

  std::string name_;
  PlannerOptions options_;
};

}  // namespace reverie
