// World Models: what is seen and remembered, dreams as an environment, the stages of training.

#include "agents/world_models/world_models_agent.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/trained_run.h"
#include "agents/world_models/dream_env.h"
#include "agents/world_models/world_models_training.h"
#include "envs/registry.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/training_run.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::group_of;
using test::input_error;
using test::max_difference;
using testing::AllOf;
using testing::HasSubstr;

using Options = std::vector<std::pair<std::string, std::string>>;

VisionMemoryOptions small_model() {
  VisionMemoryOptions options;
  options.vision = {.latent_size = 3, .channels = {4, 5}, .layout = "mirror"};
  options.memory.memory_size = 6;
  options.memory.components = 2;
  return options;
}

EnvSpec pictures(ActionSpace action) {
  return {.id = "pictures",
          .observation = {{.name = "pixels", .shape = {16, 16, 3}, .dtype = DType::kUInt8}},
          .action = std::move(action)};
}

const Field kAction{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};

at::Tensor random_pictures(int64_t count, uint64_t seed) {
  return (NoiseSource(at::kCPU, seed).normal({count, 16, 16, 3}) * 60.0 + 120.0)
      .clamp(0, 255)
      .to(at::kByte);
}

at::Tensor mask(bool first, bool second) {
  return at::tensor({first ? 1 : 0, second ? 1 : 0}).to(at::kBool);
}

class VisionMemoryTest : public testing::Test {
 protected:
  VisionMemoryTest() : rng_(4), model_(pictures(kAction), small_model(), rng_, at::kCPU) {}

  Rng rng_;
  VisionMemory model_;
};

// By hand: z is the mean of the code, and the memory goes on by what was seen and done.
TEST_F(VisionMemoryTest, SeesAndRemembersEachEnvironmentByItself) {
  const at::NoGradGuard no_grad;
  Perception perception(model_, 2);
  perception.begin(at::ones({2}, at::kBool));
  const at::Tensor first = random_pictures(2, 1), second = random_pictures(2, 2);
  const at::Tensor action = at::tensor({0.5F, -0.5F, 1.0F, 0.0F}).view({2, 2});
  const at::Tensor z1 = model_.vision().code(first).mean, z2 = model_.vision().code(second).mean;
  const at::Tensor memory =
      model_.memory().step(z1, action, model_.memory().initial_memory(2));

  EXPECT_EQ(perception.see(first).h.abs().max().item<double>(), 0.0);
  perception.act(action);
  const Perception::Seen seen = perception.see(second);
  EXPECT_LT(max_difference(seen.z, z2), 1e-6);
  EXPECT_LT(max_difference(seen.h, memory.narrow(1, 0, 6)), 1e-6);
  EXPECT_EQ(seen.joined().size(1), 9);

  // The second environment begins anew: it forgets, the first one does not.
  perception.begin(mask(false, true));
  const at::Tensor h = perception.see(second).h;
  EXPECT_LT(max_difference(h[0], memory[0].narrow(0, 0, 6)), 1e-6);
  EXPECT_EQ(h[1].abs().max().item<double>(), 0.0);

  // Pictures of environments that are ignored are not looked at until they begin again.
  perception.ignore(mask(true, false));
  const Perception::Seen half = perception.see(first);
  EXPECT_LT(max_difference(half.z[0], z2[0]), 1e-6);
  EXPECT_LT(max_difference(half.z[1], z1[1]), 1e-6);
  perception.begin(mask(true, false));
  EXPECT_LT(max_difference(perception.see(first).z, z1), 1e-6);
}

TEST_F(VisionMemoryTest, DiscreteActionsAreChoices) {
  const VisionMemory model(pictures(DiscreteSpace{3}), small_model(), rng_, at::kCPU);
  EXPECT_EQ(model.memory().action_size(), 3);
  EXPECT_TRUE(at::equal(model.action_code(at::tensor({2, 0}, at::kLong)),
                        at::tensor({0.0F, 0.0F, 1.0F, 1.0F, 0.0F, 0.0F}).view({2, 3})));
}

