// World Models: what is seen and remembered, dreams as an environment, the stages of training.

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evaluation.h"
#include "agents/trained_run.h"
#include "agents/world_models/dream_env.h"
#include "agents/world_models/world_models_agent.h"
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
  const at::Tensor memory = model_.memory().step(z1, action, model_.memory().initial_memory(2));

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

// What planners are shown of an episode is what an actor sees and remembers of it.
TEST_F(VisionMemoryTest, EncodesAnEpisodeAsAnActorLivesIt) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kFrames = VisionMemory::kHistory;
  const at::Tensor pixels = random_pictures(2 * kFrames, 1).view({2, kFrames, 16, 16, 3});
  const at::Tensor actions = at::tanh(NoiseSource(at::kCPU, 2).normal({2, kFrames - 1, 1, 2}));
  Perception lived(model_, 2);
  lived.begin(at::ones({2}, at::kBool));
  for (int64_t t = 0; t + 1 < kFrames; ++t) {
    lived.see(pixels.select(1, t));
    lived.act(actions.select(1, t).squeeze(1));
  }
  const Perception::Seen seen = lived.see(pixels.select(1, kFrames - 1));
  const LatentState state = model_.encode({{"pixels", pixels}}, actions);
  EXPECT_LT(max_difference(state.z, seen.z), 1e-6);
  EXPECT_LT(max_difference(model_.memory().output(state.h), seen.h), 1e-5);
  // An older picture has no effect.
  const LatentState later =
      model_.encode({{"pixels", at::cat({random_pictures(2, 9).unsqueeze(1), pixels}, 1)}},
                    at::cat({at::ones({2, 1, 1, 2}), actions}, 1));
  EXPECT_LT(max_difference(later.h, state.h), 1e-6);
}

