// DDPG, TD3, SAC and TD7 from pictures: one encoder that the critics train, random shifts, trunks.
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/off_policy/state_encoder.h"
#include "agents/registry.h"
#include "nn/layers.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/point_env.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

const std::vector<std::string> kAgents = {"ddpg", "td3", "sac", "td7"};

// Stacks of two grey pictures, 17 pixels high and 16 wide.
EnvSpec picture_spec() {
  return {.id = "pictures",
          .observation = {{.name = "pixels", .shape = {2, 17, 16, 1}, .dtype = DType::kUInt8}},
          .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
}

using Options = std::vector<std::pair<std::string, std::string>>;

// Options that the agent does not have are left out.
std::unique_ptr<Agent> make(const std::string& name, const Options& options,
                            const EnvSpec& spec = picture_spec()) {
  const std::unique_ptr<AgentConfig> config = find_agent(name).config();
  ConfigFields fields;
  config->describe(fields);
  for (const auto& [option, value] : options) {
    if (fields.find(option) != nullptr) fields.set(option, value);
  }
  return config->make(spec, at::kCPU, 0);
}

// As in tests/golden/actor_critic.py.
const Options kGolden = {{"hidden_sizes", "8"},
                         {"feature_size", "6"},
                         {"hidden_size", "12"},
                         {"embedding_size", "10"},
                         {"actor_learning_rate", "1e-3"},
                         {"critic_learning_rate", "2e-3"},
                         {"temperature_learning_rate", "3e-3"},
                         {"learning_rate", "1e-3"},
                         {"initial_temperature", "0.3"},
                         {"target_noise_clip", "0.3"},
                         {"target_every", "4"},
                         {"tau", "0.05"},
                         {"random_shift", "3"}};

const Options kLearning = {
    {"hidden_sizes", "64"},           {"hidden_size", "64"},     {"embedding_size", "32"},
    {"feature_size", "16"},           {"random_shift", "1"},     {"actor_learning_rate", "5e-4"},
    {"critic_learning_rate", "2e-3"}, {"learning_rate", "1e-3"}, {"tau", "0.05"},
    {"target_every", "50"},           {"policy_delay", "2"},     {"initial_temperature", "0.01"}};

// A single critic, and embeddings that are copied now and then, take longer.
int64_t updates_to_read(const std::string& agent) {
  if (agent == "td7") return 900;
  return agent == "ddpg" ? 700 : 450;
}

class PictureUpdates : public testing::TestWithParam<std::string> {};

TEST_P(PictureUpdates, ArePyTorchs) {
  GoldenUpdates golden("actor_critic_pictures", GetParam(), /*pictures=*/true);
  const auto agent = make(GetParam(), kGolden);
  golden.begin(*agent);
  std::vector<std::string> metrics = {"loss/critic", "loss/actor", "value/q"};
  if (GetParam() == "td7") metrics = {"loss/critic", "loss/embedding", "value/q", "loss/actor"};
  golden.compare(dynamic_cast<TransitionAgent&>(*agent), 6, metrics);
  const TensorMap obs{{"pixels", golden.get("probe.obs")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(obs).action, golden.get("probe.action")),
            GoldenUpdates::kTolerance)
      << "acting shifts nothing";
}

TEST_P(PictureUpdates, EncodersAreTrainedByTheCriticsAlone) {
  // Weights of 0 leave the critics nothing to learn; the actor still seeks values.
  const auto agent = make(GetParam(), kGolden);
  const TensorMap tensors = tensors_of(*agent);
  const auto convolutions = [&] {
    return tensors.at("convolutions.pixels.0.weight").detach().clone();
  };
  const at::Tensor before = convolutions();
  Rng rng(3);
  Batch batch = test::random_batch(picture_spec(), 8, rng);
  batch.weight = at::zeros({8});
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  const at::Tensor actor_before = agent->actor(8, {}, 0)->act(batch.obs).action;
  for (int i = 0; i < 4; ++i) learner.update(batch);
  EXPECT_TRUE(at::equal(convolutions(), before));
  EXPECT_FALSE(at::equal(agent->actor(8, {}, 0)->act(batch.obs).action, actor_before));
  batch.weight = at::Tensor();
  learner.update(batch);
  EXPECT_FALSE(at::equal(convolutions(), before));
}

// Pictures of a point x, reward -|a - x|^2: an actor that has learnt points where the picture
// shows.
TEST_P(PictureUpdates, LearnToReadAPicture) {
  EnvSpec spec = test::PointEnv::make_spec({.pictures = true});
  spec.action = std::get<Field>(picture_spec().action);
  Rng rng(3);
  const auto points = [&](int64_t count) {
    const at::Tensor x = at::empty({count, 2}, at::kDouble);
    const at::Tensor pixels = at::zeros({count, 16, 16, 2}, at::kByte);
    for (int64_t i = 0; i < count; ++i) {
      auto* place = x[i].mutable_data_ptr<double>();
      for (int64_t k = 0; k < 2; ++k) place[k] = rng.uniform(-1.0, 1.0);
      const std::span<uint8_t> picture(pixels[i].mutable_data_ptr<uint8_t>(), 16 * 16 * 2);
      test::PointEnv::draw_point(picture, 0, place);
      test::PointEnv::draw_point(picture, 1, test::PointEnv::kGoal);
    }
    return std::pair(x.to(at::kFloat), TensorMap{{"pixels", pixels}});
  };
  const auto agent = make(GetParam(), kLearning, spec);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  for (int64_t i = 0; i < updates_to_read(GetParam()); ++i) {
    const auto [x, obs] = points(32);
    const at::Tensor action = at::empty({32, 2}, at::kFloat);
    fill_uniform(action, 1.0, rng);
    learner.update({.obs = obs,
                    .next_obs = points(32).second,
                    .action = action,
                    .reward = -(action - x).square().sum(1),
                    .discount = at::zeros({32}),
                    .index = at::arange(32)});
  }
  const auto [x, obs] = points(200);
  const at::Tensor action = agent->actor(200, {}, 0)->act(obs).action;
  // The mean of x^2 is 1/3 a coordinate, 2/3 for what ignores the picture.
  EXPECT_LT((action - x).square().sum(1).mean().item<double>(), 0.4);
}

INSTANTIATE_TEST_SUITE_P(Agents, PictureUpdates, testing::ValuesIn(kAgents),
                         [](const auto& param) { return param.param; });

StateEncoder make_encoder(const PictureOptions& options, Rng& rng) {
  return StateEncoder(picture_spec(), {.pictures = options, .learning_rate = 1e-3}, 0, rng,
                      at::kCPU);
}

TEST(StateEncoder, ShiftsWhatIsLearntFromAndNothingElse) {
  Rng rng(3);
  Batch batch = test::random_batch(picture_spec(), 4, rng);
  batch.next_obs = batch.obs;
  PictureOptions options;
  options.random_shift = 0;
  StateEncoder still = make_encoder(options, rng);
  const auto [s, s_next] = still.states(batch);
  EXPECT_TRUE(s.requires_grad());
  EXPECT_FALSE(s_next.requires_grad());
  EXPECT_TRUE(at::equal(s, s_next));
  EXPECT_TRUE(at::equal(s, still(batch.obs)));
  options.random_shift = 4;
  StateEncoder moving = make_encoder(options, rng);
  const auto [moved, moved_next] = moving.states(batch);
  EXPECT_FALSE(at::equal(moved, moved_next)) << "s and s' move by their own draws";
  EXPECT_FALSE(at::equal(moving.states(batch).s, moved)) << "each update draws anew";
  EXPECT_TRUE(at::equal(moving(batch.obs), moving(batch.obs)));
}

TEST(StateEncoder, PutsATrunkBeforeTheLayersOfPictures) {
  Rng rng(3);
  EXPECT_EQ(make_encoder({}, rng).widths({8, 9}), (std::vector<int64_t>{50, 8, 9}));
  EnvSpec vectors = picture_spec();
  vectors.observation = {{.name = "speed", .shape = {2}}};
  StateEncoder encoder(vectors, {.pictures = {}, .learning_rate = 1e-3}, 0, rng, at::kCPU);
  EXPECT_EQ(encoder.widths({8, 9}), (std::vector<int64_t>{8, 9}));
  EXPECT_EQ(encoder.optimizer(), nullptr);
  EXPECT_TRUE(tensors_of(encoder).empty());
}

TEST(Td7FromPictures, TheKeptPolicyHasTheEncoderOfItsTime) {
  auto options = kGolden;
  options.emplace_back("assessment_starts", "0");
  const auto agent = make("td7", options);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  Rng rng(3);
  const Batch batch = test::random_batch(picture_spec(), 8, rng);
  const auto evaluated = [&] { return agent->actor(8, {}, 0)->act(batch.obs).action; };
  learner.pace(0);
  for (int i = 0; i < 3; ++i) learner.update(batch);
  const at::Tensor then = evaluated();
  for (int i = 0; i < 20; ++i) learner.on_episode_end({.episode_return = 5.0});  // kept
  EXPECT_TRUE(at::equal(evaluated(), then));
  for (int i = 0; i < 5; ++i) learner.update(batch);
  EXPECT_TRUE(at::equal(evaluated(), then));
}

}  // namespace
}  // namespace reverie
