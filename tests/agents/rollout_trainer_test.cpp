#include "agents/training/rollout_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/ddpg/ddpg.h"
#include "agents/evaluation.h"
#include "agents/policy_gradient/a2c.h"
#include "agents/policy_gradient/ppo.h"
#include "agents/policy_gradient/reinforce.h"
#include "agents/training/reward_scale.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/training_run.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;
using test::PointConfig;
using test::PointOptions;
using testing::AllOf;
using testing::HasSubstr;

class RolloutRun : public test::TrainingRun {
 public:
  explicit RolloutRun(PointOptions options = {.max_steps = 11, .goal_radius = 0.45}) {
    config.env = "point";
    config.agent = "ppo";
    config.steps = 96;
    config.threads = 1;
    config.env_config = std::make_unique<PointConfig>(std::move(options));
    config.training = std::make_unique<RolloutTraining>();
    training().num_envs = 4;
    training().drive_options.log_every = 1;
    training().drive_options.evaluate_every = 0;
    auto agent = std::make_unique<PpoConfig>();
    agent->hidden_sizes = {16};
    agent->rollout_steps = 8;
    agent->minibatch = 16;
    agent->epochs = 2;
    config.agent_config = std::move(agent);
  }

  RolloutTraining& training() { return dynamic_cast<RolloutTraining&>(*config.training); }
  PpoConfig& ppo() { return dynamic_cast<PpoConfig&>(*config.agent_config); }
};

TEST(RolloutTrainer, TakesWholeRolloutsUntilTheStepsAreThere) {
  RolloutRun run;
  run.config.steps = 100;
  const TrainingResult result = run.train();
  EXPECT_EQ(result.counts.steps, 128);
  EXPECT_EQ(result.counts.updates, 4);
  EXPECT_THAT(run.log_lines().front(),
              AllOf(HasSubstr("env/return"), HasSubstr("policy/kl"), HasSubstr("loss/value")));
}

// Keeps the rollouts that it receives to learn from.
class Spy final : public RolloutAgent {
 public:
  explicit Spy(std::vector<Rollout>& rollouts) : rollouts_(rollouts) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t /*seed*/) override {
    class Still final : public Actor {
     public:
      explicit Still(Spy& spy) : spy_(spy) {}
      Decision act(const TensorMap& obs) override {
        const int64_t n = obs.at("clock").size(0);
        const Decision decision{at::zeros({n, 2}), {{"call", at::full({n}, spy_.calls_)}}};
        spy_.calls_ += 1.0F;
        return decision;
      }
      void on_episode_start(const at::Tensor& env_mask) override {
        spy_.starts_ += env_mask.sum().item<int64_t>();
      }

     private:
      Spy& spy_;
    };
    return std::make_unique<Still>(*this);
  }

  std::vector<Field> extra_fields() const override { return {{.name = "call", .shape = {}}}; }
  RolloutRequest request() const override { return {.steps = 8, .gamma = 0.9}; }

  Learned update(const Rollout& rollout, double progress, Rng& /*rng*/) override {
    Rollout copy = rollout;
    const auto cloned = [](const TensorMap& map) {
      TensorMap out;
      for (const auto& [name, values] : map) out.add(name, values.clone());
      return out;
    };
    copy.obs = cloned(rollout.obs);
    copy.extra = cloned(rollout.extra);
    copy.last_obs = cloned(rollout.last_obs);
    copy.final_obs = cloned(rollout.final_obs);
    for (at::Tensor* tensor : {&copy.started, &copy.action, &copy.reward, &copy.terminated,
                               &copy.truncated, &copy.final_index}) {
      *tensor = tensor->clone();
    }
    rollouts_.push_back(copy);
    progress_.push_back(progress);
    return {};
  }

  void state(StateList& /*list*/) override {}

  std::vector<Rollout>& rollouts_;
  std::vector<double> progress_;
  float calls_ = 0.0F;
  int64_t starts_ = 0;
};

struct SpyConfig final : AgentConfig {
  explicit SpyConfig(std::vector<Rollout>& kept) : rollouts(kept) {}
  void describe(ConfigFields& /*fields*/) override {}
  std::unique_ptr<Agent> make(const EnvSpec& /*spec*/, at::Device /*device*/,
                              uint64_t /*seed*/) const override {
    return std::make_unique<Spy>(rollouts);
  }
  std::vector<Rollout>& rollouts;
};

