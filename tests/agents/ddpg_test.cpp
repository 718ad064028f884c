#include "agents/ddpg/ddpg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::group_of;
using test::input_error;
using test::max_difference;
using test::random_batch;
using test::random_observations;
using testing::HasSubstr;

// Tolerance for weights and losses of order 1, after ten updates in float32.
constexpr double kTolerance = 1e-5;

// The environment of the transcript. Its actions have their own bounds.
EnvSpec golden_env() {
  return {
      .id = "golden",
      .observation = {{.name = "observation", .shape = {3}}},
      .action = Field{.name = "action", .shape = {2}, .low = {-2.0F, 0.5F}, .high = {1.0F, 3.0F}}};
}

EnvSpec golden_spec() { return SpaceAdapter::adapt(golden_env()); }

// Actions of that environment as learners see them.
at::Tensor in_unit_range(const at::Tensor& actions) {
  return (actions - at::tensor({-0.5F, 1.75F})) / at::tensor({1.5F, 1.25F});
}

at::Tensor act(Agent& agent, const TensorMap& obs, ActMode mode, uint64_t seed = 3) {
  const int64_t rows = obs.begin()->second.size(0);
  return agent.actor(rows, {mode}, seed)->act(obs).action;
}

// The counterpart of tests/golden/ddpg.py.
class DdpgGolden : public testing::Test {
 protected:
  DdpgGolden() : file_(test::golden("ddpg")) {
    DdpgConfig config;
    config.hidden_sizes = {16, 12};
    config.actor_learning_rate = 1e-3;
    config.critic_learning_rate = 2e-3;
    config.tau = 0.05;
    agent_ = make_ddpg(golden_spec(), config, at::kCPU, 0);
    test::load(*agent_, "", weights(0));
  }

  TensorMap weights(int updates) const {
    const std::string prefix = fmt::format("ddpg.{}.", updates);
    TensorMap map;
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.rfind(prefix, 0) == 0) map.add(name.substr(prefix.size()), tensor);
    }
    return map;
  }

  Batch batch(int update) const {
    const auto get = [&](const char* name) {
      return file_.tensor(fmt::format("ddpg.batch.{}.{}", update, name));
    };
    return {.obs = {{"observation", get("obs")}},
            .next_obs = {{"observation", get("next_obs")}},
            .action = in_unit_range(get("action")),
            .reward = get("reward"),
            .discount = get("discount"),
            .index = at::arange(8)};
  }

  void update_and_compare_losses(int update) {
    const TensorMap losses = agent_->update(batch(update)).metrics;
    const at::Tensor expected = file_.tensor("ddpg.losses")[update - 1];
    int64_t column = 0;
    for (const char* name : {"loss/critic", "loss/actor", "value/q"}) {
      EXPECT_LT(max_difference(losses.at(name), expected[column++]), kTolerance)
          << name << " of update " << update;
      EXPECT_FALSE(losses.at(name).requires_grad()) << name;
    }
  }

  void compare_weights(int updates) const {
    const TensorMap now = group_of(take_checkpoint(*agent_), "model");
    const TensorMap expected = weights(updates);
    ASSERT_EQ(now.size(), expected.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_LT(max_difference(now.at(name), tensor), kTolerance)
          << name << " after update " << updates;
    }
  }

  SafetensorsFile file_;
  std::unique_ptr<TransitionAgent> agent_;
};

TEST_F(DdpgGolden, OneUpdateIsPyTorchs) {
  update_and_compare_losses(1);
  compare_weights(1);
}

TEST_F(DdpgGolden, TenUpdatesAndTheActionsAfterThemArePyTorchs) {
  for (int update = 1; update <= 10; ++update) update_and_compare_losses(update);
  compare_weights(10);
  const TensorMap obs{{"observation", file_.tensor("ddpg.probe.obs")}};
  EXPECT_LT(max_difference(act(*agent_, obs, ActMode::kEvaluate),
                           in_unit_range(file_.tensor("ddpg.probe.action"))),
            kTolerance);
}

