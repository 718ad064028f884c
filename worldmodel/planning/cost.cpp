#include "worldmodel/planning/cost.h"

#include <memory>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// The accumulated cost of R candidates during a rollout.
class CostSum {
 public:
  CostSum(const PlanningCost& cost, int64_t rows) : cost_(cost), rows_(rows) {
    REVERIE_CHECK(!cost.parts.empty(), "planning: the problem has no cost");
  }

  void add_step(const CandidateStep& step) {
    for (const CostPart& part : cost_.parts) {
      if (part.step) add(part.step(step), part.weight, fmt::format("step {}", step.t));
    }
    discount_ *= cost_.discount;
    const at::Tensor ended = cost_.termination ? cost_.termination(step.next) : at::Tensor();
    if (!ended.defined()) return;
    check_shape(ended, "termination");
    going_on_ = going_on_.defined() ? going_on_ * (1.0 - ended) : 1.0 - ended;
  }

  void add_end(const LatentState& last) {
    for (const CostPart& part : cost_.parts) {
      if (part.end) add(part.end(last), part.weight, "the end");
    }
  }

  // [R].
  const at::Tensor& total() const {
    REVERIE_CHECK(total_.defined(), "planning: no part of the cost charges anything");
    return total_;
  }

 private:
  void check_shape(const at::Tensor& values, std::string_view what) const {
    REVERIE_CHECK(values.dim() == 1 && values.size(0) == rows_,
                  "planning: the cost of {} has the shape {}, expected {}", what,
                  fmt::join(values.sizes(), "x"), rows_);
  }

  void add(at::Tensor charged, double weight, std::string_view what) {
    check_shape(charged, what);
    const double scale = discount_ * weight;
    if (scale != 1.0) charged = scale * charged;
    if (going_on_.defined()) charged = going_on_ * charged;
    total_ = total_.defined() ? total_ + charged : charged;
  }

  const PlanningCost& cost_;
  int64_t rows_;
  double discount_ = 1.0;  // discount^t
  at::Tensor going_on_;    // [R], probability that the episode has not ended; undefined: 1
  at::Tensor total_;
};

// Goals of B worlds for R candidates, repeated again only when R changes.
class CandidateGoals {
 public:
  explicit CandidateGoals(const LatentState& goals) : goals_(goals) {}

  const LatentState& of(int64_t rows) {
    if (!repeated_.z.defined() || repeated_.size() != rows) {
      repeated_ = goals_.repeat(rows / goals_.size());
    }
    return repeated_;
  }

 private:
  LatentState goals_, repeated_;
};

}  // namespace

at::Tensor rollout_cost(Dynamics& dynamics, const PlanningCost& cost, const LatentState& start,
                        const at::Tensor& actions) {
  CostSum sum(cost, start.size());
  LatentState state = start;
  for (int64_t t = 0; t < actions.size(0); ++t) {
    const at::Tensor action = actions.select(0, t);
    LatentState next = dynamics.predict(state, action);
    sum.add_step({.state = state, .action = action, .next = next, .t = t});
    state = std::move(next);
  }
  sum.add_end(state);
  return sum.total();
}

CostPart goal_distance_at_end(const GoalSpace& space, const LatentState& goals) {
  const auto repeated = std::make_shared<CandidateGoals>(goals);
  return {.end = [&space, repeated](const LatentState& last) {
    return space.distance(last, repeated->of(last.size()));
  }};
}

CostPart mean_goal_distance(const GoalSpace& space, const LatentState& goals, int64_t horizon) {
  const auto repeated = std::make_shared<CandidateGoals>(goals);
  return {.step = [&space, repeated, horizon](const CandidateStep& step) {
    return space.distance(step.next, repeated->of(step.next.size())) / static_cast<double>(horizon);
  }};
}

CostPart negative_reward(Heads& heads) {
  return {.step = [&heads](const CandidateStep& step) {
    return -heads.reward(step.state, step.action, step.next);
  }};
}

CostPart negative_terminal_value(Heads& heads) {
  return {.end = [&heads](const LatentState& last) { return -heads.value(last); }};
}

PlanningCost negative_return(Heads& heads, double discount) {
  return {.parts = {negative_reward(heads), negative_terminal_value(heads)},
          .discount = discount,
          .termination = [&heads](const LatentState& next) { return heads.termination(next); }};
}

}  // namespace reverie
