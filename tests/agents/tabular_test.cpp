// Planning and learning with tables: known answers of Sutton & Barto 2018, chapters 4 and 6.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/tabular/policy_iteration.h"
#include "agents/tabular/successor.h"
#include "agents/tabular/sweep_training.h"
#include "agents/training/trainer.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "tests/agents/table_env.h"
#include "tests/agents/training_run.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

using Options = std::vector<std::pair<std::string, std::string>>;

void fill(RunConfig& config, const std::string& agent, const Options& options) {
  config.agent = agent;
  config.threads = 1;
  config.agent_config = find_agent(agent).config();
  config.training = find_agent(agent).training();
  ConfigFields fields;
  config.env_config->describe(fields);
  fields.section("training");
  config.training->describe(fields);
  fields.section("agent");
  config.agent_config->describe(fields);
  for (const auto& [name, value] : options) fields.set(name, value);
}

RunConfig table_run(const std::string& agent, FiniteMdp mdp, int64_t start, int64_t max_steps,
                    const Options& options) {
  RunConfig config;
  config.env = "table";
  config.env_config = std::make_unique<test::TableConfig>(std::move(mdp), start, max_steps);
  fill(config, agent, options);
  return config;
}

RunConfig maze_run(const std::string& env, const std::string& agent, const Options& options) {
  RunConfig config;
  config.env = env;
  config.env_config = find_env(env).config();
  fill(config, agent, options);
  return config;
}

std::unique_ptr<Trainer> trained(RunConfig& config, int64_t steps) {
  config.steps = steps;
  auto trainer = config.training->make(config, {});
  trainer->start();
  while (trainer->counts().position < steps && !trainer->counts().is_done) trainer->turn();
  return trainer;
}

const QTable& table_of(Trainer& trainer) {
  return dynamic_cast<const TabularAgent&>(trainer.agent()).q();
}

// --- The chain with the exact Q*

constexpr double kV1 = 2.0 / 0.19, kV0 = 0.9 * kV1;

void expect_optimal(const QTable& q, double tolerance) {
  EXPECT_NEAR(q(0, 0), 0.9 * kV0, tolerance);
  EXPECT_NEAR(q(0, 1), kV0, tolerance);
  EXPECT_NEAR(q(1, 0), 1.0 + 0.9 * kV1, tolerance);
  EXPECT_NEAR(q(1, 1), kV1, tolerance);
}

TEST(TwoStateChain, PlannersFindTheExactValues) {
  for (const char* agent : {"value-iteration", "policy-iteration"}) {
    RunConfig config = table_run(agent, test::two_state_chain(), 0, 100, {{"gamma", "0.9"}});
    const auto trainer = trained(config, 1000);
    EXPECT_TRUE(trainer->counts().is_done) << agent;
    expect_optimal(table_of(*trainer), 1e-7);
  }
}

// Off-policy: what it tries at random does not change what it learns. Episodes of 7 steps are cut
// off, so the values hold only if the time limit is no end.
TEST(TwoStateChain, QLearningFindsTheExactValues) {
  RunConfig config =
      table_run("q-learning", test::two_state_chain(), 0, 7, {{"gamma", "0.9"}, {"epsilon", "1"}});
  expect_optimal(table_of(*trained(config, 4000)), 1e-6);
}

// On-policy: the values are those of its own policy. That of epsilon = 1 chooses at random:
//   V(0) = 0.45 V(0) + 0.45 V(1),  V(1) = 1.5 + 0.45 V(0) + 0.45 V(1)
// so V(0) = 6.75 and V(1) = 8.25.
TEST(TwoStateChain, SarsaFindsTheValuesOfItsPolicy) {
  RunConfig config = table_run(
      "sarsa", test::two_state_chain(), 0, 7,
      {{"gamma", "0.9"}, {"epsilon", "1"}, {"step_size", "0.01"}, {"initial_value", "7"}});
  const auto trainer = trained(config, 40000);
  const QTable& q = table_of(*trainer);
  EXPECT_NEAR(q(0, 0), 0.9 * 6.75, 0.2);
  EXPECT_NEAR(q(0, 1), 0.9 * 8.25, 0.2);
  EXPECT_NEAR(q(1, 0), 1.0 + 0.9 * 8.25, 0.2);
  EXPECT_NEAR(q(1, 1), 2.0 + 0.9 * 6.75, 0.2);
}

