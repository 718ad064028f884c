#include "agents/planning/planning_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/planning/goal_tasks.h"
#include "agents/planning/simulator_model.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

using test::input_error;
using testing::HasSubstr;

// A fully observed point that moves by its actions. The model takes up to three observations.
class PointModel final : public WorldModel, public GoalSpace {
 public:
  LatentState encode(const TensorMap& obs, const at::Tensor& action) override {
    const at::Tensor& seen = obs.at("position");  // [B, F, 2]
    batches.push_back(seen.size(0));
    histories.push_back(seen.size(1));
    actions_seen.push_back(action);
    positions_seen.push_back(seen.clone());
    return {.z = seen.select(1, -1), .h = {}};
  }
  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    return {.z = state.z + action.view({-1, 2, 2}).sum(1), .h = {}};
  }
  bool differentiable() const override { return true; }
  int64_t history() const override { return most_frames; }
  LatentState encode_goal(const TensorMap& obs) override {
    ++goals_encoded;
    return {.z = obs.at("goal_position"), .h = {}};
  }
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override {
    return (state.z - goal.z).square().sum(-1);
  }
  const ActionCode& actions() const override { return code; }

  ActionCode code{ActionSpace(Field{.name = "action", .shape = {2}, .low = {-1}, .high = {1}}), 2,
                  at::kCPU};
  std::vector<int64_t> batches, histories;
  std::vector<at::Tensor> actions_seen, positions_seen;
  int goals_encoded = 0;
  int64_t most_frames = 3;
};

PlanningOptions small_options() {
  PlanningOptions options;
  options.planner.planner = "icem";
  options.planner.noise_beta = 0.5;
  options.planner.horizon = 4;
  options.planner.samples = 64;
  options.planner.iterations = 8;
  options.planner.elites = 8;
  options.replan_every = 2;
  return options;
}

TensorMap observe(const at::Tensor& position, const at::Tensor& goal) {
  return {{"position", position}, {"goal_position", goal}};
}

TEST(PlanningPolicy, GetsToItsGoalsAndStaysThere) {
  PointModel model;
  PlanningPolicy policy(model, {.goals = &model}, small_options(), 1);
  at::Tensor position = at::zeros({3, 2});
  const at::Tensor goal = at::tensor({3.0F, 4.0F, -6.0F, 1.0F, 0.0F, 0.5F}).view({3, 2});
  policy.on_episode_start(at::ones({3}, at::kBool));
  for (int t = 0; t < 24; ++t) {
    const at::Tensor action = policy.act(observe(position, goal)).action;
    EXPECT_LE(action.abs().max().item<double>(), 1.0);
    position = position + action;
  }
  EXPECT_LT((position - goal).norm(2, 1).max().item<double>(), 0.3);
  EXPECT_EQ(model.goals_encoded, 3) << "a goal is encoded once an episode";
}

TEST(PlanningPolicy, LooksABlockApartAndRemembersWhatWasDoneBetween) {
  PointModel model;
  PlanningPolicy policy(model, {.goals = &model}, small_options(), 1);
  const at::Tensor goal = at::full({1, 2}, 9.0);
  std::vector<at::Tensor> positions, actions;
  at::Tensor position = at::zeros({1, 2});
  policy.on_episode_start(at::ones({1}, at::kBool));
  for (int t = 0; t < 9; ++t) {
    positions.push_back(position);
    actions.push_back(policy.act(observe(position, goal)).action);
    position = position + actions.back();
  }
  // Plans are made at steps 0, 4 and 8; frames lie at 0, 2, 4, 6, 8.
  EXPECT_EQ(model.histories, (std::vector<int64_t>{1, 3, 3}));
  const at::Tensor seen = model.positions_seen.back();
  for (int64_t f = 0; f < 3; ++f) {
    EXPECT_TRUE(at::equal(seen[0][f], positions[static_cast<size_t>(4 + 2 * f)][0]));
  }
  const at::Tensor between = model.actions_seen.back();  // [1, 2, 2, 2]
  for (int64_t k = 0; k < 4; ++k) {
    EXPECT_TRUE(at::allclose(between.view({4, 2})[k], actions[static_cast<size_t>(4 + k)][0]));
  }
}

