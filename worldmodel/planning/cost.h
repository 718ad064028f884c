#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "worldmodel/dynamics.h"
#include "worldmodel/goal_space.h"
#include "worldmodel/heads.h"

namespace reverie {

// The cost that a planner minimises. Letters: B worlds, R candidate sequences of all worlds
// together, T steps of the horizon, A numbers of an action. R is a multiple of B, and the
// candidates of one world are consecutive: row r belongs to world r / (R / B).

// Step t = 0 .. T - 1 of all candidates.
struct CandidateStep {
  const LatentState& state;  // R rows, in which the actions are taken
  const at::Tensor& action;  // [R, A] as Dynamics::predict() takes it
  const LatentState& next;   // R rows, which the actions led to
  int64_t t;
};

// One part of a cost: a charge for each step, for the state after the last step, or for both. Lower
// is better. Each charge is [R] of any floating-point type.
struct CostPart {
  std::function<at::Tensor(const CandidateStep& step)> step = {};
  std::function<at::Tensor(const LatentState& last)> end = {};
  double weight = 1.0;
};

// The sum of its parts over steps 0 .. T - 1 and the end, step T:
//
//   J = sum_t w_t sum_parts weight step(t) + w_T sum_parts weight end
//   w_0 = 1,  w_{t+1} = discount (1 - termination(z_{t+1})) w_t
struct PlanningCost {
  std::vector<CostPart> parts;
  double discount = 1.0;  // of each step of the model
  // The probability that a step ended the episode, [R], from the state after it; empty or undefined
  // if episodes do not end. Later costs are weighted by the probability that the episode goes on.
  std::function<at::Tensor(const LatentState& next)> termination = {};
};

// The cost of candidates from their starts, [R]. start: R rows, actions: [T, R, A]. Throws
// Error(kInput) for a cost without parts, and for parts that return a shape other than [R].
at::Tensor rollout_cost(Dynamics& dynamics, const PlanningCost& cost, const LatentState& start,
                        const at::Tensor& actions);

// The distance between the goal and the state at a candidate's end. goals: B rows of
// GoalSpace::encode_goal(). The space must outlive the part.
CostPart goal_distance_at_end(const GoalSpace& space, const LatentState& goals);

// The mean over the steps of the distance to the goal after each step.
CostPart mean_goal_distance(const GoalSpace& space, const LatentState& goals, int64_t horizon);

// Minus the reward of each step. The heads must outlive the part.
CostPart negative_reward(Heads& heads);

// Minus the value of the state at a candidate's end.
CostPart negative_terminal_value(Heads& heads);

// Minus the return that the heads expect: the rewards along the candidate and the value of its end,
// discounted, and weighted by the probability that the episode goes on.
//
// Source: the objective of TD-MPC (Hansen et al. 2022, arXiv:2203.04955, equation 3). differs:
// includes termination, which TD-MPC lacks.
PlanningCost negative_return(Heads& heads, double discount);

}  // namespace reverie