// --- Example 4.1: a grid of 4 x 4 with two terminal corners, and its random policy

TEST(PolicyEvaluation, GivesTheValuesOfFigure41) {
  std::vector<bool> terminal(16, false);
  terminal.front() = terminal.back() = true;
  const FiniteMdp mdp = test::grid(4, 4, terminal);
  mdp.check();
  const std::vector<double> policy(size_t{16} * 4, 0.25);
  std::vector<double> v(16, 0.0);
  int sweeps = 0;
  while (evaluation_sweep(mdp, policy.data(), 1.0, v.data()) > 1e-10 && sweeps < 10000) ++sweeps;
  const std::array<double, 16> expected = {0,   -14, -20, -22, -14, -18, -20, -20,
                                           -20, -20, -18, -14, -22, -20, -14, 0};
  for (size_t s = 0; s < 16; ++s) EXPECT_NEAR(v[s], expected[s], 1e-6) << "state " << s;
}

TEST(PolicyEvaluation, WeightsOutcomesByTheirProbability) {
  FiniteMdp mdp(2, 1);
  mdp.add(0, 0, {.probability = 0.25, .next = 0, .reward = 4.0});
  mdp.add(0, 0, {.probability = 0.75, .next = 1, .reward = -2.0});
  const std::array<double, 2> v = {8.0, 0.0};
  // 0.25 (4 + 0.5 * 8) + 0.75 (-2)
  EXPECT_DOUBLE_EQ(backup(mdp, 0, 0, v.data(), 0.5), 0.5);
}

// --- Planners on mazes

TEST(Planners, ValuesOfAMazeAreMinusTheMovesLeft) {
  for (const char* agent : {"value-iteration", "policy-iteration"}) {
    RunConfig config = maze_run("gridmaze-large", agent, {});
    const auto trainer = trained(config, 100000);
    ASSERT_TRUE(trainer->counts().is_done) << agent;
    const auto actor = [&](int64_t num_envs, uint64_t seed) {
      return trainer->agent().actor(num_envs, {}, seed);
    };
    const std::vector<Episode> episodes =
        evaluate(actor, config.env_config->maker(), {.episodes = 200, .seed = 3});
    const std::vector<double> optimum = episode_metric(episodes, "optimum");
    EXPECT_EQ(episode_metric(episodes, "time_to_goal"), optimum) << agent;
    const std::vector<double> values = table_of(*trainer).values();
    EXPECT_NEAR(*std::min_element(values.begin(), values.end()),
                -*std::max_element(optimum.begin(), optimum.end()), 1e-6);
  }
}

TEST(Planners, AgreeOnRandomTasks) {
  const EnvSpec spec = SpaceAdapter::adapt(
      test::TableEnv(
          std::make_shared<const FiniteMdp>(test::grid(3, 4, std::vector<bool>(12, false))), 0, 9)
          .spec());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    const FiniteMdp mdp = test::random_mdp(spec, rng);
    std::vector<std::vector<double>> values;
    std::vector<std::vector<int64_t>> actions;
    for (const char* name : {"value-iteration", "policy-iteration"}) {
      const auto config = find_agent(name).config();
      ConfigFields fields;
      config->describe(fields);
      fields.set("gamma", "0.95");
      const auto agent = config->make(spec, at::kCPU, 0);
      auto& planner = dynamic_cast<SweepAgent&>(*agent);
      int sweeps = 0;
      while (!planner.sweep(mdp).solved && sweeps < 100000) ++sweeps;
      values.push_back(planner.q().values());
      actions.push_back(planner.q().best_actions());
    }
    for (size_t s = 0; s < values[0].size(); ++s) EXPECT_NEAR(values[0][s], values[1][s], 1e-6);
    EXPECT_EQ(actions[0], actions[1]) << "seed " << seed;
  }
}

// Exercise 4.4: two actions of the same value must not alternate for ever.
TEST(Planners, TiesDoNotKeepPolicyIterationBusy) {
  RunConfig config = maze_run("gridmaze-open", "policy-iteration", {});
  EXPECT_TRUE(trained(config, 5000)->counts().is_done);
}

