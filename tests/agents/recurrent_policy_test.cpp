// Policies with a memory: what they remember of an episode, and that they forget it at its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/policy_gradient/a2c.h"
#include "agents/policy_gradient/policy_gradient.h"
#include "agents/policy_gradient/ppo.h"
#include "agents/policy_gradient/reinforce.h"
#include "agents/space_adapter.h"
#include "agents/training/rollout_trainer.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/recall_env.h"
#include "tests/agents/training_run.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

EnvSpec blind_spec() {
  return {.id = "blind",
          .observation = {{.name = "observation", .shape = {1}}},
          .action = DiscreteSpace{2}};
}

// Evaluates rollouts without learning from them.
class Evaluator final : public PolicyGradientAgent {
 public:
  static constexpr double kLambda = 0.5;

  explicit Evaluator(const PolicyGradientConfig& config)
      : PolicyGradientAgent(blind_spec(), config, at::kCPU, 1) {}

  RolloutRows rows;

 private:
  TensorMap learn(const Rollout& rollout, const TensorMap& s, Rng& /*rng*/) override {
    rows = evaluate(rollout, s, kLambda);
    return {};
  }
};

// A memory that counts an episode's steps: it is halfway nearer to 1 with each of them,
// 1 - 2^-k after k observations. For a GRU this is the output; an LSTM's is its tanh.
class CountingPolicy : public testing::TestWithParam<const char*> {
 protected:
  CountingPolicy() : agent_(config()) {
    const TensorMap weights = tensors_of(agent_);
    const auto fill = [&](const char* name, std::vector<float> rows) {
      at::Tensor tensor = weights.at(name).detach();
      tensor.copy_(at::tensor(rows).view_as(tensor));
    };
    const bool lstm = is_lstm();
    for (const char* name : {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}) {
      weights.at(std::string("networks.memory.") + name).detach().zero_();
    }
    // Gates: i, f = 1/2, g = 1, o = 1; or r, z = 1/2, n = 1.
    if (lstm) fill("networks.memory.bias_ih_l0", {0, 0, 50, 50});
    if (!lstm) fill("networks.memory.bias_ih_l0", {0, 0, 50});
    fill("networks.value.0.weight", {16});
  }

  static bool is_lstm() { return GetParam() == std::string("lstm"); }

  static A2cConfig config() {
    A2cConfig config;
    config.memory = GetParam();
    config.memory_size = 1;
    config.hidden_sizes = {};
    config.gamma = 0.5;
    config.rollout_steps = 4;
    config.normalize_observation = false;
    return config;
  }

  // V of an episode's k-th observation.
  static float v(int64_t k) {
    const double counted = 1.0 - std::pow(0.5, k);
    return static_cast<float>(16.0 * (is_lstm() ? std::tanh(counted) : counted));
  }

  // Four steps of two environments. ends: T terminated, t truncated. Rewards are 1, 2, 3, 4.
  Rollout gather(std::vector<std::string> ends) {
    Rollout rollout{.obs = {{"observation", at::zeros({4, 2, 1})}},
                    .started = at::zeros({4, 2}, at::kBool),
                    .action = {},
                    .extra = {},
                    .reward = at::tensor({1, 1, 2, 2, 3, 3, 4, 4}).view({4, 2}).to(at::kFloat),
                    .terminated = at::zeros({4, 2}, at::kBool),
                    .truncated = at::zeros({4, 2}, at::kBool),
                    .last_obs = {{"observation", at::zeros({2, 1})}},
                    .final_obs = {},
                    .final_index = {}};
    std::vector<at::Tensor> draw, log_prob, memory;
    std::vector<int64_t> finals;
    for (int64_t t = 0; t < 4; ++t) {
      rollout.started[t].copy_(starts_);
      const Decision decision = actor_->act({{"observation", at::zeros({2, 1})}});
      draw.push_back(decision.extra.at("draw"));
      log_prob.push_back(decision.extra.at("log_prob"));
      memory.push_back(decision.extra.at("memory"));
      for (int64_t n = 0; n < 2; ++n) {
        const char end = ends[static_cast<size_t>(n)][static_cast<size_t>(t)];
        rollout.terminated[t][n] = end == 'T';
        rollout.truncated[t][n] = end == 't';
        if (end == 't') finals.push_back(2 * t + n);
      }
      starts_ = rollout.ended()[t];
      actor_->on_episode_start(starts_);
    }
    rollout.action = at::stack(draw);
    rollout.extra = {{"draw", at::stack(draw)},
                     {"log_prob", at::stack(log_prob)},
                     {"memory", at::stack(memory)}};
    rollout.final_obs = {{"observation", at::zeros({static_cast<int64_t>(finals.size()), 1})}};
    rollout.final_index = at::tensor(finals, at::kLong);
    return rollout;
  }

