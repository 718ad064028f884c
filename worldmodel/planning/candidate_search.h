#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/device_checks.h"
#include "nn/noise_source.h"
#include "worldmodel/planning/planner.h"

namespace reverie {

// What the model says of candidates, for one problem. The start is repeated once for as long as the
// number of candidates stays the same.
class CandidateCosts {
 public:
  // Keeps a reference. Throws Error(kInput) where the problem's shapes disagree.
  explicit CandidateCosts(const PlanningProblem& problem);

  // actions: [B, S, T, A]. Returns [B, S], in the type that the cost function computes in.
  at::Tensor operator()(const at::Tensor& actions);

 private:
  const PlanningProblem& problem_;
  LatentState start_;     // [B * repeated_, ...]
  int64_t repeated_ = 0;  // candidates a world
};

enum class ActionKind : uint8_t { kContinuous, kDiscrete };

// What planners share that draw candidates and look at what the model says of them.
class CandidateSearch {
 public:
  // Keeps references to the problem and the checks. samples: the most candidates a world at once,
  // but for the problem's proposals. Takes one draw from rng: a generator of the problem's device
  // is seeded with it. Throws Error(kInput) that opens with the planner's name where the problem
  // asks for another kind of actions, its shapes disagree, or B * (samples + P) * T * A is absurd.
  // Leaves in `checks` that limits are in order and guess and proposals are actions.
  CandidateSearch(std::string planner, ActionKind kind, const PlanningProblem& problem,
                  int64_t samples, Rng& rng, DeviceChecks& checks);

  // The guess within the limits, and actions of 0 where there is none. [B, T, A] float32.
  at::Tensor initial_mean() const;

  // The candidates and behind them the problem's proposals, [B, S + P, T, A].
  at::Tensor with_proposals(const at::Tensor& candidates) const;

  // Standard normal numbers, [B, samples, T, A] float32.
  at::Tensor normal(int64_t samples);

  // `samples` choices of each number of a plan by their chances [B, T, A, choices]: [B, samples, T,
  // A] int64.
  at::Tensor choices(const at::Tensor& chances, int64_t samples);

  // Continuous actions [..., A] within the limits.
  at::Tensor clamp(const at::Tensor& actions) const;

  // [B, S, T, A] to [B, S]; what is not finite counts as infinite.
  at::Tensor costs(const at::Tensor& actions);

  // The plan [B, T, A] within the limits, which a mean may miss by a rounding, with what the model
  // says of it; leaves in the checks that it is finite.
  Plan finish(const at::Tensor& found);

  int64_t worlds() const { return problem_.start.size(); }

 private:
  void check_values(const char* what, const at::Tensor& actions);

  std::string planner_;
  const PlanningProblem& problem_;
  DeviceChecks& checks_;
  CandidateCosts costs_;
  NoiseSource noise_;
  at::Tensor low_, high_;  // [A] float32 on the problem's device; undefined for discrete actions
};

// The K candidates of each world that cost least, the cheapest first.
struct Elites {
  at::Tensor actions;  // [B, K, T, A]
  at::Tensor cost;     // [B, K]

  at::Tensor best() const { return actions.select(1, 0); }  // [B, T, A]
};

// actions: [B, S, T, A], cost: [B, S] finite or +infinity, 1 <= count <= S. Where a world has fewer
// than K candidates of finite cost, copies of its cheapest stand for the rest of its elites: what
// is fitted to elites is fitted to finite ones as long as there is one.
Elites select_elites(const at::Tensor& actions, const at::Tensor& cost, int64_t count);

}  // namespace reverie
