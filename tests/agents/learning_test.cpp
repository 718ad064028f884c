// Agents of the registry learn to bring a point to its goal, from numbers or from pictures: a
// broken sign, target or exploration does not. They bootstrap from truncated episodes alone.
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/registry.h"
#include "agents/training/trainer.h"
#include "core/statistics.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"

namespace reverie {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

struct LearningCase {
  std::string name;
  std::string agent;
  bool discrete = false;
  Options options = {};
  test::PointOptions task = {};
  int64_t steps = 3000;
};

void PrintTo(const LearningCase& learning, std::ostream* out) { *out << learning.name; }

RunConfig point_run(const LearningCase& learning, int64_t seed) {
  RunConfig config;
  config.env = "point";
  config.agent = learning.agent;
  config.seed = seed;
  config.threads = 1;
  config.steps = learning.steps;
  test::PointOptions task = learning.task;
  task.discrete = learning.discrete;
  config.env_config = std::make_unique<test::PointConfig>(task);
  config.agent_config = find_agent(learning.agent).config();
  config.training = find_agent(learning.agent).training();
  const Options of_most = {{"num_envs", "4"},   {"learning_starts", "400"},
                           {"minibatch", "64"}, {"replay_capacity", "6000"},
                           {"gamma", "0.9"},    {"evaluate_every", "0"}};
  ConfigFields fields;
  config.training->describe(fields);
  fields.section("agent");
  config.agent_config->describe(fields);
  for (const auto& [name, value] : of_most) {
    if (fields.find(name) != nullptr) fields.set(name, value);
  }
  for (const auto& [name, value] : learning.options) fields.set(name, value);
  return config;
}

double mean_return(Trainer& trainer, const RunConfig& config) {
  const auto actor = [&](int64_t num_envs, uint64_t seed) {
    return trainer.agent().actor(num_envs, {}, seed);
  };
  return mean_of_numbers(
      episode_returns(evaluate(actor, config.env_config->maker(), {.episodes = 100, .seed = 9})));
}

std::unique_ptr<Trainer> trained(const RunConfig& config) {
  std::unique_ptr<Trainer> trainer = config.training->make(config, {});
  trainer->start();
  while (trainer->counts().position < config.steps) trainer->turn();
  return trainer;
}

class Learning : public testing::TestWithParam<LearningCase> {};

// About -20 by chance; -2.5 is what goes straight to the goal and stays reaches, -3.2 in steps of
// 0.2 m.
TEST_P(Learning, BringsThePointToItsGoal) {
  for (const int64_t seed : {1, 2}) {
    const RunConfig config = point_run(GetParam(), seed);
    EXPECT_GT(mean_return(*trained(config), config), -6.0) << "seed " << seed;
  }
}

const Options kContinuous = {{"actor_learning_rate", "1e-3"},
                             {"critic_learning_rate", "2e-3"},
                             {"hidden_sizes", "32,32"},
                             {"tau", "0.02"}};

Options with(Options options, const Options& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

const Options kDiscrete = {{"hidden_sizes", "32,32"},
                           {"learning_rate", "2e-3"},
                           {"target_every", "50"},
                           {"epsilon_steps", "1500"}};

INSTANTIATE_TEST_SUITE_P(
    Agents, Learning,
    testing::Values(
        LearningCase{.name = "td3",
                     .agent = "td3",
                     .options = with(kContinuous, {{"exploration_noise", "0.3"}})},
        LearningCase{.name = "sac",
                     .agent = "sac",
                     .options = with(kContinuous, {{"initial_temperature", "0.1"}})},
        LearningCase{.name = "td7",
                     .agent = "td7",
                     .options = {{"hidden_size", "32"},
                                 {"embedding_size", "32"},
                                 {"learning_rate", "1e-3"},
                                 {"target_every", "250"},
                                 {"exploration_noise", "0.3"},
                                 {"policy_checkpoints", "false"}}},
        LearningCase{.name = "td7_checkpoints",
                     .agent = "td7",
                     .options = {{"hidden_size", "32"},
                                 {"embedding_size", "32"},
                                 {"learning_rate", "1e-3"},
                                 {"target_every", "250"},
                                 {"exploration_noise", "0.3"},
                                 {"num_envs", "1"}}},
        LearningCase{.name = "evolution",
                     .agent = "evolution",
                     .options = {{"population", "12"}, {"episodes", "4"}},
                     .steps = 60000},
        LearningCase{.name = "evolution_discrete",
                     .agent = "evolution",
                     .discrete = true,
                     .options = {{"population", "16"}, {"episodes", "4"}, {"hidden_sizes", "8"}},
                     .steps = 120000},
        LearningCase{.name = "dqn", .agent = "dqn", .discrete = true, .options = kDiscrete},
        LearningCase{.name = "dqn_dueling",
                     .agent = "dqn",
                     .discrete = true,
                     .options = with(kDiscrete, {{"dueling", "true"}, {"double_q", "false"}})},
        LearningCase{.name = "dqn_prioritized",
                     .agent = "dqn",
                     .discrete = true,
                     .options = with(kDiscrete, {{"priority_exponent", "0.6"}, {"n_step", "3"}})},
        LearningCase{
            .name = "c51",
            .agent = "dqn",
            .discrete = true,
            .options = with(kDiscrete,
                            {{"distribution", "c51"}, {"value_min", "-15"}, {"value_max", "0"}})},
        LearningCase{.name = "quantile",
                     .agent = "dqn",
                     .discrete = true,
                     .options = with(kDiscrete, {{"distribution", "quantile"}})}),
    [](const auto& param) { return param.param.name; });

class Bootstrap : public testing::TestWithParam<LearningCase> {};

// Every episode is one step with reward 1. With discount 1/2 the value is 1 where it terminated,
// and 1 / (1 - 1/2) = 2 where it was truncated: the episode would have gone on.
TEST_P(Bootstrap, IsOfTruncatedEpisodesAlone) {
  for (const bool terminates : {false, true}) {
    LearningCase learning = GetParam();
    learning.steps = 800;
    learning.task = {.max_steps = terminates ? 1000 : 1,
                     .goal_radius = terminates ? 10.0 : 0.0,
                     .hook = [](int64_t /*lifetime*/, double /*reward*/) { return 1.0; }};
    const RunConfig config = point_run(learning, 1);
    double value = 0.0;
    for (const auto& [name, number] : trained(config)->metrics().values) {
      if (name == "value/q") value = number;
    }
    EXPECT_NEAR(value, terminates ? 1.0 : 2.0, 0.3) << (terminates ? "terminated" : "truncated");
  }
}

const Options kBootstrap = {{"gamma", "0.5"}, {"learning_starts", "100"}};

INSTANTIATE_TEST_SUITE_P(
    Agents, Bootstrap,
    testing::Values(
        LearningCase{.name = "ddpg", .agent = "ddpg", .options = with(kContinuous, kBootstrap)},
        LearningCase{.name = "td3", .agent = "td3", .options = with(kContinuous, kBootstrap)},
        LearningCase{
            .name = "sac",
            .agent = "sac",
            .options = with(with(kContinuous, kBootstrap),
                            {{"initial_temperature", "1e-3"}, {"learn_temperature", "false"}})},
        LearningCase{.name = "td7",
                     .agent = "td7",
                     .options = with(kBootstrap, {{"hidden_size", "32"},
                                                  {"embedding_size", "32"},
                                                  {"learning_rate", "1e-3"},
                                                  {"target_every", "50"},
                                                  {"policy_checkpoints", "false"}})},
        LearningCase{.name = "dqn",
                     .agent = "dqn",
                     .discrete = true,
                     .options = with(kDiscrete, kBootstrap)}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace reverie