  // The advantages of a rollout, an environment a row.
  at::Tensor advantages_of(const Rollout& rollout) {
    Rng rng(1);
    agent_.update(rollout, 0.0, rng);
    return agent_.rows.advantage.view({4, 2}).t();
  }

  // r + gamma V' - V, with gamma = 1/2.
  static float delta(float reward, float next_value, float value) {
    return reward + 0.5F * next_value - value;
  }

  // A of four steps from their deltas, with gamma lambda = 1/4. goes_on: the episode, after a step.
  static std::vector<float> sums(std::array<float, 4> d, std::array<bool, 3> goes_on) {
    std::vector<float> a(d.begin(), d.end());
    for (size_t t = 3; t-- > 0;) a[t] += goes_on[t] ? 0.25F * a[t + 1] : 0.0F;
    return a;
  }

  static at::Tensor rows(const std::vector<float>& a, const std::vector<float>& b) {
    return at::stack({at::tensor(a), at::tensor(b)});
  }

  static at::Tensor flags(bool first, bool second) {
    return at::tensor({static_cast<int>(first), static_cast<int>(second)}).to(at::kBool);
  }

  Evaluator agent_;
  std::unique_ptr<Actor> actor_ = agent_.actor(2, {ActMode::kExplore}, 1);
  at::Tensor starts_ = at::ones({2}, at::kBool);
};

// The first environment terminates at its second step; the second is truncated at its third, where
// the final observation is the episode's fourth. The second rollout continues their episodes; there
// the first one is truncated at the end.
TEST_P(CountingPolicy, ValuesComeFromTheMemoryOfTheirOwnEpisode) {
  const at::Tensor first = advantages_of(gather({".T..", "..t."}));
  const at::Tensor expected = rows(
      sums({delta(1, v(2), v(1)), delta(2, 0, v(2)), delta(3, v(2), v(1)), delta(4, v(3), v(2))},
           {true, false, true}),
      sums({delta(1, v(2), v(1)), delta(2, v(3), v(2)), delta(3, v(4), v(3)), delta(4, v(2), v(1))},
           {true, true, false}));
  EXPECT_LT(max_difference(first, expected), 1e-5);
  EXPECT_LT(max_difference(agent_.rows.value.view({4, 2}).t(),
                           rows({v(1), v(2), v(1), v(2)}, {v(1), v(2), v(3), v(1)})),
            1e-5);

  const at::Tensor second = advantages_of(gather({"...t", ".T.."}));
  const at::Tensor next = rows(
      sums({delta(1, v(4), v(3)), delta(2, v(5), v(4)), delta(3, v(6), v(5)), delta(4, v(7), v(6))},
           {true, true, true}),
      sums({delta(1, v(3), v(2)), delta(2, 0, v(3)), delta(3, v(2), v(1)), delta(4, v(3), v(2))},
           {true, false, true}));
  EXPECT_LT(max_difference(second, next), 1e-5);

  if (is_lstm()) return;
  // With V = 8, 12, 14, 15, 15.5, 15.75, 15.875.
  EXPECT_TRUE(
      at::equal(first, rows({-3.5F, -10.0F, 0.75F, -1.0F}, {-1.96875F, -3.875F, -3.5F, 2.0F})));
  EXPECT_TRUE(at::equal(second[1], at::tensor({-7.0F, -12.0F, 0.75F, -1.0F})));
}