TEST(Planners, ARunEndsWhenItIsSolvedAndStaysSo) {
  class Run : public test::TrainingRun {};
  Run run;
  run.config = maze_run("gridmaze-umaze", "value-iteration",
                        {{"checkpoint_every", "2"}, {"keep_checkpoints", "10"}});
  run.config.steps = 500;
  const TrainingResult result = run.train();
  EXPECT_FALSE(result.interrupted);
  // The furthest cell is 6 moves away, and one more sweep finds nothing to change.
  EXPECT_LE(result.counts.position, 8);
  EXPECT_EQ(result.counts.steps, 0);
  EXPECT_THAT(run.log_lines().front(), HasSubstr("loss/residual"));
  run.forget_after(2);
  EXPECT_EQ(run.resume().counts.position, result.counts.position);
  EXPECT_EQ(run.resume().counts.position, result.counts.position) << "nothing is left to do";
}

TEST(Planners, ATaskThatNeverEndsStopsAtTheLastSweep) {
  RunConfig config = table_run("value-iteration", test::two_state_chain(), 0, 9, {{"gamma", "1"}});
  EXPECT_FALSE(trained(config, 50)->counts().is_done);
}

// --- Updates by hand

// A rollout of one environment in which it moves through these states.
struct HandStep {
  int64_t state, action;
  double reward;
  bool terminated = false, truncated = false;
};

Rollout by_hand(const std::vector<HandStep>& steps, int64_t last, int64_t final_state = -1) {
  const auto count = static_cast<int64_t>(steps.size());
  at::Tensor states = at::empty({count, 1}, at::kLong), actions = states.clone();
  Rollout rollout{.obs = {},
                  .started = at::zeros({count, 1}, at::kBool),
                  .action = actions,
                  .extra = {},
                  .reward = at::empty({count, 1}),
                  .terminated = at::zeros({count, 1}, at::kBool),
                  .truncated = at::zeros({count, 1}, at::kBool),
                  .last_obs = {},
                  .final_obs = {},
                  .final_index = {}};
  std::vector<int64_t> finals;
  for (int64_t t = 0; t < count; ++t) {
    const HandStep& step = steps[static_cast<size_t>(t)];
    states[t][0] = step.state;
    actions[t][0] = step.action;
    rollout.reward[t][0] = step.reward;
    rollout.terminated[t][0] = step.terminated;
    rollout.truncated[t][0] = step.truncated;
    if (step.truncated) finals.push_back(t);
  }
  rollout.obs.add("cell", states);
  rollout.last_obs.add("cell", at::full({1}, last, at::kLong));
  rollout.final_index = at::tensor(finals, at::kLong);
  rollout.final_obs.add("cell",
                        at::full({static_cast<int64_t>(finals.size())}, final_state, at::kLong));
  return rollout;
}

// A learner on the cells of the 4 x 12 grid, without random actions. All values begin at 4.
struct Learner {
  explicit Learner(const std::string& name) {
    const auto config = find_agent(name).config();
    ConfigFields fields;
    config->describe(fields);
    for (const auto& [option, value] : Options{
             {"gamma", "0.5"}, {"step_size", "0.25"}, {"epsilon", "0"}, {"initial_value", "4"}}) {
      fields.set(option, value);
    }
    const test::TableEnv env(std::make_shared<const FiniteMdp>(test::cliff()), 0, 9);
    made = config->make(SpaceAdapter::adapt(env.spec()), at::kCPU, 0);
  }

  void update(const Rollout& rollout) {
    dynamic_cast<RolloutAgent&>(*made).update(rollout, 0.0, rng);
  }
  const QTable& q() const { return dynamic_cast<const TabularAgent&>(*made).q(); }

  std::unique_ptr<Agent> made;
  Rng rng{1};
};

class Control : public testing::TestWithParam<std::string> {};

TEST_P(Control, ATerminalStateHasNoValue) {
  Learner learner(GetParam());
  learner.update(by_hand({{.state = 3, .action = 1, .reward = 1.0, .terminated = true}}, 0));
  EXPECT_DOUBLE_EQ(learner.q()(3, 1), 4.0 + 0.25 * (1.0 - 4.0));
}

