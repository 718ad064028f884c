#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/device_checks.h"
#include "nn/noise_source.h"
#include "worldmodel/planning/planner.h"

namespace reverie {

// The model's costs of candidates for one problem. The start is repeated again only when the number
// of candidates changes.
class CandidateCosts {
 public:
  // Keeps a reference. Throws Error(kInput) when the problem's shapes disagree.
  explicit CandidateCosts(const PlanningProblem& problem);

  // actions: [B, S, T, A]. Returns [B, S], in the cost function's type.
  at::Tensor operator()(const at::Tensor& actions);

 private:
  const PlanningProblem& problem_;
  LatentState start_;     // [B * repeated_, ...]
  int64_t repeated_ = 0;  // candidates per world
};

enum class ActionKind : uint8_t { kContinuous, kDiscrete };

// The common part of planners that draw candidates and evaluate them with the model.
class CandidateSearch {
 public:
  // Keeps references to the problem and the checks. samples: the greatest number of candidates per
  // world at once, without the problem's proposals. Takes one draw from rng, which seeds a
  // generator on the problem's device. Throws Error(kInput) that opens with the planner's name when
  // the problem needs another kind of actions, its shapes disagree, or B * (samples + P) * T * A is
  // absurdly large. Adds to `checks` that limits are in order and that guess and proposals are
  // valid actions.
  CandidateSearch(std::string planner, ActionKind kind, const PlanningProblem& problem,
                  int64_t samples, Rng& rng, DeviceChecks& checks);

  // The guess within the limits, or actions of 0 without a guess. [B, T, A] float32.
  at::Tensor initial_mean() const;

  // The candidates followed by the problem's proposals, [B, S + P, T, A].
  at::Tensor with_proposals(const at::Tensor& candidates) const;

  // Standard normal numbers, [B, samples, T, A] float32.
  at::Tensor normal(int64_t samples);

  // `samples` choices of each number of a plan with probabilities [B, T, A, choices]: [B, samples,
  // T, A] int64.
  at::Tensor choices(const at::Tensor& chances, int64_t samples);

  // Limits continuous actions [..., A] to the bounds.
  at::Tensor clamp(const at::Tensor& actions) const;

  // [B, S, T, A] to [B, S]; costs that are not finite become infinite.
  at::Tensor costs(const at::Tensor& actions);

  // The plan [B, T, A] within the limits, which a mean may exceed by a rounding error, with the
  // model's cost of it. Adds to `checks` that the cost is finite.
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

// The K candidates of each world with the lowest cost, the cheapest first.
struct Elites {
  at::Tensor actions;  // [B, K, T, A]
  at::Tensor cost;     // [B, K]

  at::Tensor best() const { return actions.select(1, 0); }  // [B, T, A]
};

// actions: [B, S, T, A], cost: [B, S] finite or +infinity, 1 <= count <= S. If a world has fewer
// than K candidates of finite cost, copies of its cheapest one fill its elites, so that
// distributions are fitted to finite candidates as long as there is one.
Elites select_elites(const at::Tensor& actions, const at::Tensor& cost, int64_t count);

}  // namespace reverie