// Where the policy begins anew, it acts like a policy that never acted before; elsewhere it goes
// on.
TEST_P(CountingPolicy, AnActorForgetsTheEpisodesThatEnd) {
  const TensorMap obs{{"observation", at::zeros({2, 1})}};
  const auto one = [&] { return actor_->act(obs).extra.at("memory").select(1, 0).clone(); };
  EXPECT_TRUE(at::equal(one(), at::tensor({0.0F, 0.0F})));
  const at::Tensor after_one = one(), after_two = one();
  EXPECT_GT(after_two[0].item<float>(), after_one[0].item<float>());
  actor_->on_idle(flags(true, false));
  actor_->on_episode_start(flags(true, false));
  const at::Tensor kept = actor_->act(obs).extra.at("memory");
  EXPECT_TRUE(at::equal(kept[0], at::zeros_like(kept[0])));
  EXPECT_GT(kept[1][0].item<float>(), after_two[1].item<float>());
  // What was handed out stays as it was.
  const at::Tensor before = kept.clone();
  actor_->on_episode_start(flags(true, true));
  EXPECT_TRUE(at::equal(kept, before));
}

TEST_P(CountingPolicy, ACheckpointHoldsWhatTheActorRemembers) {
  const TensorMap obs{{"observation", at::zeros({2, 1})}};
  actor_->act(obs);
  const auto resumed = agent_.actor(2, {ActMode::kExplore}, 9);
  load_state(*resumed, take_checkpoint(*actor_));
  const Decision expected = actor_->act(obs), now = resumed->act(obs);
  for (const char* column : {"memory", "draw", "log_prob"}) {
    EXPECT_TRUE(at::equal(now.extra.at(column), expected.extra.at(column))) << column;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, CountingPolicy, testing::Values("lstm", "gru"),
                         [](const auto& param) { return std::string(param.param); });

// Before its first step, an update by sequences sees the policy that gathered the rollout: the
// ratio is 1 at every step, and differs from 1 when a memory crosses the end of an episode.
TEST(RecurrentPolicy, TheRatioIsOneBeforeTheFirstStep) {
  for (const EnvSpec& task :
       {test::PointEnv::make_spec({}), test::discrete_spec(), test::picture_spec()}) {
    for (const char* memory : {"lstm", "gru"}) {
      for (const int64_t length : {4, 16}) {
        SCOPED_TRACE(fmt::format("{} {} {}", task.id, memory, length));
        const EnvSpec spec = SpaceAdapter::adapt(task);
        PpoConfig config;
        config.memory = memory;
        config.memory_size = 16;
        config.convolutions = "small";
        if (task.observation[0].name == "pixels") config.convolutions = "drq";
        config.rollout_steps = 16;
        config.epochs = 1;
        config.minibatch = 64;
        config.sequence_length = length;
        const auto made = config.make(spec, at::kCPU, 1);
        auto& agent = dynamic_cast<RolloutAgent&>(*made);
        // A policy that listens to its memory from the beginning.
        const TensorMap weights = tensors_of(*made);
        weights.at("networks.policy.4.weight").detach().mul_(100.0);
        Rng rng(1);
        const auto divergence = [&](const Rollout& rollout) {
          return agent.update(rollout, 1.0, rng).metrics.at("policy/kl").item<double>();
        };
        Rollout rollout = test::random_rollout(agent, spec, 4, rng);
        EXPECT_LT(std::abs(divergence(rollout)), 1e-6);
        rollout = test::random_rollout(agent, spec, 4, rng);
        rollout.started.fill_(false);
        EXPECT_GT(divergence(rollout), 1e-5);
      }
    }
  }
}

// The same through the trainer, whose episodes end in both ways and cross the rollouts.
TEST(RecurrentPolicy, TheTrainerCarriesTheMemoryFromRolloutToRollout) {
  for (const char* memory : {"lstm", "gru"}) {
    test::TrainingRun run;
    run.config.env = "point";
    run.config.agent = "ppo";
    run.config.steps = 32 * 6;
    run.config.threads = 1;
    run.config.env_config = std::make_unique<test::PointConfig>(
        test::PointOptions{.max_steps = 11, .goal_radius = 0.45});
    auto training = std::make_unique<RolloutTraining>();
    training->num_envs = 4;
    run.config.training = std::move(training);
    auto agent = std::make_unique<PpoConfig>();
    agent->memory = memory;
    agent->rollout_steps = agent->sequence_length = 8;
    agent->minibatch = 32;
    agent->epochs = 1;
    agent->learning_rate = 1e-2;
    run.config.agent_config = std::move(agent);
    const std::unique_ptr<Trainer> trainer = run.config.training->make(run.config, {});
    trainer->start();
    for (int i = 0; i < 6; ++i) {
      trainer->turn();
      const auto [row, shown] = trainer->metrics();
      const auto kl = std::find_if(row.begin(), row.end(),
                                   [](const auto& metric) { return metric.first == "policy/kl"; });
      ASSERT_NE(kl, row.end());
      EXPECT_LT(std::abs(kl->second), 1e-6) << memory << ", rollout " << i;
    }
  }
}

// Chance is 0, and so is the best that can be done without a memory.
double recall_after(PolicyGradientConfig& agent, int64_t steps, int64_t num_envs) {
  RunConfig config;
  config.env = "recall";
  config.threads = 1;
  config.steps = steps;
  config.env_config = std::make_unique<test::RecallConfig>(5);
  RolloutTraining training;
  training.num_envs = num_envs;
  training.normalize_reward = false;
  struct Borrowed final : AgentConfig {
    explicit Borrowed(const AgentConfig& lent) : config(lent) {}
    void describe(ConfigFields& /*fields*/) override {}
    std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device,
                                uint64_t seed) const override {
      return config.make(spec, device, seed);
    }
    const AgentConfig& config;
  };
  config.agent_config = std::make_unique<Borrowed>(agent);
  const std::unique_ptr<Trainer> trainer = training.make(config, {});
  trainer->start();
  while (trainer->counts().position < steps) trainer->turn();
  const auto actor = [&](int64_t envs, uint64_t seed) {
    return trainer->agent().actor(envs, {}, seed);
  };
  return mean_of_numbers(
      episode_returns(evaluate(actor, config.env_config->maker(), {.episodes = 200, .seed = 9})));
}