// A process that ends behind one step in eight, whatever it is: learning counts these ends ten
// times, and the chance that dreams draw from is that of the process all the same.
TEST_F(VisionMemoryTest, EndsAreAsFrequentInDreamsAsInTheData) {
  constexpr double kChance = 0.125;
  MdnRnnLearner learner(model_.memory(), {.learning_rate = 2e-2}, 1);
  Rng rng(2);
  for (int i = 0; i < 300; ++i) {
    at::Tensor ended = at::empty({4, 64});
    for (int64_t k = 0; k < ended.numel(); ++k) {
      ended.mutable_data_ptr<float>()[k] = rng.random() < kChance ? 1.0F : 0.0F;
    }
    learner.update({.mean = at::zeros({5, 64, 3}),
                    .action = at::zeros({4, 64, 2}),
                    .reward = at::full({4, 64}, 0.75),
                    .ended = ended});
  }
  const at::NoGradGuard no_grad;
  const int64_t worlds = 4000;
  const VisionMemory::Worlds start{at::zeros({worlds, 3}), model_.memory().initial_memory(worlds)};
  const NoiseSource noise(at::kCPU, 3);
  const auto uniform = [&](at::IntArrayRef shape) { return at::exp(-noise.exponential(shape)); };
  const VisionMemory::Dreamt dreamt =
      model_.dream(start, at::zeros({worlds, 2}),
                   {uniform({worlds, 3}), noise.normal({worlds, 3}), uniform({worlds})}, 1.0);
  EXPECT_NEAR(dreamt.ended.to(at::kFloat).mean().item<double>(), kChance, 0.03);
  EXPECT_NEAR(dreamt.reward.mean().item<double>(), 0.75, 0.02);
}

TEST_F(VisionMemoryTest, RefusesWhatItCannotSee) {
  EnvSpec stacked = pictures(kAction);
  stacked.observation[0].shape = {4, 16, 16, 3};
  stacked.observation[0].stacked = 4;
  EXPECT_THAT(input_error([&] { VisionMemory(stacked, small_model(), rng_, at::kCPU); }),
              AllOf(HasSubstr("stacks of 4"), HasSubstr("--frame-stack 1")));
  EnvSpec blind = pictures(kAction);
  blind.observation[0].name = "observation";
  EXPECT_THAT(input_error([&] { VisionMemory(blind, small_model(), rng_, at::kCPU); }),
              HasSubstr("--observation pixels"));
}

// A run of a few seconds in the point's pictures.
class WorldModelsRun : public test::TrainingRun {
 public:
  explicit WorldModelsRun(const Options& more = {}) {
    config.env = "maze2d-umaze";
    config.agent = "world-models";
    config.threads = 1;
    config.steps = 120;
    config.env_config = find_env(config.env).config();
    config.agent_config = std::make_unique<WorldModelsConfig>();
    config.training = std::make_unique<WorldModelsTraining>();
    config.env_config->set_option("observation", "pixels");
    config.env_config->set_option("image_size", "16x16");
    config.env_config->set_option("max_steps", "20");
    ConfigFields fields = config.fields();
    Options options = {{"num_envs", "4"},        {"learning_starts", "200"},
                       {"vae_updates", "10"},    {"rnn_updates", "10"},
                       {"vae_minibatch", "8"},   {"rnn_minibatch", "8"},
                       {"sequence_length", "8"}, {"replay_capacity", "1000"},
                       {"vae_layout", "mirror"}, {"vae_channels", "4,8"},
                       {"latent_size", "3"},     {"memory_size", "6"},
                       {"population", "4"},      {"episodes", "1"},
                       {"log_every", "5"},       {"checkpoint_every", "1000"},
                       {"keep_checkpoints", "99"}};
    options.insert(options.end(), more.begin(), more.end());
    for (const auto& [name, value] : options) fields.set(name, value);
  }
};

