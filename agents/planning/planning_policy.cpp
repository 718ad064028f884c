#include "agents/planning/planning_policy.h"

#include <algorithm>
#include <map>

#include "nn/pch.h"
#include "worldmodel/action_code.h"

namespace reverie {

void PlanningOptions::describe(ConfigFields& f) {
  planner.describe(f);
  f.add("replan_every", replan_every,
        "model steps carried out before the next plan; 0 = --horizon, at most 5", between(0, 1000));
  f.add("goal_cost", goal_cost,
        "cost of a plan: the distance to the goal at its last step, or the mean over its steps",
        {"last", "mean"});
}

namespace {

constexpr int64_t kMostReplanEvery = 5;  // default upper limit

at::Tensor row_of(const at::Tensor& tensor, int64_t row) { return tensor.narrow(0, row, 1); }

LatentState row_of(const LatentState& state, int64_t row) {
  return {row_of(state.z, row), state.h.defined() ? row_of(state.h, row) : state.h};
}

// The same field of several rows, concatenated.
template <typename Get>
LatentState join(const std::vector<int64_t>& rows, const Get& get) {
  std::vector<at::Tensor> z, h;
  for (const int64_t row : rows) {
    const LatentState& state = get(row);
    z.push_back(state.z);
    if (state.h.defined()) h.push_back(state.h);
  }
  return {at::cat(z), h.empty() ? at::Tensor() : at::cat(h)};
}

}  // namespace

PlanningPolicy::PlanningPolicy(WorldModel& model, PlanningTask task, const PlanningOptions& options,
                               uint64_t seed)
    : model_(model),
      task_(std::move(task)),
      options_(options),
      planner_(make_planner(options.planner)),
      rng_(seed) {
  REVERIE_CHECK(task_.goals != nullptr || !task_.cost.parts.empty(),
                "planning: neither goals nor a cost to plan for");
  if (options.replan_every == 0) {
    options_.replan_every = std::min(kMostReplanEvery, options.planner.horizon);
  }
  REVERIE_CHECK(options.replan_every <= options.planner.horizon,
                "--replan-every {}: a plan has only {} steps (--horizon)", options.replan_every,
                options.planner.horizon);
  const ActionLimits limits = model.actions().limits();
  const at::Tensor nothing =
      at::zeros_like(limits.low, limits.choices > 0 ? at::kLong : at::kFloat);
  idle_action_ = model.actions().to_environment(nothing)[0];
}

int64_t PlanningPolicy::block() const { return model_.actions().block(); }

bool PlanningPolicy::is_due(const Row& row) const {
  return !row.idle && (!row.plan.defined() || row.elapsed >= options_.replan_every * block());
}

void PlanningPolicy::on_episode_start(const at::Tensor& env_mask) {
  const at::Tensor mask = env_mask.contiguous();
  if (mask.numel() > static_cast<int64_t>(rows_.size())) {
    rows_.resize(static_cast<size_t>(mask.numel()));
  }
  for (int64_t i = 0; i < mask.numel(); ++i) {
    if (mask.const_data_ptr<bool>()[i]) rows_[static_cast<size_t>(i)] = Row();
  }
}

void PlanningPolicy::on_idle(const at::Tensor& env_mask) {
  const at::Tensor mask = env_mask.contiguous();
  for (int64_t i = 0; i < mask.numel(); ++i) {
    if (mask.const_data_ptr<bool>()[i]) rows_.at(static_cast<size_t>(i)).idle = true;
  }
}

// Remembers the observation, and the block of actions that led to it.
void PlanningPolicy::look(Row& row, const TensorMap& obs, int64_t index) const {
  if (row.plan.defined()) row.actions.push_back(row.planned[row.elapsed / block() - 1]);
  TensorMap frame;
  for (const auto& [name, values] : obs) frame.add(name, row_of(values, index).clone());
  row.frames.push_back(std::move(frame));
  const auto history = static_cast<size_t>(model_.history());
  if (row.frames.size() > history) {
    row.frames.pop_front();
    row.actions.pop_front();
  }
}

Decision PlanningPolicy::act(const TensorMap& obs) {
  const int64_t count = obs.begin()->second.size(0);
  if (count > static_cast<int64_t>(rows_.size())) rows_.resize(static_cast<size_t>(count));
  // Groups rows by the number of known frames and by whether they have a plan to begin from.
  std::map<std::pair<size_t, bool>, std::vector<int64_t>> due;
  for (int64_t i = 0; i < count; ++i) {
    Row& row = rows_[static_cast<size_t>(i)];
    if (row.idle) continue;
    if (row.elapsed % block() == 0) look(row, obs, i);
    if (is_due(row)) due[{row.frames.size(), row.plan.defined()}].push_back(i);
  }
  for (const auto& [alike, rows] : due) plan(rows, obs);

  std::vector<at::Tensor> actions;
  for (int64_t i = 0; i < count; ++i) {
    Row& row = rows_[static_cast<size_t>(i)];
    if (row.idle) {
      actions.push_back(idle_action_);
      continue;
    }
    actions.push_back(row.planned[row.elapsed / block()][row.elapsed % block()]);
    ++row.elapsed;
  }
  return {at::stack(actions)};
}

// The rest of the current plans: [B, T - replan_every, M]. Undefined for rows without a plan.
at::Tensor PlanningPolicy::first_guess(const std::vector<int64_t>& rows) const {
  std::vector<at::Tensor> guesses;
  for (const int64_t i : rows) {
    const at::Tensor& plan = rows_[static_cast<size_t>(i)].plan;
    if (!plan.defined()) return {};
    guesses.push_back(plan.narrow(0, options_.replan_every, plan.size(0) - options_.replan_every));
  }
  return at::stack(guesses);
}

// The task's cost, plus the distance to the goals of these rows.
PlanningCost PlanningPolicy::cost_of(const std::vector<int64_t>& rows) {
  PlanningCost cost = task_.cost;
  if (task_.goals == nullptr) return cost;
  for (const int64_t i : rows) {
    Row& row = rows_[static_cast<size_t>(i)];
    if (!row.goal.z.defined()) row.goal = task_.goals->encode_goal(row.frames.back());
  }
  const LatentState goals =
      join(rows, [&](int64_t i) { return rows_[static_cast<size_t>(i)].goal; });
  cost.parts.push_back(options_.goal_cost == "last"
                           ? goal_distance_at_end(*task_.goals, goals)
                           : mean_goal_distance(*task_.goals, goals, options_.planner.horizon));
  return cost;
}

void PlanningPolicy::plan(const std::vector<int64_t>& rows, const TensorMap& obs) {
  const at::NoGradGuard no_grad;
  const auto each = [&](const auto& get) {
    std::vector<at::Tensor> out;
    for (const int64_t i : rows) out.push_back(get(rows_[static_cast<size_t>(i)]));
    return out;
  };
  const size_t frames = rows_[static_cast<size_t>(rows.front())].frames.size();
  TensorMap history;  // [B, F, ...]
  for (const auto& [name, values] : obs) {
    history.add(name, at::stack(each([&, &field = name](const Row& row) {
                  std::vector<at::Tensor> seen;
                  for (const TensorMap& frame : row.frames) seen.push_back(frame.at(field));
                  return at::cat(seen);
                })));
  }
  at::Tensor actions;  // [B, F - 1, k, ...]
  if (frames > 1) {
    actions = at::stack(each([](const Row& row) {
      return at::stack(std::vector<at::Tensor>(row.actions.begin(), row.actions.end()));
    }));
  }
  const PlanningCost cost = cost_of(rows);
  const LatentState start = model_.encode(history, actions);
  const int64_t horizon = options_.planner.horizon;
  const Plan found =
      planner_->plan({.dynamics = model_,
                      .start = start,
                      .cost = cost,
                      .limits = model_.actions().limits(),
                      .horizon = horizon,
                      .guess = first_guess(rows),
                      .proposals = task_.propose ? task_.propose(start, horizon) : at::Tensor()},
                     rng_);
  const at::Tensor planned = model_.actions().to_environment(found.actions);
  for (int64_t b = 0; b < static_cast<int64_t>(rows.size()); ++b) {
    Row& row = rows_[static_cast<size_t>(rows[static_cast<size_t>(b)])];
    row.start = row_of(start, b);
    row.plan = found.actions[b].clone();
    row.planned = planned[b].clone();
    row.elapsed = 0;
  }
}

PlanningPolicy::PlannedRollout PlanningPolicy::planned_rollout(int64_t row) const {
  const Row& of = rows_.at(static_cast<size_t>(row));
  return {of.start, of.plan, of.elapsed};
}

}  // namespace reverie
