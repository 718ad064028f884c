#include "agents/registry.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evolution/population_agent.h"
#include "agents/space_adapter.h"
#include "agents/tabular/sweep_training.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/table_env.h"
#include "tests/agents/variants.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::group_of;
using test::input_error;
using testing::HasSubstr;

std::vector<std::string> names_of_agents(bool learn) {
  std::vector<std::string> names;
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.learns() == learn && entry.acts) names.push_back(entry.name);
  }
  return names;
}

// The contract of every agent that learns, whatever its algorithm.
class AgentContract : public testing::TestWithParam<std::string> {
 protected:
  AgentContract() : config_(test::config_of(GetParam())) {
    make_small(*config_);
    for (const EnvSpec& spec : test::specs_of_each_kind()) {
      spec_ = SpaceAdapter::adapt(spec);
      try {
        config_->make(spec_, at::kCPU, 0);
        break;
      } catch (const Error&) {  // does not suit
      }
    }
  }

  // Planners with few candidates, and short rollouts.
  static void make_small(AgentConfig& config) {
    ConfigFields fields;
    config.describe_acting(fields);
    for (const char* name : {"samples", "iterations", "elites"}) {
      if (const ConfigField* field = fields.find(name)) ConfigFields::set(*field, "2", name);
    }
    ConfigFields all;
    config.describe(all);
    if (const ConfigField* field = all.find("rollout_steps")) {
      ConfigFields::set(*field, "32", "rollout_steps");
    }
  }

  std::unique_ptr<Agent> make(uint64_t seed) const { return config_->make(spec_, at::kCPU, seed); }

  // One learning step on random data, drawn with the seed.
  Learned learn(Agent& agent, uint64_t seed) const {
    Rng rng(seed);
    if (auto* of_transitions = dynamic_cast<TransitionAgent*>(&agent)) {
      return learn_from(*of_transitions,
                        test::random_batch(spec_, of_transitions->request().batch, rng));
    }
    if (auto* of_rollouts = dynamic_cast<RolloutAgent*>(&agent)) {
      return learn_from(*of_rollouts, test::random_rollout(*of_rollouts, spec_, 3, rng), 0.25, rng);
    }
    if (auto* of_models = dynamic_cast<SweepAgent*>(&agent)) {
      const SweepAgent::Sweep sweep = of_models->sweep(test::random_mdp(spec_, rng));
      return {.metrics = {{"loss/residual", at::scalar_tensor(sweep.residual)}}};
    }
    if (auto* of_returns = dynamic_cast<PopulationAgent*>(&agent)) {
      of_returns->begin_generation(of_returns->population());
      std::vector<double> returns(static_cast<size_t>(of_returns->population()));
      for (double& value : returns) value = rng.uniform(-1.0, 1.0);
      of_returns->end_generation(returns);
      const double sigma = of_returns->strategy().sigma();
      return {.metrics = {{"evolution/sigma", at::scalar_tensor(sigma)}}};
    }
    auto& of_sequences = dynamic_cast<SequenceAgent&>(agent);
    const SampleRequest request = of_sequences.request();
    return learn_from(of_sequences,
                      test::random_sequences(spec_, request.batch, request.spec, rng));
  }

  template <typename Learner, typename Sample, typename... Rest>
  static Learned learn_from(Learner& agent, const Sample& sample, Rest&&... rest) {
    const at::Tensor reward = sample.reward.clone(), action = sample.action.clone();
    Learned learned = agent.update(sample, rest...);
    EXPECT_TRUE(at::equal(sample.reward, reward)) << "the batch belongs to the caller";
    EXPECT_TRUE(at::equal(sample.action, action));
    return learned;
  }

  // The first actions of episodes.
  static at::Tensor act(Agent& agent, const TensorMap& obs, ActMode mode, uint64_t seed = 3) {
    const std::unique_ptr<Actor> actor = agent.actor(9, {mode}, seed);
    actor->on_episode_start(at::ones({9}, at::kBool));
    return actor->act(obs).action;
  }

  TensorMap observations() const {
    Rng rng(77);
    return test::random_observations(spec_, 9, rng, false);
  }

  EnvSpec spec_;
  std::unique_ptr<AgentConfig> config_;
};