void expect_same_end(const WorldModelsRun& a, const WorldModelsRun& b) {
  for (const char* group : {"model", "optimizer"}) {
    expect_same_bits(group_of(a.latest(), group), group_of(b.latest(), group));
  }
  EXPECT_EQ(a.latest().texts(), b.latest().texts());
}

// 200 steps, 10 updates of V, 10 of M, then generations of 80 steps.
TEST(WorldModelsTraining, ResumesWithinAndBetweenItsStages) {
  const Options saves = {{"checkpoint_every", "5"}};
  WorldModelsRun straight(saves);
  straight.train();
  EXPECT_EQ(straight.latest().integer("controller.updates"), 2);
  for (const int64_t step : {100, 205, 210, 215, 220, 300}) {
    SCOPED_TRACE(step);
    WorldModelsRun killed;
    std::filesystem::copy(straight.path(), killed.path(),
                          std::filesystem::copy_options::recursive);
    killed.forget_after(step);
    ASSERT_EQ(killed.latest().integer("step"), step);
    // The pictures are kept until they are encoded.
    EXPECT_EQ(killed.latest().has_group("pictures.replay"), step <= 210);
    EXPECT_EQ(killed.latest().has_group("codes.codes"), step > 210);
    killed.resume();
    expect_same_end(straight, killed);
  }
}

TEST(WorldModelsTraining, ShowsWhatItLearns) {
  WorldModelsRun run;
  run.train();
  const std::string head = run.log_lines().front();
  for (const char* column :
       {"vision/loss/reconstruction", "vision/loss/kl", "held_out/vision/loss/total",
        "memory/loss/latent", "held_out/memory/loss/reward", "evolution/mean", "env/return"}) {
    EXPECT_THAT(head, HasSubstr(column));
  }
  EXPECT_TRUE(std::filesystem::exists(run.path() / "videos" / "vision.png"));
  EXPECT_TRUE(std::filesystem::exists(run.path() / "videos" / "memory.png"));
}

// Untrained M, or V and M of another run.
TEST(WorldModelsTraining, StagesCanBeLeftOut) {
  WorldModelsRun whole;
  whole.train();
  WorldModelsRun untrained(Options{{"rnn_updates", "0"}});
  untrained.train();
  const TensorMap model = group_of(whole.latest(), "model"),
                  without = group_of(untrained.latest(), "model");
  const std::string vision = "vision.encoder.0.weight", memory = "memory.lstm.weight_hh_l0";
  ASSERT_TRUE(model.contains(vision) && model.contains(memory));
  EXPECT_EQ(max_difference(model.at(vision), without.at(vision)), 0.0);
  EXPECT_GT(max_difference(model.at(memory), without.at(memory)), 0.0);
  EXPECT_EQ(without.at("has_starts").item<float>(), 1.0F);

  WorldModelsRun taken(Options{{"learning_starts", "0"},
                        {"vae_updates", "0"},
                        {"rnn_updates", "0"},
                        {"model_from", whole.path().string()}});
  taken.config.seed = 9;
  taken.train();
  const TensorMap same = group_of(taken.latest(), "model");
  for (const auto& [name, tensor] : model) {
    if (name == "controller") continue;
    EXPECT_EQ(max_difference(tensor, same.at(name)), 0.0) << name;
  }
}

TEST(WorldModelsTraining, RefusesStagesWithoutTheirInput) {
  const auto refuse = [](const Options& options) {
    WorldModelsRun run(options);
    return input_error([&] { run.train(); });
  };
  EXPECT_THAT(refuse({{"learning_starts", "0"}}), HasSubstr("--vae-updates 10"));
  EXPECT_THAT(refuse({{"sequence_length", "30"}}), HasSubstr("--sequence-length"));
  EXPECT_THAT(refuse({{"model_from", "/no/such/run"}}), HasSubstr("/no/such/run"));
  EXPECT_THAT(refuse({{"vae_layout", "paper"}}), HasSubstr("mirror"));
  WorldModelsRun other;
  other.train();
  EXPECT_THAT(refuse({{"model_from", other.path().string()}, {"latent_size", "5"}}),
              HasSubstr("other sizes"));
}