// The clock of the point task counts an episode's steps, as a share of its 11.
TEST(RolloutTrainer, RolloutsHoldEveryStepInItsOrder) {
  std::vector<Rollout> rollouts;
  RolloutRun run({.max_steps = 11});
  run.config.agent_config = std::make_unique<SpyConfig>(rollouts);
  run.training().normalize_reward = false;
  const std::unique_ptr<Trainer> trainer = run.config.training->make(run.config, {});
  trainer->start();
  for (int i = 0; i < 3; ++i) trainer->turn();
  const auto& spy = dynamic_cast<const Spy&>(trainer->agent());
  EXPECT_THAT(spy.progress_, testing::ElementsAre(0.0, 32.0 / 96.0, 64.0 / 96.0));
  EXPECT_EQ(spy.starts_, 4 + 2 * 4) << "at the start, and after two time limits";
  int64_t step = 0;
  for (const Rollout& rollout : rollouts) {
    ASSERT_EQ(rollout.steps(), 8);
    int64_t finals = 0;
    for (int64_t t = 0; t < 8; ++t, ++step) {
      SCOPED_TRACE(step);
      const int64_t clock = step % 11;
      for (int64_t n = 0; n < 4; ++n) {
        EXPECT_FLOAT_EQ(rollout.obs.at("clock")[t][n].item<float>(),
                        static_cast<float>(clock) / 11.0F);
        EXPECT_EQ(rollout.started[t][n].item<bool>(), clock == 0);
        EXPECT_EQ(rollout.truncated[t][n].item<bool>(), clock == 10);
        EXPECT_EQ(rollout.extra.at("call")[t][n].item<float>(), static_cast<float>(step));
        EXPECT_FALSE(rollout.terminated[t][n].item<bool>());
        // The action is the middle of the task's bounds, (0.05, 0). The reward is the distance of
        // the place it leads to.
        const bool ends = clock == 10;
        const at::Tensor after = ends     ? rollout.final_obs.at("position")[finals]
                                 : t == 7 ? rollout.last_obs.at("position")[n]
                                          : rollout.obs.at("position")[t + 1][n];
        const double distance =
            std::hypot(after[0].item<double>() - 0.3, after[1].item<double>() + 0.2);
        EXPECT_NEAR(rollout.reward[t][n].item<double>(), -distance, 1e-6);
        if (ends) {
          EXPECT_EQ(rollout.final_index[finals].item<int64_t>(), t * 4 + n);
          EXPECT_FLOAT_EQ(rollout.final_obs.at("clock")[finals].item<float>(), 1.0F);
          ++finals;
        }
      }
    }
    EXPECT_EQ(rollout.final_index.numel(), finals);
  }
}

// gamma = 1/2. Environment 0: G = 1, 2.5, 4.25; 1 ends after its first step: G = 2, then 4, 8.
TEST(RunningRewardScale, DividesByTheDeviationOfDiscountedSums) {
  Rollout rollout;
  rollout.reward = at::tensor({1.0F, 2.0F, 2.0F, 4.0F, 3.0F, 6.0F}).view({3, 2});
  rollout.terminated = at::zeros({3, 2}, at::kBool);
  rollout.truncated = at::zeros({3, 2}, at::kBool);
  rollout.terminated[0][1] = true;
  RunningRewardScale scale(2, 0.5);
  const at::Tensor sums = at::tensor({1.0, 2.5, 4.25, 2.0, 4.0, 8.0});
  const at::Tensor scaled = scale(rollout);
  EXPECT_LT(max_difference(scaled, rollout.reward / sums.std(0, /*unbiased=*/false)), 1e-5);

  // The next rollout continues with sums of 4.25 and 8, and with the variance of all rewards so
  // far.
  rollout.reward = at::zeros({1, 2});
  rollout.reward[0][0] = 100.0;
  rollout.terminated = at::zeros({1, 2}, at::kBool);
  rollout.truncated = at::ones({1, 2}, at::kBool);
  const at::Tensor all = at::cat({sums, at::tensor({102.125, 4.0})});
  EXPECT_NEAR(scale(rollout)[0][0].item<double>(),
              100.0 / all.std(0, /*unbiased=*/false).item<double>(), 1e-4);

  // Both were truncated, so the sums start again. Rewards far above the previous ones are clipped.
  rollout.reward = at::full({1, 2}, 1e9);
  EXPECT_LE(scale(rollout).max().item<double>(), 10.0);
}

