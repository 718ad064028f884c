#include "agents/training/world_model_trainer.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/jepa/jepa_agent.h"
#include "agents/training/dataset_split.h"
#include "datasets/dataset.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "nn/safetensors.h"
#include "tests/agents/training_run.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::group_of;
using test::input_error;
using test::run_error;
using testing::AllOf;
using testing::HasSubstr;

// A small JEPA on small pictures of the maze, gathered live.
class JepaRun : public test::TrainingRun {
 public:
  JepaRun() {
    config.env = "maze2d-umaze";
    config.agent = "jepa";
    config.steps = 160;
    config.threads = 1;
    config.env_config = find_env(config.env).config();
    ConfigFields fields;
    config.env_config->describe(fields);
    fields.set("observation", "pixels");
    fields.set("image_size", "16x16");
    fields.set("max_steps", "25");
    config.training = std::make_unique<WorldModelTraining>();
    training().gathering.num_envs = 4;
    training().gathering.learning_starts = 80;
    training().gathering.updates_per_step = 0.1;
    training().replay.replay_capacity = 400;
    training().drive_options.log_every = 40;
    training().drive_options.checkpoint_every = 80;
    auto agent = std::make_unique<JepaConfig>();
    agent->model = {.latent_size = 4, .encoder_channels = {4, 8}, .predictor_width = 8};
    agent->training.regulariser.slices = 8;
    agent->training.minibatch = 4;
    config.agent_config = std::move(agent);
  }

  WorldModelTraining& training() { return dynamic_cast<WorldModelTraining&>(*config.training); }
  JepaConfig& jepa() { return dynamic_cast<JepaConfig&>(*config.agent_config); }

  // row: of metrics.csv, the head is row 0.
  double logged(size_t row, const std::string& name) const {
    return TrainingRun::logged(name).at(row - 1).value();
  }
};

// Episodes of such pictures in a file, of 25 steps each.
std::string write_dataset(const std::filesystem::path& path, std::vector<int64_t> picture,
                          int episodes = 8, bool with_pixels = true) {
  DatasetSchema schema;
  Field pixels{.name = "pixels", .shape = picture, .dtype = DType::kUInt8};
  Field numbers{.name = "observation", .shape = {4}};
  schema.observation = {with_pixels ? pixels : numbers};
  schema.action = {.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};
  const auto writer =
      DatasetWriter::create(path.string(), DatasetFormat::kStableWorldModel, schema);
  Rng rng(3);
  for (int e = 0; e < episodes; ++e) {
    constexpr size_t kSteps = 25;
    EpisodeData episode;
    std::vector<std::byte> frames((kSteps + 1) * schema.observation[0].bytes());
    if (with_pixels) {
      for (std::byte& byte : frames) byte = static_cast<std::byte>(rng.integers(0, 256));
    }
    std::vector<float> actions(kSteps * 2);
    for (float& a : actions) a = static_cast<float>(rng.uniform(-1.0, 1.0));
    episode.observation = {frames};
    const auto bytes = std::as_bytes(std::span(actions));
    episode.action = {bytes.begin(), bytes.end()};
    episode.reward.assign(kSteps, 0.0F);
    episode.terminated.assign(kSteps, 0);
    episode.truncated.assign(kSteps, 0);
    episode.truncated.back() = 1;
    writer->append(episode);
  }
  writer->commit();
  return path.string();
}

void expect_same_model(const Checkpoint& a, const Checkpoint& b) {
  for (const char* key : {"step", "steps", "updates", "owed_updates", "sampling.rng"}) {
    EXPECT_EQ(a.text(key), b.text(key)) << key;
  }
  expect_same_bits(group_of(a, "model"), group_of(b, "model"));
  expect_same_bits(group_of(a, "optimizer"), group_of(b, "optimizer"));
}

TEST(WorldModelTrainer, LearnsFromWhatItGathersAndLogsFromTheFirstUpdate) {
  JepaRun run;
  const TrainingResult result = run.train();
  EXPECT_EQ(result.counts.steps, 160);
  EXPECT_EQ(result.counts.updates, 16);  // of the model, and as many of the decoder
  EXPECT_EQ(run.logged(1, "step"), 88);  // when the steps since 80 have earned the first update
  for (const char* name :
       {"loss/prediction", "loss/regulariser", "loss/total", "gradient/norm",
        "held_out/effective_rank", "held_out/least_variance", "held_out/greatest_variance",
        "held_out/straightness", "held_out/prediction", "time/waiting_share"}) {
    EXPECT_TRUE(std::isfinite(run.logged(1, name))) << name;
  }
}

TEST(WorldModelTrainer, StoppedAndResumedItEndsInTheSameWeights) {
  for (const bool live : {true, false}) {
    SCOPED_TRACE(live);
    const test::TemporaryFolder folder;
    JepaRun whole, stopped;
    for (JepaRun* run : {&whole, &stopped}) {
      if (live) continue;
      run->training().data.path =
          write_dataset(folder / (run == &whole ? "a.h5" : "b.h5"), {16, 16, 3});
      run->config.steps = 0;
      run->training().data.updates = 12;
      run->training().drive_options.checkpoint_every = 6;
    }
    whole.train();
    // The learning rate depends on the length of the whole run, so the run is stopped, not
    // shortened.
    const int64_t half = live ? 120 : 6;
    stopped.jepa().training.warmup = whole.jepa().training.warmup;
    stopped.training().drive_options.checkpoint_every = half;
    stopped.training().drive_options.keep_checkpoints = 10;
    whole.training().drive_options.keep_checkpoints = 10;
    stopped.train();
    // The checkpoint that a killed run left halfway.
    for (const CheckpointFolder& saved :
         RunDirectory::open(stopped.path(), RunDirectory::Access::kRead).checkpoints()) {
      if (saved.step > half) std::filesystem::remove_all(saved.path);
      if (saved.step == half) {
        write_file_atomically(stopped.path() / "latest", saved.path.filename().string() + "\n");
      }
    }
    EXPECT_EQ(stopped.latest().integer("step"), half);
    stopped.resume();
    expect_same_model(whole.latest(), stopped.latest());
  }
}

