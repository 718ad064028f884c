#include "agents/registry.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::input_error;
using testing::HasSubstr;

std::vector<std::string> names_of_agents(bool learn) {
  std::vector<std::string> names;
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.learns() == learn) names.push_back(entry.name);
  }
  return names;
}

// What every agent that learns keeps, whatever its algorithm.
class AgentContract : public testing::TestWithParam<std::string> {
 protected:
  AgentContract() : config_(find_agent(GetParam()).config()) {
    make_small(*config_);
    for (const EnvSpec& spec :
         {test::PointEnv::make_spec({}), test::discrete_spec(), test::picture_spec()}) {
      spec_ = spec;
      try {
        config_->make(spec_, at::kCPU, 0);
        break;
      } catch (const Error&) {  // does not suit
      }
    }
  }

  // Planners that try a few candidates only.
  static void make_small(AgentConfig& config) {
    ConfigFields fields;
    config.describe_acting(fields);
    for (const char* name : {"samples", "iterations", "elites"}) {
      if (const ConfigField* field = fields.find(name)) ConfigFields::set(*field, "2", name);
    }
  }

  std::unique_ptr<Agent> make(uint64_t seed) const { return config_->make(spec_, at::kCPU, seed); }

  Sample sample(const Agent& agent, uint64_t seed) const {
    Rng rng(seed);
    const SampleRequest request = agent.request();
    if (request.sequences) return test::random_sequences(spec_, request.batch, request.spec, rng);
    return test::random_batch(spec_, request.batch, rng);
  }

  // The first actions of episodes: what came before them is no part of a checkpoint.
  static at::Tensor act(Agent& agent, const TensorMap& obs, ActMode mode) {
    agent.on_episode_start(at::ones({9}, at::kBool));
    return agent.act(obs, mode);
  }

  TensorMap observations() const {
    Rng rng(77);
    return test::random_observations(spec_, 9, rng, false);
  }

  static Checkpoint saved(const Agent& agent) {
    Checkpoint checkpoint;
    agent.save(checkpoint);
    return checkpoint;
  }

  EnvSpec spec_ = test::PointEnv::make_spec({});
  std::unique_ptr<AgentConfig> config_;
};

TEST_P(AgentContract, ActsInTheFieldOfTheEnvironmentAndTheSameWayWhenEvaluated) {
  const auto agent = make(1);
  const Field field = action_field(spec_.action);
  agent->on_episode_start(at::ones({9}, at::kBool));
  for (const ActMode mode : {ActMode::kExplore, ActMode::kEvaluate}) {
    const at::Tensor actions = agent->act(observations(), mode).contiguous();
    EXPECT_EQ(actions.size(0), 9);
    EXPECT_FALSE(actions.requires_grad());
    check_action("contract", spec_.action, view_of(field, actions));
  }
  const auto twin = make(1);
  EXPECT_TRUE(at::equal(twin->act(observations(), ActMode::kEvaluate),
                        make(1)->act(observations(), ActMode::kEvaluate)));
}

TEST_P(AgentContract, TheSeedDecidesWeightsAndExploration) {
  expect_same_bits(saved(*make(1)).group("model"), saved(*make(1)).group("model"));
  EXPECT_TRUE(at::equal(make(1)->act(observations(), ActMode::kExplore),
                        make(1)->act(observations(), ActMode::kExplore)));
  EXPECT_FALSE(at::equal(make(1)->act(observations(), ActMode::kExplore),
                         make(2)->act(observations(), ActMode::kExplore)));
}

