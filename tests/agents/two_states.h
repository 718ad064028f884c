#pragma once

// What the tests of agents that serve any reward have in common.

#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/agent.h"
#include "nn/state_list.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"

namespace reverie::test {

struct TaskSpecSizes {
  int64_t state, action;
  int64_t goal = 0;  // 0: no goals are shown
};

inline EnvSpec task_spec(const TaskSpecSizes& n) {
  EnvSpec spec = {
      .id = "golden",
      .observation = {{.name = "observation", .shape = {n.state}}},
      .action = Field{.name = "action", .shape = {n.action}, .low = {-1.0F}, .high = {1.0F}}};
  if (n.goal > 0) spec.observation.push_back({.name = "desired_goal", .shape = {n.goal}});
  return spec;
}

// The same weights and samples in an environment that shows no goals.
inline std::unique_ptr<Agent> copy_without_goals(Agent& agent, const AgentConfig& config,
                                                 EnvSpec spec) {
  spec.observation.resize(1);
  auto copy = config.make(spec, at::kCPU, 0);
  load_state(*copy, take_checkpoint(agent));
  return copy;
}

// Two states s = -1, 1; action a > 0 leads to 1, else to -1, whatever s is. Each state is half of
// the data. So a policy for the reward of being at 1 goes there, one for being at -1 the other way,
// and a policy that stays at 1 has the discounted occupancy 1 / (1 - gamma) there.
inline Batch two_states(Rng& rng, float rewarded, double gamma = 0.8) {
  constexpr int64_t kSize = 64;
  std::vector<float> s, a, next, r, future;
  for (int64_t i = 0; i < kSize; ++i) {
    s.push_back(rng.random() < 0.5 ? -1.0F : 1.0F);
    a.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    next.push_back(a.back() > 0.0F ? 1.0F : -1.0F);
    r.push_back(next.back() == rewarded ? 1.0F : 0.0F);
  }
  const at::Tensor reached = at::tensor(next).unsqueeze(1);
  return {.obs = {{"observation", at::tensor(s).unsqueeze(1)}},
          .next_obs = {{"observation", reached}},
          .action = at::tensor(a).unsqueeze(1),
          .reward = at::tensor(r),
          .discount = at::full({kSize}, gamma),
          .index = at::arange(kSize),
          .future_obs = {{"observation", reached.roll(1, 0)}}};
}

// config: its gamma is 0.8. stays: a policy is also asked where it already is at its goal.
inline void expect_any_reward_of_two_states(const AgentConfig& config, bool stays = true) {
  const EnvSpec spec = task_spec({.state = 1, .action = 1, .goal = 1});
  const at::Tensor s = at::tensor({-1.0F, 1.0F}).unsqueeze(1);
  for (const float rewarded : {-1.0F, 1.0F}) {
    const auto agent = config.make(spec, at::kCPU, 7);
    Rng rng(3);
    for (int i = 0; i < 600; ++i) {
      dynamic_cast<TransitionAgent&>(*agent).update(two_states(rng, rewarded));
    }
    const auto of_reward = copy_without_goals(*agent, config, spec);
    const at::Tensor to_reward = of_reward->actor(2, {}, 1)->act({{"observation", s}}).action;
    EXPECT_GT((rewarded * to_reward).min().item<double>(), 0.1) << rewarded;
    for (const float goal : {-1.0F, 1.0F}) {
      const TensorMap from_both{{"observation", s}, {"desired_goal", at::full({2, 1}, goal)}};
      const at::Tensor to_goal = goal * agent->actor(2, {}, 1)->act(from_both).action;
      const int64_t there = goal > 0.0F ? 1 : 0, away = 1 - there;
      EXPECT_GT(to_goal[away].item<double>(), 0.1) << goal;
      EXPECT_TRUE(!stays || to_goal[there].item<double>() > 0.1) << goal << to_goal[there];
      // Relative to the data, of which the goal is a half: 2 / (1 - gamma) there, 0 elsewhere.
      const TensorMap from_away{{"observation", s.narrow(0, away, 1)},
                                {"desired_goal", at::full({1, 1}, goal)}};
      const at::Tensor visits = dynamic_cast<TaskAgent&>(*agent).occupancy(from_away, from_both);
      EXPECT_NEAR(visits[there].item<double>(), 10.0, 1.0) << goal;
      EXPECT_NEAR(visits[away].item<double>(), 0.0, 1.0) << goal;
    }
    // The opposite reward, of other samples: three of four states earn it.
    dynamic_cast<TaskAgent&>(*of_reward)
        .pursue(
            {{"observation", at::tensor({rewarded, -rewarded, -rewarded, -rewarded}).unsqueeze(1)}},
            at::tensor({0.0F, 1.0F, 1.0F, 1.0F}));
    const at::Tensor back = of_reward->actor(2, {}, 1)->act({{"observation", s}}).action;
    EXPECT_GT((-rewarded * back).min().item<double>(), 0.1) << "not " << rewarded;
  }
}

// config: its goal_numbers are {0, 2}.
template <typename Config>
void expect_refusals(const Config& config) {
  const auto refused = [](const Config& other, const EnvSpec& spec) {
    return input_error([&] { other.make(spec, at::kCPU, 0); });
  };
  EnvSpec spec = task_spec({.state = 3, .action = 2});
  Config beyond = config;
  beyond.goal_numbers = {0, 3};
  EXPECT_THAT(refused(beyond, spec),
              testing::HasSubstr("--goal-numbers 3: the observation has 3 numbers"));
  EXPECT_THAT(refused(config, task_spec({.state = 3, .action = 2, .goal = 3})),
              testing::HasSubstr("goals of 3 numbers"));
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(refused(config, spec), testing::HasSubstr("discrete actions"));
  spec = task_spec({.state = 3, .action = 2});
  spec.observation[0].dtype = DType::kUInt8;
  EXPECT_THAT(refused(config, spec), testing::HasSubstr("--observation state"));
}

}  // namespace reverie::test
