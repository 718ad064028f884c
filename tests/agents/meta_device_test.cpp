// Updates of agents never wait for the device, nor feed it from the CPU: they run on LibTorch's
// meta device (tests/meta_device.h).
#include "tests/meta_device.h"

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

std::vector<std::string> agents_of_transitions() {
  std::vector<std::string> names;
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  for (const AgentEntry& entry : agent_registry()) {
    if (!entry.learns()) continue;
    try {
      const auto agent = entry.config()->make(spec, at::kCPU, 0);
      if (dynamic_cast<TransitionAgent*>(agent.get()) != nullptr) names.push_back(entry.name);
    } catch (const Error&) {  // does not suit the task
    }
  }
  return names;
}

class AgentOnMeta : public testing::TestWithParam<std::string> {};

TEST_P(AgentOnMeta, AnUpdateReadsNoValue) {
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  const auto made = find_agent(GetParam()).config()->make(spec, at::kMeta, 1);
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

INSTANTIATE_TEST_SUITE_P(Registry, AgentOnMeta, testing::ValuesIn(agents_of_transitions()),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace reverie