std::unique_ptr<TransitionAgent> make_small(const EnvSpec& spec, double noise, uint64_t seed = 1,
                                            bool normalize = false) {
  DdpgConfig config;
  config.hidden_sizes = {16};
  config.exploration_noise = noise;
  config.normalize_observation = normalize;
  return make_ddpg(spec, config, at::kCPU, seed);
}

TEST(DdpgAct, EvaluationIsTheSameEveryTimeAndLeavesNoTrace) {
  const EnvSpec spec = golden_spec();
  Rng rng(5);
  const TensorMap obs = random_observations(spec, 6, rng, false);
  const auto agent = make_small(spec, 0.1, 1, true);
  const Checkpoint before = take_checkpoint(*agent);
  const auto actor = agent->actor(6, {ActMode::kEvaluate}, 3);
  const at::Tensor first = actor->act(obs).action;
  EXPECT_TRUE(at::equal(actor->act(obs).action, first));
  expect_same_bits(group_of(before, "model"), group_of(take_checkpoint(*agent), "model"));
}

TEST(DdpgAct, ExplorationNoiseIsGaussian) {
  constexpr int64_t kCount = 20000;
  const EnvSpec spec = golden_spec();
  Rng rng(5);
  const TensorMap obs = random_observations(spec, kCount, rng, false);
  const auto agent = make_small(spec, 0.1);
  const at::Tensor noise =
      act(*agent, obs, ActMode::kExplore) - act(*agent, obs, ActMode::kEvaluate);
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor unit = noise.select(1, i).to(at::kDouble);
    const double error = 0.1 / std::sqrt(static_cast<double>(kCount));
    EXPECT_NEAR(unit.mean().item<double>(), 0.0, 4 * error);
    EXPECT_NEAR(unit.std().item<double>(), 0.1, 4 * error / std::sqrt(2.0));
    // A Gaussian has 31.7 % beyond one deviation, a uniform distribution of the same 42.3 %.
    EXPECT_NEAR((unit.abs() > 0.1).to(at::kDouble).mean().item<double>(), 0.317, 0.014);
  }
  const at::Tensor product = noise.select(1, 0) * noise.select(1, 1) / 0.01;
  EXPECT_NEAR(product.mean().item<double>(), 0.0, 4 / std::sqrt(static_cast<double>(kCount)))
      << "the elements are independent";
}

TEST(DdpgAct, ExplorationIsClippedToTheBounds) {
  const EnvSpec spec = golden_spec();
  Rng rng(5);
  const TensorMap obs = random_observations(spec, 500, rng, false);
  const at::Tensor actions = act(*make_small(spec, 5.0), obs, ActMode::kExplore);
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor column = actions.select(1, i);
    // Most draws of this noise are beyond a bound.
    EXPECT_FLOAT_EQ(column.min().item<float>(), -1.0F);
    EXPECT_FLOAT_EQ(column.max().item<float>(), 1.0F);
  }
  EXPECT_EQ(actions.scalar_type(), at::kFloat);
}

TEST(DdpgAct, WithoutNoiseExploresAsItEvaluates) {
  const EnvSpec spec = golden_spec();
  Rng rng(5);
  const TensorMap obs = random_observations(spec, 5, rng, false);
  const auto agent = make_small(spec, 0.0);
  EXPECT_TRUE(at::equal(act(*agent, obs, ActMode::kExplore), act(*agent, obs, ActMode::kEvaluate)));
}

TEST(DdpgUpdate, TerminatedTransitionsDoNotLookAtWhatFollows) {
  const EnvSpec spec = golden_spec();
  Rng rng(9);
  Batch batch = random_batch(spec, 32, rng);
  batch.discount.zero_();
  const auto a = make_small(spec, 0.1);
  const auto b = make_small(spec, 0.1);
  a->update(batch);
  batch.next_obs = random_observations(spec, 32, rng, true);
  b->update(batch);
  expect_same_bits(group_of(take_checkpoint(*a), "model"), group_of(take_checkpoint(*b), "model"));
}