// The reward is the first number of the action: plans choose its upper bound, and the lower one
// where the reward is minus it.
TEST_F(VisionMemoryTest, PlansForTheRewardsThatItPredicts) {
  for (const double sign : {1.0, -1.0}) {
    Rng rng(4);
    VisionMemory model(pictures(kAction), small_model(), rng, at::kCPU);
    MdnRnnLearner learner(model.memory(), {.learning_rate = 2e-2}, 1);
    const NoiseSource noise(at::kCPU, 3);
    for (int i = 0; i < 200; ++i) {
      const at::Tensor action = at::tanh(noise.normal({4, 32, 2}));
      learner.update({.mean = at::zeros({5, 32, 3}),
                      .action = action,
                      .reward = sign * action.select(2, 0),
                      .ended = at::zeros({4, 32})});
    }
    PlanningOptions options;
    options.planner.horizon = 3;
    options.planner.samples = 64;
    options.planner.iterations = 8;
    options.planner.elites = 8;
    PlanningPolicy policy(model, {.cost = negative_return(model, 0.99)}, options, 1);
    policy.on_episode_start(at::ones({2}, at::kBool));
    const at::Tensor chosen = policy.act({{"pixels", random_pictures(2, 1)}}).action;
    EXPECT_GT((sign * chosen.select(1, 0)).min().item<double>(), 0.7) << chosen;
  }
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
    config.env = "maze2d-umaze-dense";
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
    Options options = {{"num_envs", "4"},         {"learning_starts", "200"},
                       {"vae_updates", "10"},     {"rnn_updates", "10"},
                       {"vae_minibatch", "8"},    {"rnn_minibatch", "8"},
                       {"sequence_length", "8"},  {"replay_capacity", "1000"},
                       {"vae_layout", "mirror"},  {"vae_channels", "4,8"},
                       {"latent_size", "3"},      {"memory_size", "6"},
                       {"population", "4"},       {"episodes", "1"},
                       {"log_every", "5"},        {"checkpoint_every", "1000"},
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
    std::filesystem::copy(straight.path(), killed.path(), std::filesystem::copy_options::recursive);
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
  // A checkpoint at the start, in the first turn of each later stage, and at the end.
  std::vector<int64_t> saved;
  for (const CheckpointFolder& folder :
       RunDirectory::open(run.path(), RunDirectory::Access::kRead).checkpoints()) {
    saved.push_back(folder.step);
  }
  EXPECT_THAT(saved, testing::ElementsAre(0, 201, 211, 224, 340));
}

TEST(WorldModelsTraining, SavesWhenTheMinutesAreOver) {
  WorldModelsRun run(Options{{"checkpoint_minutes", "1e-9"}});
  run.train();
  const auto saved = RunDirectory::open(run.path(), RunDirectory::Access::kRead).checkpoints();
  EXPECT_GT(saved.size(), 60U) << "every turn";
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
  EXPECT_EQ(without.at("memory_updates").item<float>(), 0.0F);
  EXPECT_EQ(model.at("memory_updates").item<float>(), 10.0F);

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
  EXPECT_THAT(refuse({{"rnn_updates", "0"}, {"model_from", "/tmp"}}), HasSubstr("--rnn-updates 0"));
  WorldModelsRun other;
  other.train();
  const std::string path = other.path().string();
  EXPECT_THAT(refuse({{"model_from", path}, {"latent_size", "5"}}), HasSubstr("other sizes"));
  EXPECT_THAT(refuse({{"model_from", path}, {"end_factor", "1"}}), HasSubstr("--end-factor 1"));
  EXPECT_THAT(refuse({{"model_from", path}, {"frame_skip", "2"}}), HasSubstr("--frame-skip"));
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

  // All that the steps give, as numbers, goes to `seen`.
  static VectorStep play(VectorEnv& env, int64_t steps, std::vector<double>* seen = nullptr) {
    const Field field = action_field(env.spec().action);
    VectorStep step;
    for (int64_t t = 0; t < steps; ++t) {
      const at::Tensor actions = at::full({env.num_envs(), 2}, t % 3 == 0 ? 0.9 : -0.25);
      step = env.step(view_of(field, actions));
      if (seen == nullptr) continue;
      seen->insert(seen->end(), step.reward.begin(), step.reward.end());
      for (const auto& [name, values] : borrow_tensors(step.obs)) {
        const auto* numbers = values.const_data_ptr<float>();
        seen->insert(seen->end(), numbers, numbers + values.numel());
      }
      for (const Episode& episode : step.finished) {
        for (const double number :
             {static_cast<double>(episode.env), static_cast<double>(episode.index),
              static_cast<double>(episode.seed), static_cast<double>(episode.length),
              episode.episode_return}) {
          seen->push_back(number);
        }
      }
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
  ThreadedVectorEnv alone(dream->maker(),
                          {.num_envs = 3, .episode_seeds = {11, 12, 13, 21, 22, 23}});
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
    EXPECT_GT(std::set<double>(straight.begin(), straight.end()).size(), 100U) << "it moves";
  }
}

TEST_F(LearntWorlds, RefuseStatesThatAreNone) {
  const auto environment = config("dream");
  const auto env = environment->vector_env({.num_envs = 1});
  EXPECT_THAT(input_error([&] { play(*env, 1); }), HasSubstr("before reset()"));
  EXPECT_THAT(input_error([&] { env->wait(); }), HasSubstr("wait()"));
  env->reset(1);
  const VectorEnvSnapshot good = env->snapshot();
  for (const double wrong : {-1.0, 0.5, 1e300, std::nan("")}) {
    for (size_t i = good.state.size() - 9; i + 1 < good.state.size(); ++i) {
      VectorEnvSnapshot bad = good;
      bad.state[i] = wrong;
      EXPECT_THAT(input_error([&] { env->restore(bad); }), HasSubstr("halves")) << i;
      EXPECT_THAT(input_error([&] { play(*env, 1); }), HasSubstr("before reset()"));
    }
  }
  VectorEnvSnapshot bad = good;
  bad.state[0] = 1e300;  // beyond float32
  EXPECT_THAT(input_error([&] { env->restore(bad); }), HasSubstr("a state with"));
  env->restore(good);
  EXPECT_NO_THROW(play(*env, 1));
  const auto single = environment->maker()();
  FieldRows obs(single->spec().observation, 1);
  single->reset(1, obs.all());
  std::vector<double> state = single->state();
  state[state.size() - 2] = std::nan("");
  EXPECT_THAT(input_error([&] { single->set_state(state); }), HasSubstr("nan"));
}

// Actions beyond the bounds are those at the bounds, and imagined returns are no scores.
TEST_F(LearntWorlds, KeepTheBoundsOfActionsAndClaimNoScores) {
  for (const char* scheme : {"dream", "latent"}) {
    const auto env = config(scheme)->maker()();
    const Field field = action_field(env->spec().action);
    const auto seen_after = [&](double value) {
      FieldRows obs(env->spec().observation, 1);
      env->reset(4, obs.all());
      const at::Tensor action = at::full({1, 2}, value);
      env->step(view_of(field, action), obs.all());
      return borrow_tensors(obs.all()).at("memory").clone();
    };
    EXPECT_EQ(max_difference(seen_after(7.0), seen_after(1.0)), 0.0) << scheme;
    EXPECT_GT(max_difference(seen_after(0.5), seen_after(1.0)), 0.0) << scheme;
  }
  EXPECT_EQ(config("latent")->spec().reference, run_->config.env_config->spec().reference);
  EXPECT_FALSE(config("dream")->spec().reference.has_value());
  EXPECT_THAT(config("dream")->spec().source, HasSubstr("world model"));
}

// The config of a run in a dream names the checkpoint that it dreams of.
TEST_F(LearntWorlds, RememberTheirCheckpoint) {
  const auto dream = config("dream");
  dream->maker();
  ConfigFields fields;
  dream->describe(fields);
  EXPECT_EQ(fields.find("model_checkpoint")->text(),
            fmt::format("\"{}\"", run_->latest().integer("step")));
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
  EXPECT_THAT(input_error([&] {
                config("dream", {{"temperature", "0"}});
              }),
              HasSubstr("temperature"));
}

// The real environment behind the model's eyes: its rewards and ends, and the codes of its
// pictures.
TEST_F(LearntWorlds, LatentShowsTheRealEnvironment) {
  const auto latent = config("latent")->maker()();
  const auto real = run_->config.env_config->maker()();
  FieldRows seen(latent->spec().observation, 1), pixels(real->spec().observation, 1);
  latent->reset(3, seen.all());
  real->reset(3, pixels.all());
  const TrainedRun trained =
      open_trained_run(RunDirectory::open(run_->path(), RunDirectory::Access::kRead), {});
  const VisionMemory& model = dynamic_cast<WorldModelsAgent&>(*trained.agent).model();
  const Field field = action_field(real->spec().action);
  const at::Tensor action = at::full({1, 2}, 0.7);
  Perception perception(model, 1);
  perception.begin(at::ones({1}, at::kBool));
  for (int t = 0; t < 20; ++t) {
    const Perception::Seen expected = perception.see(borrow_tensors(pixels.all()).at("pixels"));
    perception.act(action);
    EXPECT_LT(max_difference(borrow_tensors(seen.all()).at("latent"), expected.z), 1e-6);
    EXPECT_LT(max_difference(borrow_tensors(seen.all()).at("memory"), expected.h), 1e-5);
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

// The controller acts on what is seen and remembered, by hand: over the end of an episode, and with
// an action of its own in between.
TEST_F(LearntWorlds, TheControllerActsOnWhatIsSeenAndRemembered) {
  const at::NoGradGuard no_grad;
  const TrainedRun trained =
      open_trained_run(RunDirectory::open(run_->path(), RunDirectory::Access::kRead), {});
  auto& agent = dynamic_cast<WorldModelsAgent&>(*trained.agent);
  const VisionMemory& model = agent.model();
  const at::Tensor weights = group_of(run_->latest(), "model").at("controller")[0];
  const auto controller = [&](const at::Tensor& z, const at::Tensor& memory) {
    const at::Tensor input = at::cat({z, model.memory().output(memory)}, 1);
    return at::tanh(
        at::linear(input, weights.narrow(0, 0, 18).view({2, 9}), weights.narrow(0, 18, 2)));
  };
  const auto actor = agent.actor(2, {}, 1);
  actor->on_episode_start(at::ones({2}, at::kBool));
  at::Tensor memory = model.memory().initial_memory(2);
  for (uint64_t t = 0; t < 4; ++t) {
    if (t == 2) {  // the second environment begins anew
      actor->on_episode_start(mask(false, true));
      memory = memory * at::tensor({1.0F, 0.0F}).unsqueeze(1);
    }
    const at::Tensor seen = random_pictures(2, 10 + t);
    const at::Tensor z = model.vision().encode(seen);
    const at::Tensor expected = controller(z, memory);
    EXPECT_LT(max_difference(actor->act({{"pixels", seen}}).action, expected), 1e-5) << t;
    memory = model.memory().step(z, expected, memory);
  }
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
  WorldModelsRun untrained(Options{{"rnn_updates", "0"}});
  untrained.train();
  EXPECT_THAT(refuse(untrained), HasSubstr("has not learnt"));
}

}  // namespace
}  // namespace reverie