TEST_P(AgentContract, ActsWithinTheUnitRangeAndTheSameWayWhenEvaluated) {
  const auto agent = make(1);
  const Field field = action_field(spec_.action);
  for (const ActMode mode : {ActMode::kExplore, ActMode::kEvaluate}) {
    const at::Tensor actions = act(*agent, observations(), mode).contiguous();
    EXPECT_EQ(actions.size(0), 9);
    EXPECT_FALSE(actions.requires_grad());
    check_action("contract", spec_.action, view_of(field, actions));
    EXPECT_TRUE(!actions.is_floating_point() || actions.abs().max().item<double>() <= 1.0);
  }
  EXPECT_TRUE(at::equal(act(*make(1), observations(), ActMode::kEvaluate),
                        act(*make(1), observations(), ActMode::kEvaluate)));
}

TEST_P(AgentContract, SeedsDecideWeightsAndExploration) {
  expect_same_bits(tensors_of(*make(1)), tensors_of(*make(1)));
  const auto agent = make(1);
  if (dynamic_cast<SweepAgent*>(agent.get()) != nullptr ||
      dynamic_cast<PopulationAgent*>(agent.get()) != nullptr) {
    GTEST_SKIP() << "its actors draw nothing";
  }
  EXPECT_TRUE(at::equal(act(*agent, observations(), ActMode::kExplore, 5),
                        act(*agent, observations(), ActMode::kExplore, 5)));
  EXPECT_FALSE(at::equal(act(*agent, observations(), ActMode::kExplore, 5),
                         act(*agent, observations(), ActMode::kExplore, 6)));
  bool differs = false;
  const TensorMap others = tensors_of(*make(2));
  for (const auto& [name, tensor] : tensors_of(*agent)) {
    differs = differs || !at::equal(tensor, others.at(name));
  }
  const bool keeps_table = dynamic_cast<TabularAgent*>(agent.get()) != nullptr;
  EXPECT_EQ(differs, !keeps_table) << "all values of a table begin equal";
}

// An evaluation in between plays other environments than training.
TEST_P(AgentContract, ActorsDoNotDisturbEachOther) {
  const auto agent = make(1);
  const auto undisturbed = agent->actor(9, {ActMode::kExplore}, 5);
  const auto disturbed = agent->actor(9, {ActMode::kExplore}, 5);
  const at::Tensor all = at::ones({9}, at::kBool);
  undisturbed->on_episode_start(all);
  disturbed->on_episode_start(all);
  Rng rng(1);
  const auto other = agent->actor(4, {ActMode::kEvaluate}, 5);
  for (int64_t t = 0; t < 3; ++t) {
    EXPECT_TRUE(
        at::equal(undisturbed->act(observations()).action, disturbed->act(observations()).action));
    if (t == 0) other->on_episode_start(at::ones({4}, at::kBool));
    other->act(test::random_observations(spec_, 4, rng, true));
  }
}

TEST_P(AgentContract, AnUpdateMovesWeightsAndReportsFiniteScalars) {
  const auto agent = make(1);
  const TensorMap before = group_of(take_checkpoint(*agent), "model");
  const TensorMap losses = learn(*agent, 5).metrics;
  EXPECT_FALSE(losses.empty());
  for (const auto& [name, value] : losses) {
    EXPECT_EQ(value.numel(), 1) << name;
    EXPECT_TRUE(std::isfinite(value.item<double>())) << name;
  }
  bool moved = false;
  for (const auto& [name, tensor] : group_of(take_checkpoint(*agent), "model")) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
    moved = moved || !at::equal(tensor, before.at(name));
  }
  EXPECT_TRUE(moved);
}

TEST_P(AgentContract, SavedToDiskAndLoadedItActsAndLearnsBitEqual) {
  const auto agent = make(1);
  for (uint64_t i = 0; i < 3; ++i) learn(*agent, i);
  const test::TemporaryFolder folder;
  take_checkpoint(*agent).write(folder.path());
  const auto loaded = make(2);
  load_state(*loaded, Checkpoint::read(folder.path()));
  for (uint64_t i = 3; i < 6; ++i) {
    for (const ActMode mode : {ActMode::kEvaluate, ActMode::kExplore}) {
      EXPECT_TRUE(at::equal(act(*agent, observations(), mode), act(*loaded, observations(), mode)));
    }
    learn(*agent, i);
    learn(*loaded, i);
  }
  const Checkpoint a = take_checkpoint(*agent), b = take_checkpoint(*loaded);
  for (const char* group : {"model", "optimizer"}) {
    ASSERT_EQ(a.has_group(group), b.has_group(group));
    if (a.has_group(group)) expect_same_bits(group_of(a, group), group_of(b, group));
  }

  // Evaluation reads only the model.
  const auto evaluated = make(3), whole = make(4);
  load_state(*evaluated, Checkpoint::read(folder.path(), {"model"}));
  load_state(*whole, Checkpoint::read(folder.path()));
  EXPECT_TRUE(at::equal(act(*evaluated, observations(), ActMode::kEvaluate),
                        act(*whole, observations(), ActMode::kEvaluate)));
}

