// Updates of agents neither wait for the device nor feed it from the CPU: they run on LibTorch's
// meta device (tests/meta_device.h).
#include "tests/meta_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/tabular/q_table.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/variants.h"
#include "tests/errors.h"

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
          .index = batch.index,
          .next_action = batch.next_action.to(at::kMeta),
          .has_next_action = batch.has_next_action.to(at::kMeta),
          .future_obs = on_meta(batch.future_obs)};
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

// A variant (variants.h) whose rollouts are short.
std::unique_ptr<AgentConfig> small_config(const std::string& name) {
  auto config = test::config_of(name);
  ConfigFields fields;
  config->describe(fields);
  if (const ConfigField* field = fields.find("rollout_steps")) {
    ConfigFields::set(*field, "12", "rollout_steps");
  }
  return config;
}

// The first of the small tasks that suits the agent.
EnvSpec spec_for(const AgentConfig& config) {
  for (const EnvSpec& spec : test::specs_of_each_kind()) {
    const EnvSpec adapted = SpaceAdapter::adapt(spec);
    try {
      config.make(adapted, at::kCPU, 0);
      return adapted;
    } catch (const Error&) {  // does not suit
    }
  }
  fail_input("an agent that suits none of the tasks of tests/agents/point_env.h");
}

// of_tables: those that keep a table, and no others.
template <typename Kind>
std::vector<std::string> agents_of(bool of_tables = false) {
  std::vector<std::string> names;
  for (const AgentEntry& entry : agent_registry()) {
    if (!entry.learns()) continue;
    const std::unique_ptr<AgentConfig> config = small_config(entry.name);
    const auto agent = config->make(spec_for(*config), at::kCPU, 0);
    const bool keeps_table = dynamic_cast<TabularAgent*>(agent.get()) != nullptr;
    if (dynamic_cast<Kind*>(agent.get()) != nullptr && keeps_table == of_tables) {
      names.push_back(entry.name);
    }
  }
  return names;
}

// Agents that learn from sequences have their own tests: the JEPA's are in tests/worldmodel.
TEST(MetaDevice, MissesNoAgentThatLearns) {
  std::vector<std::string> covered = agents_of<TransitionAgent>();
  for (const std::string& name : agents_of<RolloutAgent>()) covered.push_back(name);
  for (const std::string& name : agents_of<Agent>(/*of_tables=*/true)) covered.push_back(name);
  covered.emplace_back("jepa");
  covered.emplace_back("reward-model");  // reward_model_test.cpp
  covered.emplace_back("evolution");     // evolution_agent_test.cpp
  covered.emplace_back("world-models");  // tests/worldmodel, and as evolution
  std::vector<std::string> learning;
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.learns()) learning.push_back(entry.name);
  }
  EXPECT_THAT(covered, testing::UnorderedElementsAreArray(learning));
}

TEST(MetaDevice, TablesStayOnTheCpu) {
  for (const std::string& name : agents_of<Agent>(/*of_tables=*/true)) {
    EXPECT_THAT(test::input_error(
                    [&] { find_agent(name).config()->make(test::table_spec(), at::kMeta, 1); }),
                testing::AllOf(testing::HasSubstr(name), testing::HasSubstr("on the CPU")));
  }
}

class AgentOnMeta : public testing::TestWithParam<std::string> {};

TEST_P(AgentOnMeta, AnUpdateReadsNoValue) {
  const std::unique_ptr<AgentConfig> config = small_config(GetParam());
  const EnvSpec spec = test::asks_for(GetParam(), "pictures")
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

INSTANTIATE_TEST_SUITE_P(Registry, AgentOnMeta,
                         testing::ValuesIn(test::with_picture_ones(agents_of<TransitionAgent>())),
                         test::variant_test_name);

class RolloutAgentOnMeta : public testing::TestWithParam<std::string> {};

TEST_P(RolloutAgentOnMeta, AnUpdateReadsNoValue) {
  const EnvSpec spec = task(GetParam().ends_with("discrete"));
  const auto config = small_config(GetParam());
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
        "reinforce/normalize_advantage=true",
        "ppo/memory=lstm/sequence_length=4/minibatch=8/target_kl=0.01",
        "ppo/memory=gru/sequence_length=12/discrete", "a2c/memory=lstm/discrete",
        "reinforce/memory=gru"}) {
    names.emplace_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, RolloutAgentOnMeta, testing::ValuesIn(rollout_agents()),
                         test::variant_test_name);

}  // namespace
}  // namespace reverie