TEST_P(AgentContract, AnUpdateMovesWeightsAndReportsFiniteScalars) {
  const auto agent = make(1);
  EXPECT_GE(agent->request().spec.n_step, 1);
  const Checkpoint before = saved(*agent);
  const Sample given = sample(*agent, 5);
  const auto of_given = [&](auto member) {
    return std::visit([&](const auto& batch) { return member(batch); }, given);
  };
  const auto reward_of = [](const auto& batch) { return batch.reward; };
  const auto action_of = [](const auto& batch) { return batch.action; };
  const at::Tensor reward = of_given(reward_of).clone();
  const at::Tensor action = of_given(action_of).clone();
  const TensorMap losses = agent->update(given).metrics;
  EXPECT_TRUE(at::equal(of_given(reward_of), reward)) << "the batch belongs to the caller";
  EXPECT_TRUE(at::equal(of_given(action_of), action));
  EXPECT_FALSE(losses.empty());
  for (const auto& [name, value] : losses) {
    EXPECT_EQ(value.numel(), 1) << name;
    EXPECT_TRUE(std::isfinite(value.item<double>())) << name;
  }
  const Checkpoint after = saved(*agent);
  bool moved = false;
  for (const auto& [name, tensor] : after.group("model")) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
    moved = moved || !at::equal(tensor, before.group("model").at(name));
  }
  EXPECT_TRUE(moved);
}

TEST_P(AgentContract, SavedToDiskAndLoadedItActsAndLearnsBitEqual) {
  const auto agent = make(1);
  for (uint64_t i = 0; i < 3; ++i) {
    act(*agent, observations(), ActMode::kExplore);
    agent->update(sample(*agent, i));
  }
  const test::TemporaryFolder folder;
  saved(*agent).write(folder.path());
  const auto loaded = make(2);
  loaded->load(Checkpoint::read(folder.path(), {"model", "optimizer"}));
  for (uint64_t i = 3; i < 6; ++i) {
    for (const ActMode mode : {ActMode::kEvaluate, ActMode::kExplore}) {
      EXPECT_TRUE(at::equal(act(*agent, observations(), mode), act(*loaded, observations(), mode)));
    }
    agent->update(sample(*agent, i));
    loaded->update(sample(*loaded, i));
  }
  const Checkpoint one = saved(*agent);
  const Checkpoint other = saved(*loaded);
  expect_same_bits(one.group("model"), other.group("model"));
  expect_same_bits(one.group("optimizer"), other.group("optimizer"));

  // Evaluation reads the model alone.
  const auto evaluated = make(3);
  evaluated->load(Checkpoint::read(folder.path(), {"model"}));
  const auto reference = make(4);
  reference->load(Checkpoint::read(folder.path(), {"model", "optimizer"}));
  EXPECT_TRUE(at::equal(evaluated->act(observations(), ActMode::kEvaluate),
                        reference->act(observations(), ActMode::kEvaluate)));
}

TEST_P(AgentContract, SavedWeightsAreACopy) {
  const auto agent = make(1);
  const Checkpoint first = saved(*agent);
  const Checkpoint same = saved(*make(1));
  agent->update(sample(*agent, 0));
  expect_same_bits(first.group("model"), same.group("model"));
  expect_same_bits(first.group("optimizer"), same.group("optimizer"));
}

TEST_P(AgentContract, WeightsOfAnotherTaskAreRefused) {
  EnvSpec wider = spec_;
  if (wider.observation[0].name == "pixels") {
    wider.observation[0].shape = {32, 32, 3};
  } else {
    wider.observation[0].shape = {3};
  }
  const Checkpoint foreign = saved(*config_->make(wider, at::kCPU, 0));
  EXPECT_THAT(input_error([&] { make(1)->load(foreign); }), HasSubstr("expected"));
  EXPECT_THAT(input_error([&] { make(1)->load(Checkpoint()); }), HasSubstr("model"));
}

TEST_P(AgentContract, AnEnvironmentItCannotServeIsNamed) {
  for (const EnvSpec& spec :
       {test::PointEnv::make_spec({}), test::discrete_spec(), test::picture_spec()}) {
    try {
      config_->make(spec, at::kCPU, 0);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_THAT(error.what(), HasSubstr(spec.id + " "));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, AgentContract, testing::ValuesIn(names_of_agents(true)),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

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