TEST(WorldModelTrainer, PrefetchingChangesNothing) {
  const test::TemporaryFolder folder;
  JepaRun ahead, plain;
  plain.training().replay.prefetch = false;
  for (JepaRun* run : {&ahead, &plain}) {
    run->training().data.path =
        write_dataset(folder / (run == &ahead ? "a.h5" : "b.h5"), {16, 16, 3});
    run->config.steps = 0;
    run->training().data.updates = 5;
    run->train();
  }
  expect_same_bits(group_of(ahead.latest(), "model"), group_of(plain.latest(), "model"));
}

TEST(WorldModelTrainer, ALossThatIsNotFiniteStopsTheRunAndKeepsTheLastGoodCheckpoint) {
  const test::TemporaryFolder folder;
  JepaRun run;
  run.training().data.path = write_dataset(folder / "a.h5", {16, 16, 3});
  run.config.steps = 0;
  run.training().data.updates = 0;
  run.training().data.updates = 50;
  run.training().drive_options.checkpoint_every = 1;
  run.jepa().training.learning_rate = 1e30;
  EXPECT_THAT(run_error([&] { run.train(); }),
              AllOf(HasSubstr("loss/"), HasSubstr("at step"), HasSubstr("last good one")));
  const Checkpoint latest = run.latest();
  for (const auto& [name, tensor] : group_of(latest, "model")) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
  }
}

TEST(WorldModelTrainer, DatasetsThatDoNotSuitAreNamedWithWhatWasExpected) {
  const test::TemporaryFolder folder;
  const auto message = [&](const std::string& dataset) {
    JepaRun run;
    run.training().data.path = dataset;
    run.config.steps = 0;
    run.training().data.updates = 0;
    return input_error([&] { run.train(); });
  };
  EXPECT_THAT(message(write_dataset(folder / "n.h5", {}, 8, false)),
              AllOf(HasSubstr("n.h5"), HasSubstr("holds no pixels")));
  EXPECT_THAT(message(write_dataset(folder / "l.h5", {32, 32, 3})),
              AllOf(HasSubstr("[32, 32, 3]"), HasSubstr("[16, 16, 3]")));
  EXPECT_THAT(message(write_dataset(folder / "o.h5", {16, 16, 3}, 1)), HasSubstr("at least 2"));
  JepaRun deep;
  deep.jepa().model.history = 9;
  deep.training().data.path = write_dataset(folder / "s.h5", {16, 16, 3});
  deep.config.steps = 0;
  deep.training().data.updates = 0;
  EXPECT_THAT(input_error([&] { deep.train(); }), HasSubstr("45"));
}

TEST(WorldModelTrainer, WeightsToBeginWithAreReadOnce) {
  const test::TemporaryFolder folder;
  const std::string file = (folder / "first.safetensors").string();
  JepaRun run;
  run.training().data.path = write_dataset(folder / "a.h5", {16, 16, 3});
  run.config.steps = 0;
  run.training().data.updates = 2;
  run.jepa().weights = file;
  EXPECT_THAT(input_error([&] { run.train(); }), HasSubstr("first.safetensors"));

  JepaRun other;
  other.training().data.path = run.training().data.path;
  other.config.steps = 0;
  other.training().data.updates = 1;
  other.train();
  TensorMap networks;
  const Checkpoint trained = other.latest();
  for (const auto& [name, tensor] : group_of(trained, "model")) {
    if (!name.starts_with("action.")) networks.add(name, tensor);
  }
  save_safetensors(file, networks.entries(), {});
  JepaRun begun;
  begun.training().data.path = run.training().data.path;
  begun.config.steps = 0;
  begun.training().data.updates = 2;
  begun.training().drive_options.checkpoint_every = 1;
  begun.training().drive_options.keep_checkpoints = 10;
  begun.jepa().weights = file;
  begun.train();
  const auto first = RunDirectory::open(begun.path(), RunDirectory::Access::kRead).checkpoints();
  const Checkpoint saved = Checkpoint::read(first.front().path, {"model"});
  ASSERT_EQ(saved.integer("step"), 0);
  for (const auto& [name, tensor] : networks) {
    EXPECT_TRUE(at::equal(group_of(saved, "model").at(name), tensor)) << name;
  }
  std::filesystem::remove(file);
  begun.config.steps = 0;
  begun.training().data.updates = 3;
  begun.resume();
}

TEST(EpisodeSplit, HoldsWholeEpisodesOutAndIsTheSameForTheSameSeed) {
  const EpisodeSplit split = split_episodes(50, 0.2, 7);
  EXPECT_EQ(split.held_out.size(), 10U);
  std::vector<int64_t> all = split.training;
  all.insert(all.end(), split.held_out.begin(), split.held_out.end());
  std::sort(all.begin(), all.end());
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(all.at(static_cast<size_t>(i)), i);
  EXPECT_EQ(split_episodes(50, 0.2, 7).held_out, split.held_out);
  EXPECT_NE(split_episodes(50, 0.2, 8).held_out, split.held_out);
  EXPECT_EQ(split_episodes(3, 0.01, 1).held_out.size(), 1U);
  EXPECT_EQ(split_episodes(3, 0.99, 1).training.size(), 1U);
}

}  // namespace
}  // namespace reverie