// The state before the time limit is worth the reward and what its last state promises: not
// nothing, and not the value of the first state of the next episode.
TEST_P(Control, ATimeLimitIsNoEnd) {
  Learner learner(GetParam());
  for (int64_t action = 0; action < 4; ++action) {
    learner.update(
        by_hand({{.state = 0, .action = action, .reward = -8.0, .terminated = true}}, 0));
  }
  EXPECT_DOUBLE_EQ(learner.q().max(0), 1.0);  // 4 + 0.25 (-8 - 4)
  learner.update(by_hand({{.state = 3, .action = 1, .reward = 1.0, .truncated = true}},
                         /*last=*/0, /*final_state=*/7));
  EXPECT_DOUBLE_EQ(learner.q()(3, 1), 4.0 + 0.25 * (1.0 + 0.5 * 4.0 - 4.0));
}

// Rollouts of one step and longer ones are the same experience.
TEST_P(Control, LearnsTheSameFromPartsOfARollout) {
  const std::vector<HandStep> steps = {
      {.state = 1, .action = 2, .reward = -1.0},
      {.state = 2, .action = 0, .reward = 2.0},
      {.state = 1, .action = 2, .reward = 0.5},
      {.state = 5, .action = 3, .reward = 3.0, .terminated = true}};
  Learner whole(GetParam()), parts(GetParam());
  whole.update(by_hand(steps, 9));
  for (size_t t = 0; t < steps.size(); ++t) {
    parts.update(by_hand({steps[t]}, t + 1 < steps.size() ? steps[t + 1].state : 9));
  }
  for (int64_t s = 0; s < 8; ++s) {
    for (int64_t a = 0; a < 4; ++a) EXPECT_EQ(whole.q()(s, a), parts.q()(s, a)) << s << ", " << a;
  }
}

INSTANTIATE_TEST_SUITE_P(Agents, Control, testing::Values("sarsa", "q-learning"),
                         [](const auto& param) {
                           return param.param == "sarsa" ? "Sarsa" : "QLearning";
                         });

// The next action is worth 1, the best one 4.
TEST(Control, SarsaFollowsTheNextActionAndQLearningTheBest) {
  const auto learn = [](const std::string& name) {
    Learner learner(name);
    learner.update(by_hand({{.state = 2, .action = 3, .reward = -8.0, .terminated = true}}, 0));
    learner.update(by_hand({{.state = 1, .action = 0, .reward = 1.0},
                            {.state = 2, .action = 3, .reward = 0.0, .terminated = true}},
                           0));
    return learner.q()(1, 0);
  };
  EXPECT_DOUBLE_EQ(learn("sarsa"), 4.0 + 0.25 * (1.0 + 0.5 * 1.0 - 4.0));
  EXPECT_DOUBLE_EQ(learn("q-learning"), 4.0 + 0.25 * (1.0 + 0.5 * 4.0 - 4.0));
}

TEST(QTable, ChoosesAmongTheBestAndAtRandomWithProbabilityEpsilon) {
  const test::TableEnv env(std::make_shared<const FiniteMdp>(test::cliff()), 0, 9);
  QTable q(FiniteSpaces(env.spec(), at::kCPU, "test"), 0.0);
  q(5, 1) = q(5, 3) = 2.0;
  Rng rng(1);
  std::map<int64_t, int> counts;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) ++counts[q.epsilon_greedy(5, 0.2, rng)];
  // A twentieth each of the others; the rest is shared by the best two. Five standard deviations.
  for (const int64_t action : {0, 2}) EXPECT_NEAR(counts[action], 0.05 * kDraws, 220);
  for (const int64_t action : {1, 3}) EXPECT_NEAR(counts[action], 0.45 * kDraws, 500);
  EXPECT_EQ(q.best(5), 1) << "evaluation takes the first of the best";
}

// --- Example 6.6: the cliff

struct CliffResult {
  std::vector<int64_t> path;  // states of the greedy policy from the start
  double mean_return = 0.0;   // of the last 400 episodes of training, with exploration
};

