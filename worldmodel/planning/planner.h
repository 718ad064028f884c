#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/random.h"
#include "nn/device_checks.h"
#include "worldmodel/dynamics.h"
#include "worldmodel/planning/cost.h"

namespace reverie {

// Planning by trying action sequences in a model. Letters: B worlds planned for at once, S
// candidate sequences per world, T steps of the horizon, A numbers of an action.

// The possible actions. Discrete ones are A numbers of 0 .. choices - 1, int64; then only the size
// of `low` and `high` matters.
struct ActionLimits {
  at::Tensor low, high;  // [A] float32, in the model's units; candidates are clamped to them
  int64_t choices = 0;   // of each of the A numbers; 0: continuous

  int64_t size() const { return low.size(0); }
};

// A planning problem. All tensors are on the device of start.z.
struct PlanningProblem {
  Dynamics& dynamics;
  LatentState start;  // B rows
  PlanningCost cost;
  ActionLimits limits;
  int64_t horizon = 5;  // T [model steps]
  // What is known of the plan when the search begins: its first T' <= T steps, [B, T', A], for
  // example the rest of the previous plan. Later steps are undecided, and all are if it is
  // undefined: a continuous search begins with actions of 0 (clamped) there, and a discrete one
  // with equal probabilities of all choices.
  at::Tensor guess = {};
  // Action sequences that are candidates in the first iteration of the search, in addition to those
  // that the planner draws: [B, P, T, A], for example an actor's. Undefined: none.
  at::Tensor proposals = {};
};

struct Plan {
  at::Tensor actions;  // [B, T, A] float32, or int64 if discrete
  at::Tensor cost;     // [B] float32, the model's cost of `actions`; finite
};

// Worlds do not affect each other: the plan of one depends on its row of the problem, on B and on
// the generator, not on the other rows.
class Planner {
 public:
  virtual ~Planner() = default;

  // The same problem and generator give the same plan on the same kind of device. Throws
  // Error(kInput) when the problem does not suit the planner (gradients of dynamics or a cost
  // without gradients, discrete actions for a planner of continuous ones) or its shapes or values
  // disagree, and Error(kRun) when the plan's cost is not finite. Waits for the plan.
  Plan plan(const PlanningProblem& problem, Rng& rng);

  // Likewise without waiting for the device. Checks of values (the problem's, the plan's cost) are
  // added to `checks`, which must be read before the plan is used.
  virtual Plan search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) = 0;
};

// Options of all planners; each reads its own. Defaults are those of LeWorldModel's CEM and, for
// the others, of stable-worldmodel's solvers, except for MPPI's temperature, which has another
// unit.
struct PlannerOptions {
  std::string planner = "cem";
  int64_t horizon = 5;    // T [model steps], for the caller that poses the problem
  int64_t samples = 300;  // S; iCEM: of the first iteration
  int64_t iterations = 30;
  int64_t elites = 30;       // K; all but gradient
  double initial_std = 1.0;  // of the candidates, in the model's units of action
  double min_std = 0.0;      // CEM, iCEM, MPPI: bounds of the standard deviation that candidates
  double max_std = 0.0;      // are drawn with in every iteration; max_std = 0: no upper one
  double momentum = 0.1;     // iCEM, categorical CEM: fraction of the old distribution that is kept
  double noise_beta = 2.0;   // iCEM: exponent of the noise's spectrum, 1 / f^beta
  int64_t kept_elites = 5;   // iCEM: elites that take part in the next iteration
  double sample_decay = 1.0;   // iCEM: each iteration has 1 / sample_decay of the previous samples
  double temperature = 1.0;    // MPPI, in units of the elites' standard deviation of costs
  double smoothing = 0.0;      // categorical CEM: Laplace's, added to the elites' frequencies
  double learning_rate = 0.1;  // gradient, in the model's units of action

  // Flags --planner, --horizon, --samples, ...; the learning rate is --planner-learning-rate,
  // because models have one too.
  void describe(ConfigFields& fields);
};

// "cem", "icem", "mppi", "gradient", "categorical-cem".
std::vector<std::string> planner_names();

// Throws Error(kInput) for an unknown name, naming the nearest, for values out of range and for
// inconsistent options (more elites than samples).
std::unique_ptr<Planner> make_planner(const PlannerOptions& options);

}  // namespace reverie