TEST(PlanningPolicy, ANewEpisodeForgetsAndIdleOnesArePlannedForNoMore) {
  PointModel model;
  PlanningPolicy policy(model, {.goals = &model}, small_options(), 1);
  const TensorMap obs = observe(at::zeros({2, 2}), at::ones({2, 2}));
  policy.on_episode_start(at::ones({2}, at::kBool));
  for (int t = 0; t < 3; ++t) policy.act(obs).action;
  policy.on_episode_start(at::tensor({0, 1}).to(at::kBool));
  policy.act(obs).action;
  EXPECT_EQ(model.histories.back(), 1) << "the second one has a new history";
  EXPECT_EQ(model.batches.back(), 1);
  policy.on_episode_start(at::tensor({1, 0}).to(at::kBool));
  policy.on_idle(at::tensor({1, 0}).to(at::kBool));
  const size_t plans = model.batches.size();
  for (int t = 0; t < 8; ++t) {
    EXPECT_TRUE(at::equal(policy.act(obs).action[0], at::zeros({2})));
  }
  for (size_t i = plans; i < model.batches.size(); ++i) EXPECT_EQ(model.batches[i], 1);
}

TEST(PlanningPolicy, NewAndOldPlansAtOnceWhereNothingIsRemembered) {
  PointModel model;
  model.most_frames = 1;
  PlanningPolicy policy(model, {.goals = &model}, small_options(), 1);
  at::Tensor position = at::zeros({2, 2});
  const at::Tensor goal = at::tensor({3.0F, -3.0F, -3.0F, 3.0F}).view({2, 2});
  policy.on_episode_start(at::ones({2}, at::kBool));
  for (int t = 0; t < 28; ++t) {
    if (t == 4) {  // when the first one's next plan is due too
      policy.on_episode_start(at::tensor({0, 1}).to(at::kBool));
      position[1].zero_();
    }
    position = position + policy.act(observe(position, goal)).action;
  }
  EXPECT_LT((position - goal).norm(2, 1).max().item<double>(), 1.0) << "they began 4.2 away";
}

TEST(PlanningPolicy, ReplansAtTheHorizonAtTheLatest) {
  PointModel model;
  PlanningOptions options = small_options();
  options.replan_every = 0;
  PlanningPolicy policy(model, {.goals = &model}, options, 1);  // horizon 4, in blocks of 2
  const TensorMap obs = observe(at::zeros({1, 2}), at::ones({1, 2}));
  policy.on_episode_start(at::ones({1}, at::kBool));
  for (int t = 0; t < 9; ++t) policy.act(obs).action;
  EXPECT_EQ(model.batches.size(), 2);
}

TEST(PlanningPolicy, TheSeedDecidesThePlans) {
  const auto first = [](uint64_t seed) {
    PointModel model;
    PlanningPolicy policy(model, {.goals = &model}, small_options(), seed);
    return policy.act(observe(at::zeros({1, 2}), at::ones({1, 2}))).action;
  };
  EXPECT_TRUE(at::equal(first(1), first(1)));
  EXPECT_FALSE(at::equal(first(1), first(2)));
}

// A number that four actions change. Counts how often each action is drawn.
class ChoiceModel final : public WorldModel, public GoalSpace {
 public:
  LatentState encode(const TensorMap& obs, const at::Tensor& /*action*/) override {
    predicted.clear();
    return {.z = obs.at("position").select(1, -1), .h = {}};
  }
  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    predicted.push_back(action.clone());
    return {.z = state.z + action.to(at::kFloat) - 1.5, .h = {}};
  }
  bool differentiable() const override { return false; }
  int64_t history() const override { return 1; }
  LatentState encode_goal(const TensorMap& obs) override {
    return {.z = obs.at("goal_position"), .h = {}};
  }
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override {
    return (state.z - goal.z).square().sum(-1);
  }
  const ActionCode& actions() const override { return code; }

  ActionCode code{ActionSpace(DiscreteSpace{4}), 1, at::kCPU};
  std::vector<at::Tensor> predicted;  // [B * S, 1] of each step since the last plan began
};