// The environments "dream:" and "latent:" of one small run.
class LearntWorlds : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static bool once = (add_learnt_worlds(), true);
    static_cast<void>(once);
    run_ = new WorldModelsRun(Options{{"predict_end", "true"}});
    run_->train();
  }
  static void TearDownTestSuite() { delete run_; }

  static std::unique_ptr<EnvConfig> config(const std::string& scheme, const Options& options = {}) {
    std::unique_ptr<EnvConfig> made = find_env(scheme + ":" + run_->path().string()).config();
    for (const auto& [name, value] : options) made->set_option(name, value);
    return made;
  }

  static VectorStep play(VectorEnv& env, int64_t steps, std::vector<double>* rewards = nullptr) {
    const Field field = action_field(env.spec().action);
    VectorStep step;
    for (int64_t t = 0; t < steps; ++t) {
      const at::Tensor actions = at::full({env.num_envs(), 2}, t % 2 == 0 ? 0.5 : -0.25);
      step = env.step(view_of(field, actions));
      if (rewards != nullptr) rewards->insert(rewards->end(), step.reward.begin(), step.reward.end());
    }
    return step;
  }

  static WorldModelsRun* run_;
};
WorldModelsRun* LearntWorlds::run_ = nullptr;

TEST_F(LearntWorlds, ShowWhatIsSeenAndRemembered) {
  for (const char* scheme : {"dream", "latent"}) {
    const EnvSpec spec = config(scheme)->spec();
    ASSERT_EQ(spec.observation.size(), 2U);
    EXPECT_EQ(spec.field("latent").shape, std::vector<int64_t>({3}));
    EXPECT_EQ(spec.field("memory").shape, std::vector<int64_t>({6}));
    EXPECT_EQ(spec.max_steps, 20);
    EXPECT_EQ(action_field(spec.action).numel(), 2);
  }
}

// One batched prediction for all gives each of them the dream that it has alone.
TEST_F(LearntWorlds, DreamTheSameTogetherAsAlone) {
  const auto dream = config("dream");
  const auto together =
      dream->vector_env({.num_envs = 3, .episode_seeds = {11, 12, 13, 21, 22, 23}});
  together->reset(0);
  ThreadedVectorEnv alone(dream->maker(), {.num_envs = 3, .episode_seeds = {11, 12, 13, 21, 22, 23}});
  alone.reset(0);
  for (int64_t t = 0; t < 30; ++t) {
    const VectorStep a = play(*together, 1), b = play(alone, 1);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(a.reward[i], b.reward[i], 1e-4);
      EXPECT_EQ(a.terminated[i], b.terminated[i]);
      EXPECT_EQ(a.truncated[i], b.truncated[i]);
    }
    const TensorMap seen = borrow_tensors(a.obs), expected = borrow_tensors(b.obs);
    EXPECT_LT(max_difference(seen.at("latent"), expected.at("latent")), 1e-3) << t;
    EXPECT_LT(max_difference(seen.at("memory"), expected.at("memory")), 1e-3) << t;
    ASSERT_EQ(a.finished.size(), b.finished.size());
    for (size_t k = 0; k < a.finished.size(); ++k) {
      EXPECT_EQ(a.finished[k].seed, b.finished[k].seed);
      EXPECT_EQ(a.finished[k].index, b.finished[k].index);
      EXPECT_EQ(a.finished[k].length, b.finished[k].length);
      EXPECT_NEAR(a.finished[k].episode_return, b.finished[k].episode_return, 1e-3);
      EXPECT_LT(max_difference(borrow_tensors(a.final_obs).at("latent")[a.finished[k].env],
                               borrow_tensors(b.final_obs).at("latent")[a.finished[k].env]),
                1e-3);
    }
  }
}