CliffResult walk_the_cliff(const std::string& agent, int64_t seed) {
  RunConfig config = table_run(agent, test::cliff(), test::kCliffStart, 10000,
                               {{"gamma", "1"}, {"epsilon", "0.1"}, {"step_size", "0.1"}});
  config.seed = seed;
  config.steps = 30000;
  const auto trainer = config.training->make(config, {});
  trainer->start();
  while (trainer->counts().position < config.steps / 2) trainer->turn();
  trainer->metrics();  // forgets the episodes so far
  while (trainer->counts().position < config.steps) trainer->turn();
  CliffResult result;
  for (const auto& [name, value] : trainer->metrics().values) {
    if (name == "env/return") result.mean_return = value;
  }
  const FiniteMdp mdp = test::cliff();
  int64_t state = test::kCliffStart;
  while (state != test::kCliffGoal && result.path.size() < 100) {
    state = mdp.outcomes(state, table_of(*trainer).best(state))[0].next;
    result.path.push_back(state);
  }
  return result;
}

// Q-learning learns the shortest path, along the edge, and falls now and then while it explores;
// SARSA takes its own exploration into account, keeps away from the edge and earns more.
TEST(Cliff, QLearningWalksAlongTheEdgeAndSarsaKeepsAway) {
  for (const int64_t seed : {1, 2, 3}) {
    const CliffResult off = walk_the_cliff("q-learning", seed);
    const CliffResult on = walk_the_cliff("sarsa", seed);
    const auto on_edge = [](const std::vector<int64_t>& path) {
      return std::count_if(path.begin(), path.end(), [](int64_t s) { return s > 24 && s < 35; });
    };
    EXPECT_EQ(off.path.size(), 13U) << "seed " << seed;
    EXPECT_EQ(on_edge(off.path), 10) << "seed " << seed;
    EXPECT_GE(on.path.size(), 15U) << "seed " << seed;  // a row from the edge, or two
    EXPECT_EQ(on_edge(on.path), 0) << "seed " << seed;
    EXPECT_GT(on.mean_return, -32.0) << "seed " << seed;
    EXPECT_LT(off.mean_return, -38.0) << "seed " << seed;
  }
}

// --- Learning a maze

TEST_P(Control, FindsTheShortestWayThroughAMaze) {
  for (const int64_t seed : {1, 2}) {
    RunConfig config =
        maze_run("gridmaze-medium", GetParam(), {{"epsilon", "0.1"}, {"step_size", "0.1"}});
    config.seed = seed;
    const auto trainer = trained(config, 40000);
    const auto actor = [&](int64_t num_envs, uint64_t actor_seed) {
      return trainer->agent().actor(num_envs, {}, actor_seed);
    };
    const std::vector<Episode> episodes =
        evaluate(actor, config.env_config->maker(), {.episodes = 100, .seed = 9});
    EXPECT_EQ(mean_of_numbers(episode_metric(episodes, "success")), 1.0) << "seed " << seed;
    const double steps = mean_of_numbers(episode_metric(episodes, "time_to_goal"));
    EXPECT_LT(steps, 1.05 * mean_of_numbers(episode_metric(episodes, "optimum")));
  }
}

// --- The successor representation

// One action: 0 -> 1 -> 2, which is terminal, and 3 stays. Counted by hand with gamma = 0.5.
TEST(Successors, AreTheDiscountedVisits) {
  FiniteMdp mdp(4, 1);
  mdp.add(0, 0, {.next = 1});
  mdp.add(1, 0, {.probability = 0.75, .next = 2});
  mdp.add(1, 0, {.probability = 0.25, .next = 1});
  mdp.add(3, 0, {.next = 3});
  const at::Tensor m = exact_successors(mdp, at::ones({4, 1}, at::kDouble), 0.5);
  // From 1: at 1 again with 0.25 + 0.5 0.25^2 + ... = 0.25 / (1 - 0.125).
  const double again = 0.25 / 0.875, end = 0.75 / 0.875;
  const at::Tensor expected = at::tensor({0.0, 1.0 + 0.5 * again, 0.5 * end, 0.0, 0.0, again, end,
                                          0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0},
                                         at::kDouble)
                                  .view({4, 4});
  EXPECT_LT((m - expected).abs().max().item<double>(), 1e-12) << m;
}