TEST(PlanningPolicy, NextPlansPreferNoChoiceWhereThePlanBeforeHasNone) {
  ChoiceModel model;
  PlanningOptions options;
  options.planner.planner = "categorical-cem";
  options.planner.horizon = 4;
  options.planner.samples = 2000;
  options.replan_every = 3;
  PlanningPolicy policy(model, {.goals = &model}, options, 1);
  policy.on_episode_start(at::ones({1}, at::kBool));
  const TensorMap obs = observe(at::zeros({1, 1}), at::full({1, 1}, 3.0));
  for (int t = 0; t < 4; ++t) policy.act(obs).action;  // plans at 0 and at 3
  // In the first iteration of the second plan, one step is left of the first plan and three are
  // new.
  for (size_t t = 1; t < 4; ++t) {
    for (int64_t choice = 0; choice < 4; ++choice) {
      const double share = (model.predicted[t] == choice).to(at::kDouble).mean().item<double>();
      EXPECT_NEAR(share, 0.25, 0.05) << "step " << t << ", choice " << choice;
    }
  }
  const at::Tensor first = std::get<0>(at::_unique(model.predicted[0]));
  EXPECT_EQ(first.numel(), 4);
}

// The value grows with the proximity to (2, 1), whatever the goal.
class NearAPlace final : public Heads {
 public:
  at::Tensor reward(const LatentState& /*state*/, const at::Tensor& /*action*/,
                    const LatentState& next) override {
    return value(next);
  }
  at::Tensor value(const LatentState& state) override {
    return -(state.z - at::tensor({2.0F, 1.0F})).square().sum(-1);
  }
};

TEST(PlanningPolicy, PlansForRewardsWithoutGoals) {
  PointModel model;
  NearAPlace heads;
  PlanningPolicy policy(model, {.cost = negative_return(heads, 0.9)}, small_options(), 1);
  at::Tensor position = at::zeros({1, 2});
  policy.on_episode_start(at::ones({1}, at::kBool));
  for (int t = 0; t < 16; ++t) {
    position = position + policy.act({{"position", position}}).action;
  }
  EXPECT_LT((position[0] - at::tensor({2.0F, 1.0F})).norm().item<double>(), 0.3);
  EXPECT_EQ(model.goals_encoded, 0);
  EXPECT_THAT(input_error([&] { PlanningPolicy(model, {}, small_options(), 1); }),
              HasSubstr("neither goals nor a cost"));
}

TEST(PlanningPolicy, ProposalsOfAnActorAreCandidates) {
  PointModel model;
  PlanningOptions options = small_options();
  options.planner.samples = 2;  // hardly a search
  options.planner.elites = 2;
  options.planner.kept_elites = 1;
  options.planner.iterations = 1;
  options.planner.initial_std = 1e-3;
  std::vector<int64_t> worlds;
  const PlanningTask task = {.goals = &model,
                             .propose = [&](const LatentState& start, int64_t horizon) {
                               worlds.push_back(start.size());
                               return at::full({start.size(), 1, horizon, 4}, 0.5F);
                             }};
  PlanningPolicy policy(model, task, options, 1);
  policy.on_episode_start(at::ones({2}, at::kBool));
  // Eight steps of 0.5 lead to the goals.
  const at::Tensor action = policy.act(observe(at::zeros({2, 2}), at::full({2, 2}, 4.0F))).action;
  EXPECT_EQ(worlds, (std::vector<int64_t>{2}));
  EXPECT_TRUE(at::equal(action, at::full({2, 2}, 0.5F)));
}

TEST(PlanningPolicy, APlanMustLastUntilTheNext) {
  PointModel model;
  PlanningOptions options = small_options();
  options.replan_every = 5;
  EXPECT_THAT(input_error([&] { PlanningPolicy(model, {.goals = &model}, options, 1); }),
              HasSubstr("--replan-every 5"));
}