TEST(RunningRewardScale, GoesOnFromACheckpoint) {
  Rng rng(1);
  const auto rollout = [&] {
    Rollout out;
    out.reward = at::empty({5, 3});
    out.terminated = at::zeros({5, 3}, at::kBool);
    out.truncated = at::zeros({5, 3}, at::kBool);
    for (int64_t i = 0; i < 15; ++i) out.reward.view({-1})[i] = rng.normal(1.0, 2.0);
    return out;
  };
  RunningRewardScale scale(3, 0.9), resumed(3, 0.9);
  scale(rollout());
  load_state(resumed, take_checkpoint(scale));
  const Rollout next = rollout();
  EXPECT_TRUE(at::equal(scale(next), resumed(next)));
}

TEST(RolloutTrainer, ALossThatIsNotFiniteStopsTheRun) {
  RolloutRun run({.max_steps = 11, .hook = [](int64_t lifetime, double reward) {
                    return lifetime > 12 ? std::nan("") : reward;
                  }});
  EXPECT_THAT(test::run_error([&] { run.train(); }),
              AllOf(HasSubstr("is nan"), HasSubstr("the checkpoint of step 0")));
}

TEST(RolloutTrainer, AnAgentOfAnotherKindIsRefused) {
  RolloutRun run;
  run.config.agent = "ddpg";
  run.config.agent_config = std::make_unique<DdpgConfig>();
  EXPECT_THAT(test::input_error([&] { run.config.training->make(run.config, {}); }),
              HasSubstr("agent 'ddpg' does not learn from rollouts"));
}

// The mean return of the policy of a run over other starts.
double evaluated(const RolloutRun& run, Trainer& trainer) {
  const auto actor = [&](int64_t num_envs, uint64_t seed) {
    return trainer.agent().actor(num_envs, {}, seed);
  };
  return mean_of_numbers(episode_returns(
      evaluate(actor, run.config.env_config->maker(), {.episodes = 100, .seed = 9})));
}

// The point task over 30 steps.
double return_after(RolloutRun& run, int64_t steps) {
  run.config.steps = steps;
  const std::unique_ptr<Trainer> trainer = run.config.training->make(run.config, {});
  trainer->start();
  while (trainer->counts().position < steps) trainer->turn();
  return evaluated(run, *trainer);
}

// About -20 before training and by chance. Going straight to the goal and staying there gives -2.5.
TEST(RolloutTrainer, PpoLearnsThePointTask) {
  for (const char* distribution : {"gaussian", "beta"}) {
    RolloutRun run({.max_steps = 30});
    run.training().num_envs = 8;
    run.ppo() = {};
    run.ppo().hidden_sizes = {32, 32};
    run.ppo().rollout_steps = 64;
    run.ppo().learning_rate = 1e-3;
    run.ppo().distribution = distribution;
    EXPECT_LT(return_after(run, 64), -15.0) << distribution;
    EXPECT_GT(return_after(run, 20000), -6.0) << distribution;
  }
}

TEST(RolloutTrainer, A2cLearnsThePointTask) {
  RolloutRun run({.max_steps = 30});
  run.training().num_envs = 8;
  auto agent = std::make_unique<A2cConfig>();
  agent->hidden_sizes = {32, 32};
  agent->learning_rate = 3e-3;
  run.config.agent_config = std::move(agent);
  EXPECT_GT(return_after(run, 40000), -8.0);
}

TEST(RolloutTrainer, ReinforceLearnsThePointTask) {
  for (const bool baseline : {false, true}) {
    RolloutRun run({.max_steps = 30});
    run.training().num_envs = 8;
    auto agent = std::make_unique<ReinforceConfig>();
    agent->hidden_sizes = {32, 32};
    agent->learning_rate = 1e-2;
    agent->rollout_steps = 60;
    agent->baseline = baseline;
    agent->normalize_advantage = true;
    run.config.agent_config = std::move(agent);
    EXPECT_GT(return_after(run, 40000), -8.0) << baseline;
  }
}

}  // namespace
}  // namespace reverie