// A random walk on a grid with one terminal corner, cut off every 11 steps.
TEST(Successors, TemporalDifferencesFindThoseOfARandomWalk) {
  std::vector<bool> terminal(9, false);
  terminal.back() = true;
  const FiniteMdp mdp = test::grid(3, 3, terminal);
  RunConfig config = table_run(
      "successor", test::grid(3, 3, terminal), 0, 11,
      {{"gamma", "0.8"}, {"epsilon", "1"}, {"step_size", "0.01"}, {"successor_policy", "uniform"}});
  const auto trainer = trained(config, 50000);
  const at::Tensor m = dynamic_cast<const SuccessorTable&>(trainer->agent()).visits();
  const at::Tensor exact = exact_successors(mdp, at::full({9, 4}, 0.25, at::kDouble), 0.8);
  EXPECT_GT(exact[0].sum().item<double>(), 4.0) << "there must be something to find";
  // Of the terminal state, the visits are those of the end.
  const at::Tensor found = at::cat({m.mean(1).slice(1, 0, 8), m.mean(1).slice(1, 9)}, 1);
  const at::Tensor error = (found - exact).abs();
  EXPECT_LT(error.mean().item<double>(), 0.04);
  EXPECT_LT(error.max().item<double>(), 0.3);
  EXPECT_EQ(m[8].abs().max().item<double>() + m.select(2, 8).max().item<double>(), 0.0)
      << "nothing comes after the end";
  // Every arrival costs 1: Q = M w is minus the discounted number of moves.
  const QTable& q = table_of(*trainer);
  EXPECT_NEAR(q(0, 3), -m[0][3].sum().item<double>(), 1e-9);
}

TEST(Successors, FindTheShortestWayThroughAMaze) {
  RunConfig config = maze_run("gridmaze-umaze", "successor", {{"step_size", "0.2"}});
  config.seed = 1;
  const auto trainer = trained(config, 8000);
  const auto actor = [&](int64_t num_envs, uint64_t seed) {
    return trainer->agent().actor(num_envs, {}, seed);
  };
  const std::vector<Episode> episodes =
      evaluate(actor, config.env_config->maker(), {.episodes = 100, .seed = 9});
  EXPECT_EQ(mean_of_numbers(episode_metric(episodes, "success")), 1.0);
  EXPECT_LT(mean_of_numbers(episode_metric(episodes, "time_to_goal")),
            1.02 * mean_of_numbers(episode_metric(episodes, "optimum")));
}

TEST(Successors, RefuseValuesOfNoVisits) {
  const RunConfig config = maze_run("gridmaze-umaze", "successor", {{"initial_value", "5"}});
  EXPECT_THAT(input_error([&] { config.training->make(config, {}); }),
              HasSubstr("--initial-value 5"));
}

TEST(Successors, RefuseEndlessVisits) {
  const RunConfig config = maze_run("gridmaze-umaze", "successor", {{"gamma", "1"}});
  EXPECT_THAT(input_error([&] { config.training->make(config, {}); }), HasSubstr("--gamma 1"));
}

// --- What is refused

TEST(Tabular, NamesWhatItCannotServe) {
  for (const char* name :
       {"value-iteration", "policy-iteration", "sarsa", "q-learning", "successor"}) {
    const auto make = [&](const std::string& env, const Options& options) {
      return input_error([&] {
        const RunConfig config = maze_run(env, name, options);
        config.training->make(config, {});
      });
    };
    EXPECT_THAT(make("maze2d-umaze", {}), AllOf(HasSubstr("maze2d-umaze"), HasSubstr("continuous"),
                                                HasSubstr("gridmaze-umaze")));
    EXPECT_THAT(make("car-racing-discrete", {}),
                AllOf(HasSubstr("does not number the states"), HasSubstr("cell")));
    EXPECT_THAT(make("gridmaze-umaze", {{"observation", "pixels"}}),
                HasSubstr("does not number the states"));
  }
}

TEST(Tabular, PlannersRefuseWrappersThatTheModelDoesNotKnow) {
  for (const auto& [option, flag] :
       std::vector<std::pair<std::string, std::string>>{{"frame_skip", "--frame-skip"},
                                                        {"action_repeat", "--action-repeat"},
                                                        {"reward_scale", "--reward-scale"},
                                                        {"reward_clip", "--reward-clip"},
                                                        {"sticky_actions", "--sticky-actions"}}) {
    const RunConfig config = maze_run("gridmaze-umaze", "value-iteration",
                                      {{option, option == "sticky_actions" ? "0.25" : "2"}});
    EXPECT_THAT(input_error([&] { config.training->make(config, {}); }),
                AllOf(HasSubstr("gridmaze-umaze"), HasSubstr(flag)));
  }
}

}  // namespace
}  // namespace reverie