EnvMaker maze(const std::string& observation) {
  const std::unique_ptr<EnvConfig> config = find_env("maze2d-umaze").config();
  ConfigFields fields;
  config->describe(fields);
  fields.set("observation", observation);
  if (observation == "pixels") fields.set("image_size", "16x16");
  return config->maker();
}

TEST(GoalTasks, ArePlayedTheSameForTheSameSeedAndNotSolvedAtTheirStart) {
  const GoalTaskOptions options{.count = 20, .least_steps = 30, .most_steps = 60, .seed = 4};
  const std::vector<ReachGoalTask> tasks = play_goal_tasks(maze("state"), options);
  ASSERT_EQ(tasks.size(), 20U);
  const std::unique_ptr<Env> env = maze("state")();
  for (const ReachGoalTask& task : tasks) {
    for (const auto& [name, values] : task.start) env->physics()->set(name, values);
    const auto distance = env->physics()->goal_distance(task.goal.front().second);
    ASSERT_TRUE(distance);
    EXPECT_GT(distance->distance, distance->radius);
  }
  EXPECT_EQ(play_goal_tasks(maze("state"), options)[7].goal, tasks[7].goal);
  EXPECT_THAT(
      input_error([] { play_goal_tasks(maze("state"), {.least_steps = 400, .most_steps = 400}); }),
      HasSubstr("401 steps"));
}

TEST(GoalTasks, OfCarsArePlayedAgain) {
  const std::unique_ptr<EnvConfig> config = find_env("car-racing").config();
  for (const auto& [name, value] :
       {std::pair("observation", "pixels"), std::pair("image_size", "16x16"),
        std::pair("max_steps", "40")}) {
    config->set_option(name, value);
  }
  const GoalTaskOptions options{.count = 3, .least_steps = 5, .most_steps = 9, .seed = 4};
  const std::vector<ReachGoalTask> tasks = play_goal_tasks(config->maker(), options);
  ASSERT_EQ(tasks.size(), 3U);
  for (const ReachGoalTask& task : tasks) {
    EXPECT_FALSE(task.start_state.empty());
    EXPECT_EQ(task.picture.size(), 16U * 16U * 3U);
    EXPECT_EQ(task.start.front().first, "hull_position");
    EXPECT_NE(task.start, task.goal);
  }
  EXPECT_EQ(play_goal_tasks(config->maker(), options)[2].start_state, tasks[2].start_state);
  GoalTaskOptions other = options;
  other.goal = {1.0, 2.0};
  EXPECT_THAT(input_error([&] { play_goal_tasks(config->maker(), other); }),
              HasSubstr("--goal-state"));
  other = options;
  other.radius = 1e6;
  EXPECT_THAT(input_error([&] { play_goal_tasks(config->maker(), other); }),
              HasSubstr("solved at their start"));
}

TEST(SimulatorModel, PlanningOnItReachesGoalsOfTheMaze) {
  const auto tasks = std::make_shared<const std::vector<ReachGoalTask>>(
      play_goal_tasks(maze("state"), {.count = 6, .least_steps = 40, .most_steps = 60, .seed = 1}));
  SimulatorModel model(maze("state"), 5, 1);
  PlanningOptions options = small_options();
  options.planner.horizon = 8;
  options.planner.noise_beta = 2.0;
  const ActorMaker planner = [&](int64_t, uint64_t seed) {
    return std::make_unique<PlanningPolicy>(model, PlanningTask{.goals = &model}, options, seed);
  };
  const EnvMaker make =
      reach_goal_maker(maze("pixels"), tasks, {.budget = 80, .planner_fields = true});
  const std::vector<Episode> episodes =
      evaluate(planner, make, {.episodes = 6, .episode_seeds = {0, 1, 2, 3, 4, 5}});
  EXPECT_EQ(mean_of_numbers(episode_metric(episodes, "success")), 1.0);
}

}  // namespace
}  // namespace reverie
