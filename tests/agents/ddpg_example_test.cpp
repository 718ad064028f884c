// examples/ddpg.cpp is the agent of the registry, written out.
#include <gtest/gtest.h>

#include "agents/ddpg/ddpg.h"
#include "examples/ddpg_update.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

TEST(DdpgExample, ItsFirstUpdatesAreTheAgents) {
  const EnvSpec spec = {
      .id = "any",
      .observation = {{.name = "observation", .shape = {4}}},
      .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
  DdpgConfig config;
  config.hidden_sizes = {32, 32};
  const auto agent = make_ddpg(spec, config, at::kCPU, 3);
  example::Ddpg own({.observation = 4, .action = 2, .hidden = {32, 32}}, 3);
  Rng rng(1);
  for (int i = 0; i < 5; ++i) {
    const Batch batch = test::random_batch(spec, 64, rng);
    const at::Tensor loss = own.update(batch);
    EXPECT_TRUE(at::equal(loss, agent->update(batch).metrics.at("loss/critic"))) << i;
  }
  const TensorMap weights = tensors_of(*agent);
  for (const auto& [name, parameter] : own.actor().named()) {
    EXPECT_TRUE(at::equal(parameter.detach(), weights.at("actor." + name))) << name;
  }
  for (const auto& [name, parameter] : own.critic().named()) {
    EXPECT_TRUE(at::equal(parameter.detach(), weights.at("critic." + name))) << name;
  }
}

}  // namespace
}  // namespace reverie
