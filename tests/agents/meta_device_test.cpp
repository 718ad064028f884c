// Updates of agents neither wait for the device nor feed it from the CPU: they run on LibTorch's
// meta device (tests/meta_device.h).
#include "tests/meta_device.h"

#include <algorithm>
#include <cctype>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"

namespace reverie {
namespace {

TensorMap on_meta(const TensorMap& tensors) {
  TensorMap out;
  for (const auto& [name, tensor] : tensors) out.add(name, tensor.to(at::kMeta));
  return out;
}

Batch on_meta(const Batch& batch) {
  return {.obs = on_meta(batch.obs),
          .next_obs = on_meta(batch.next_obs),
          .action = batch.action.to(at::kMeta),
          .reward = batch.reward.to(at::kMeta),
          .discount = batch.discount.to(at::kMeta),
          .index = batch.index};
}

Rollout on_meta(const Rollout& rollout) {
  return {.obs = on_meta(rollout.obs),
          .started = rollout.started.to(at::kMeta),
          .action = rollout.action.to(at::kMeta),
          .extra = on_meta(rollout.extra),
          .reward = rollout.reward.to(at::kMeta),
          .terminated = rollout.terminated.to(at::kMeta),
          .truncated = rollout.truncated.to(at::kMeta),
          .last_obs = on_meta(rollout.last_obs),
          .final_obs = on_meta(rollout.final_obs),
          .final_index = rollout.final_index.to(at::kMeta)};
}

EnvSpec task(bool discrete) {
  return SpaceAdapter::adapt(discrete ? test::discrete_spec() : test::PointEnv::make_spec({}));
}

// "agent" or "agent/option=value/...", with "discrete" for a task of discrete actions, "pictures"
// for one that shows pictures alone.
std::unique_ptr<AgentConfig> config_of(const std::string& name) {
  const std::string agent = name.substr(0, name.find('/'));
  auto config = find_agent(agent).config();
  ConfigFields fields;
  config->describe(fields);
  for (size_t at = agent.size(); at < name.size();) {
    const size_t end = std::min(name.find('/', at + 1), name.size());
    const std::string option = name.substr(at + 1, end - at - 1);
    at = end;
    if (const size_t equals = option.find('='); equals != std::string::npos) {
      fields.set(option.substr(0, equals), option.substr(equals + 1));
    }
  }
  if (const ConfigField* field = fields.find("rollout_steps")) {
    ConfigFields::set(*field, "12", "rollout_steps");
  }
  return config;
}

// The first of the small tasks that suits the agent: continuous, discrete, from pictures.
EnvSpec spec_for(const AgentConfig& config) {
  for (const EnvSpec& spec :
       {test::PointEnv::make_spec({}), test::discrete_spec(), test::picture_spec()}) {
    const EnvSpec adapted = SpaceAdapter::adapt(spec);
    try {
      config.make(adapted, at::kCPU, 0);
      return adapted;
    } catch (const Error&) {  // does not suit
    }
  }
  fail_input("an agent that suits none of the tasks of tests/agents/point_env.h");
}

template <typename Kind>
std::vector<std::string> agents_of() {
  std::vector<std::string> names;
  for (const AgentEntry& entry : agent_registry()) {
    if (!entry.learns()) continue;
    const std::unique_ptr<AgentConfig> config = entry.config();
    const auto agent = config->make(spec_for(*config), at::kCPU, 0);
    if (dynamic_cast<Kind*>(agent.get()) != nullptr) names.push_back(entry.name);
  }
  return names;
}

// Agents that learn from sequences have their own tests: the JEPA's are in tests/worldmodel.
TEST(MetaDevice, MissesNoAgentThatLearns) {
  std::vector<std::string> covered = agents_of<TransitionAgent>();
  for (const std::string& name : agents_of<RolloutAgent>()) covered.push_back(name);
  covered.emplace_back("jepa");
  std::vector<std::string> learning;
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.learns()) learning.push_back(entry.name);
  }
  EXPECT_THAT(covered, testing::UnorderedElementsAreArray(learning));
}

class AgentOnMeta : public testing::TestWithParam<std::string> {};

TEST_P(AgentOnMeta, AnUpdateReadsNoValue) {
  const std::unique_ptr<AgentConfig> config = config_of(GetParam());
  const EnvSpec spec = GetParam().ends_with("pictures")
                           ? SpaceAdapter::adapt(test::PointEnv::make_spec({.pictures = true}))
                           : spec_for(*config);
  const auto made = config->make(spec, at::kMeta, 1);
  auto& agent = dynamic_cast<TransitionAgent&>(*made);
  Rng rng(1);
  for (int i = 0; i < 2; ++i) {
    const Batch batch = on_meta(test::random_batch(spec, 16, rng));
    const test::MetaDevice meta;
    agent.observe(batch.obs);
    for (const auto& [name, value] : agent.update(batch).metrics) {
      EXPECT_TRUE(value.device().is_meta()) << name;
    }
    EXPECT_THAT(meta.faults(), testing::IsEmpty());
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::vector<std::string> transition_agents() {
  std::vector<std::string> names = agents_of<TransitionAgent>();
  for (const char* name : {"ddpg/pictures", "td3/pictures", "sac/pictures", "td7/pictures"}) {
    names.emplace_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, AgentOnMeta, testing::ValuesIn(transition_agents()), test_name);

class RolloutAgentOnMeta : public testing::TestWithParam<std::string> {};

TEST_P(RolloutAgentOnMeta, AnUpdateReadsNoValue) {
  const EnvSpec spec = task(GetParam().ends_with("discrete"));
  const auto config = config_of(GetParam());
  const auto made = config->make(spec, at::kMeta, 1), acting = config->make(spec, at::kCPU, 1);
  auto& agent = dynamic_cast<RolloutAgent&>(*made);
  Rng rng(1);
  for (int i = 0; i < 2; ++i) {
    const Rollout rollout =
        on_meta(test::random_rollout(dynamic_cast<RolloutAgent&>(*acting), spec, 4, rng));
    const test::MetaDevice meta;
    agent.observe(rollout.last_obs);
    for (const auto& [name, value] : agent.update(rollout, 0.5, rng).metrics) {
      EXPECT_TRUE(value.device().is_meta()) << name;
    }
    EXPECT_THAT(meta.faults(), testing::IsEmpty());
  }
}

std::vector<std::string> rollout_agents() {
  std::vector<std::string> names = agents_of<RolloutAgent>();
  for (const char* name :
       {"ppo/target_kl=0.01/minibatch=7", "ppo/distribution=beta", "ppo/clip_value=false/discrete",
        "a2c/normalize_advantage=true/discrete", "reinforce/baseline=false/discrete",
        "reinforce/normalize_advantage=true"}) {
    names.emplace_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, RolloutAgentOnMeta, testing::ValuesIn(rollout_agents()),
                         test_name);

}  // namespace
}  // namespace reverie
