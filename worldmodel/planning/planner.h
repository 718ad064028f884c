#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/random.h"
#include "worldmodel/world_model.h"

namespace reverie {

// Planning by trying action sequences in a model. Letters: B worlds planned for at once, S
// candidate sequences a world, T steps of the horizon, A numbers an action.

// What a candidate is charged for step t = 0 .. T - 1: the state that its action led to, and that
// action. [R, ...] to [R], lower is better; the costs of all steps are added up. R is a multiple of
// B, and the rows of one world follow each other: row r belongs to world r / (R / B).
using CostFn =
    std::function<at::Tensor(const LatentState& state, const at::Tensor& action, int64_t t)>;

// The actions there are.
struct ActionLimits {
  at::Tensor low, high;  // [A] float32, in the model's units; candidates are clamped to them
  int64_t choices = 0;   // > 0: each of the A numbers is one of 0 .. choices - 1 (int64) instead

  int64_t size() const { return low.size(0); }
};

// What is to be planned.
struct PlanningProblem {
  Dynamics& dynamics;
  LatentState start;  // B rows
  CostFn cost;
  ActionLimits limits;
  int64_t horizon = 5;
  // Where the search begins: [B, T, A], for example the rest of the plan before; undefined: at 0.
  at::Tensor guess = {};
};

struct Plan {
  at::Tensor actions;  // [B, T, A]
  at::Tensor cost;     // [B] float32, what the model says of `actions`
};

class Planner {
 public:
  virtual ~Planner() = default;

  // The same generator gives the same plan. Throws Error(kInput) where the problem does not suit:
  // gradients of dynamics that have none, discrete actions for a planner of continuous ones.
  virtual Plan plan(const PlanningProblem& problem, Rng& rng) = 0;
};

// Options of all planners; each reads its own. Defaults are those of LeWorldModel's CEM.
struct PlannerOptions {
  std::string planner = "cem";
  int64_t horizon = 5;    // T [model steps]
  int64_t samples = 300;  // S
  int64_t iterations = 30;
  int64_t elites = 30;         // CEM, iCEM, categorical CEM
  double initial_std = 1.0;    // of the candidates, in the model's units of action
  double momentum = 0.1;       // iCEM, categorical CEM: share of the old distribution that is kept
  double noise_beta = 2.0;     // iCEM: exponent of the noise's spectrum, 1 / f^beta
  int64_t kept_elites = 5;     // iCEM: elites that take part in the next iteration
  double temperature = 0.5;    // MPPI, in units of the elites' standard deviation of costs
  double learning_rate = 0.1;  // gradient

  void describe(ConfigFields& fields);
};

// "cem", "icem", "mppi", "gradient", "categorical-cem".
std::vector<std::string> planner_names();

// Throws Error(kInput) for an unknown name, naming the nearest, and for options that do not fit
// together (more elites than samples).
std::unique_ptr<Planner> make_planner(const PlannerOptions& options);

// The cost that the model gives sequences of actions: [B, S, T, A] to [B, S].
at::Tensor sequence_costs(const PlanningProblem& problem, const at::Tensor& actions);

}  // namespace reverie