TEST(RecurrentPolicy, PpoRecallsWhatItSawAtTheBeginning) {
  for (const char* memory : {"none", "lstm", "gru"}) {
    PpoConfig ppo;
    ppo.memory = memory;
    ppo.memory_size = 16;
    ppo.hidden_sizes = {16};
    ppo.learning_rate = 5e-3;
    ppo.rollout_steps = 32;
    ppo.sequence_length = 16;
    ppo.minibatch = 128;
    ppo.epochs = 4;
    const double mean = recall_after(ppo, 6000, 8);
    if (memory == std::string("none")) {
      EXPECT_LT(std::abs(mean), 0.3);
    } else {
      EXPECT_GT(mean, 0.95) << memory;
    }
  }
}

TEST(RecurrentPolicy, A2cAndReinforceRecallToo) {
  A2cConfig a2c;
  ReinforceConfig with, without;
  without.baseline = false;
  for (PolicyGradientConfig* config :
       std::initializer_list<PolicyGradientConfig*>{&a2c, &with, &without}) {
    config->memory = "gru";
    config->memory_size = 16;
    config->hidden_sizes = {16};
    config->learning_rate = 1e-2;
    config->rollout_steps = 16;
    EXPECT_GT(recall_after(*config, 24000, 16), 0.95);
  }
}

TEST(RecurrentPolicy, ItsMemoryBeginsOrthogonal) {
  PpoConfig config;
  config.memory = "lstm";
  config.memory_size = 24;
  const auto agent = config.make(blind_spec(), at::kCPU, 1);
  const TensorMap weights = tensors_of(*agent);
  const at::Tensor u = weights.at("networks.memory.weight_hh_l0").detach();
  EXPECT_EQ(u.sizes(), at::IntArrayRef({96, 24}));
  EXPECT_LT(max_difference(at::mm(u.t(), u), at::eye(24)), 1e-5);
  for (const char* bias : {"bias_ih_l0", "bias_hh_l0"}) {
    EXPECT_EQ(weights.at(std::string("networks.memory.") + bias).abs().max().item<double>(), 0.0);
  }
}

TEST(RecurrentPolicy, SequencesThatDoNotFitAreRefused) {
  PpoConfig config;
  config.memory = "lstm";
  config.rollout_steps = 100;
  EXPECT_THAT(
      input_error([&] { config.make(blind_spec(), at::kCPU, 1); }),
      HasSubstr("--rollout-steps 100 cannot be cut into sequences of --sequence-length 32"));
  config.rollout_steps = 128;
  config.sequence_length = 128;
  EXPECT_THAT(input_error([&] { config.make(blind_spec(), at::kCPU, 1); }),
              HasSubstr("--minibatch 64 is less than one sequence of --sequence-length 128"));
  config.memory = "none";
  EXPECT_NO_THROW(config.make(blind_spec(), at::kCPU, 1));
}

}  // namespace
}  // namespace reverie