TEST_F(LearntWorlds, GoOnFromASnapshot) {
  for (const char* scheme : {"dream", "latent"}) {
    const auto environment = config(scheme);
    const auto one = environment->vector_env({.num_envs = 2}),
               two = environment->vector_env({.num_envs = 2});
    one->reset(5);
    two->reset(6);
    play(*one, 7);
    two->restore(one->snapshot());
    std::vector<double> straight, resumed;
    play(*one, 25, &straight);
    play(*two, 25, &resumed);
    EXPECT_EQ(straight, resumed) << scheme;
  }
}

// Warm dreams differ more from each other than cold ones.
TEST_F(LearntWorlds, TemperatureSpreadsDreams) {
  const auto spread = [&](const char* temperature) {
    const auto env = config("dream", {{"temperature", temperature}})->vector_env({.num_envs = 64});
    env->reset(1);
    const VectorStep step = play(*env, 3);
    return borrow_tensors(step.obs).at("latent").std(0).mean().item<double>();
  };
  EXPECT_GT(spread("4"), 1.5 * spread("0.25"));
  EXPECT_THAT(input_error([&] { config("dream", {{"temperature", "0"}}); }), HasSubstr("temperature"));
}

// The real environment behind the model's eyes: its rewards and ends, and the codes of its pictures.
TEST_F(LearntWorlds, LatentShowsTheRealEnvironment) {
  const auto latent = config("latent")->maker()();
  const auto real = run_->config.env_config->maker()();
  FieldRows seen(latent->spec().observation, 1), pixels(real->spec().observation, 1);
  latent->reset(3, seen.all());
  real->reset(3, pixels.all());
  const TrainedRun trained = open_trained_run(
      RunDirectory::open(run_->path(), RunDirectory::Access::kRead), {});
  const VisionMemory& model = dynamic_cast<WorldModelsAgent&>(*trained.agent).model();
  const Field field = action_field(real->spec().action);
  const at::Tensor action = at::full({1, 2}, 0.7);
  for (int t = 0; t < 20; ++t) {
    const at::Tensor z = model.vision().encode(borrow_tensors(pixels.all()).at("pixels"));
    EXPECT_LT(max_difference(borrow_tensors(seen.all()).at("latent"), z), 1e-6);
    const StepResult a = latent->step(view_of(field, action), seen.all());
    const StepResult b = real->step(view_of(field, action), pixels.all());
    EXPECT_EQ(a.reward, b.reward);
    EXPECT_EQ(a.truncated, b.truncated);
  }
}

TEST_F(LearntWorlds, DreamsMayBeShorter) {
  const auto env = config("dream", {{"max_steps", "4"}});
  EXPECT_EQ(env->spec().max_steps, 4);
  const auto dreams = env->vector_env({.num_envs = 2});
  dreams->reset(1);
  for (int64_t t = 0; t < 20; ++t) {
    for (const Episode& episode : play(*dreams, 1).finished) {
      EXPECT_LE(episode.length, 4);
      if (!episode.terminated) return;  // truncated by the limit
    }
  }
  FAIL() << "no episode of 20 steps was cut";
}

TEST_F(LearntWorlds, RefuseRunsThatCannotDream) {
  const auto refuse = [](const WorldModelsRun& run) {
    return input_error([&] { find_env("dream:" + run.path().string()).config()->maker(); });
  };
  EXPECT_THAT(input_error([] { find_env("dream:/no/run").config()->maker(); }),
              HasSubstr("/no/run"));
  WorldModelsRun blind(Options{{"predict_reward", "false"}});
  blind.train();
  EXPECT_THAT(refuse(blind), HasSubstr("--predict-reward true"));
}

}  // namespace
}  // namespace reverie