TEST(DdpgUpdate, WeightsScaleWhatEachTransitionTeachesTheCritic) {
  const EnvSpec spec = golden_spec();
  Rng rng(9);
  Batch batch = random_batch(spec, 32, rng);
  const Learned plain = make_small(spec, 0.1)->update(batch);
  ASSERT_EQ(plain.td_error.sizes(), at::IntArrayRef({32}));
  EXPECT_FALSE(plain.td_error.requires_grad());
  const auto loss = [](const Learned& learned) {
    return learned.metrics.at("loss/critic").item<double>();
  };
  EXPECT_NEAR(loss(plain), plain.td_error.square().mean().item<double>(), 1e-6);
  batch.weight = at::zeros({32});
  batch.weight[3] = 0.5;
  const double error = plain.td_error[3].item<double>();
  EXPECT_NEAR(loss(make_small(spec, 0.1)->update(batch)), 0.5 * error * error / 32, 1e-6);
}

TEST(DdpgUpdate, AsksForTheSamplesOfItsConfig) {
  DdpgConfig config;
  config.n_step = 3;
  config.gamma = 0.9;
  config.minibatch = 17;
  const auto agent = make_ddpg(golden_spec(), config, at::kCPU, 0);
  EXPECT_EQ(agent->request().spec.n_step, 3);
  EXPECT_EQ(agent->request().spec.gamma, 0.9);
  EXPECT_EQ(agent->request().batch, 17);
}

TEST(DdpgUpdate, NormalizationFollowsExplorationAndFeedsActorAndCritic) {
  const EnvSpec spec = golden_spec();
  Rng rng(9);
  TensorMap obs = random_observations(spec, 64, rng, false);
  const auto plain = make_small(spec, 0.1, 1, false);
  const auto normalizing = make_small(spec, 0.1, 1, true);
  const TensorMap far{{"observation", obs.at("observation") * 3.0 + 50.0}};
  for (const auto* agent : {&plain, &normalizing}) (*agent)->observe(far);
  // What the normalising agent sees now has mean 0 and deviation 1.
  const at::Tensor x = far.at("observation").to(at::kDouble);
  const at::Tensor standard = (x - x.mean(0)) / x.std(0, /*unbiased=*/false);
  const TensorMap standard_obs{{"observation", standard.to(at::kFloat)}};
  EXPECT_LT(max_difference(act(*normalizing, far, ActMode::kEvaluate),
                           act(*plain, standard_obs, ActMode::kEvaluate)),
            1e-4);
  Batch raw = random_batch(spec, 64, rng);
  raw.obs = far;
  raw.next_obs = far;
  Batch standardized = raw;
  standardized.obs = standard_obs;
  standardized.next_obs = standard_obs;
  EXPECT_LT(max_difference(normalizing->update(raw).metrics.at("loss/critic"),
                           plain->update(standardized).metrics.at("loss/critic")),
            1e-4);
}

TEST(DdpgConfig, TheTrunksOfActorAndCriticAreNormalizedOnRequestOnly) {
  for (const bool normalized : {false, true}) {
    DdpgConfig config;
    config.hidden_sizes = {16, 12};
    if (normalized) config.normalized_trunk = true;
    const TensorMap saved = tensors_of(*config.make(golden_spec(), at::kCPU, 0));
    for (const char* net : {"actor", "critic", "target_actor", "target_critic"}) {
      EXPECT_EQ(saved.contains(fmt::format("{}.1.weight", net)), normalized) << net;
    }
  }
}

TEST(DdpgConfig, RefusesWhatItCannotLearnFromAndNamesTheEnvironment) {
  const DdpgConfig config;
  const auto refused = [&](EnvSpec spec) {
    return input_error([&] { config.make(spec, at::kCPU, 0); });
  };
  EnvSpec pixels = golden_spec();
  pixels.observation = {{.name = "pixels", .shape = {8, 8, 3}, .dtype = DType::kUInt8}};
  EXPECT_THAT(refused(pixels), HasSubstr("golden"));
  EnvSpec matrix = golden_spec();
  std::get<Field>(matrix.action).shape = {2, 1};
  EXPECT_THAT(refused(matrix), HasSubstr("golden"));
}

}  // namespace
}  // namespace reverie