TEST_P(AgentContract, WeightsOfAnotherTaskAreRefused) {
  EnvSpec wider = spec_;
  if (wider.observation[0].name == "cell") {
    wider.observation[0].high = {6.0F};
  } else if (wider.observation[0].name == "pixels") {
    wider.observation[0].shape = {32, 32, 3};
  } else {
    wider.observation[0].shape = {3};
  }
  const auto foreign = config_->make(wider, at::kCPU, 0);
  const auto agent = make(1);
  EXPECT_THAT(input_error([&] { load_state(*agent, take_checkpoint(*foreign)); }),
              HasSubstr("expected"));
}

TEST_P(AgentContract, AnEnvironmentItCannotServeIsNamed) {
  for (const EnvSpec& spec : test::specs_of_each_kind()) {
    try {
      config_->make(SpaceAdapter::adapt(spec), at::kCPU, 0);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_THAT(error.what(), testing::ContainsRegex(spec.id + "[: ]"));
    }
  }
}

TEST_P(AgentContract, ObservationsAreCountedOnce) {
  ConfigFields fields;
  config_->describe(fields);
  const ConfigField* normalizes = fields.find("normalize_observation");
  const bool has_vectors =
      std::any_of(spec_.observation.begin(), spec_.observation.end(), [](const Field& field) {
        return field.dtype != DType::kUInt8 && field.dtype != DType::kInt64;
      });
  if (normalizes == nullptr || !has_vectors) GTEST_SKIP() << "it has no statistics of observations";
  ConfigFields::set(*normalizes, "true", "normalize_observation");
  const std::unique_ptr<Agent> agent = make(1);
  agent->observe(observations());
  double expected = 9.0;
  if (auto* of_returns = dynamic_cast<PopulationAgent*>(agent.get())) {
    of_returns->begin_generation(
        of_returns->population());  // its statistics change between generations
    of_returns->note(observations());
    of_returns->end_generation(
        std::vector<double>(static_cast<size_t>(of_returns->population()), 1.0));
  }
  if (const auto* of_rollouts = dynamic_cast<RolloutAgent*>(agent.get())) {
    learn(*agent, 1);  // its statistics change between rollouts, with the weights
    expected = 3.0 * static_cast<double>(of_rollouts->request().steps);
  }
  std::vector<double> counts;
  for (const auto& [name, tensor] : test::saved(*agent)) {
    if (name.ends_with("count")) counts.push_back(tensor.item<double>());
  }
  EXPECT_THAT(counts, testing::Contains(expected));
  EXPECT_THAT(counts, testing::Each(testing::Le(expected)));
}

INSTANTIATE_TEST_SUITE_P(Registry, AgentContract,
                         testing::ValuesIn(test::with_recurrent_ones(names_of_agents(true))),
                         test::variant_test_name);

TEST(AgentRegistry, NamesAreUniqueAndFound) {
  std::set<std::string> seen;
  for (const AgentEntry& entry : agent_registry()) {
    EXPECT_TRUE(seen.insert(entry.name).second) << entry.name;
    EXPECT_EQ(find_agent(entry.name).summary, entry.summary);
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
  }
  EXPECT_THAT(input_error([] { find_agent("dpdg"); }), HasSubstr("did you mean 'ddpg'?"));
}

TEST(AgentRegistry, WhatHasNothingToLearnSaysSo) {
  for (const std::string& name : names_of_agents(false)) {
    EXPECT_THAT(input_error([&] {
                  find_agent(name).config()->make(test::PointEnv::make_spec({}), at::kCPU, 0);
                }),
                HasSubstr(name));
  }
}

TEST(AgentRegistry, DdpgRefusesDiscreteActions) {
  EXPECT_THAT(
      input_error([] { find_agent("ddpg").config()->make(test::discrete_spec(), at::kCPU, 0); }),
      HasSubstr("point-discrete has discrete actions"));
}

}  // namespace
}  // namespace reverie
