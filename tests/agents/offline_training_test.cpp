// Learning from a dataset: offline, and offline first with experience afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/ddpg/ddpg.h"
#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/training/dataset_replay.h"
#include "agents/training/dataset_split.h"
#include "agents/training/transition_learner.h"
#include "datasets/dataset.h"
#include "envs/env_lane.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/training_run.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::group_of;
using test::input_error;
using test::PointConfig;
using test::PointEnv;
using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kSteps = 11;

// Episodes of random actions in the point task, in the environment's units. swap: the bytes of the
// actions come from another generator.
std::string write_dataset(const std::filesystem::path& path, int episodes = 30,
                          uint64_t action_seed = 1) {
  PointEnv env({.max_steps = kSteps});
  DatasetSchema schema;
  schema.observation = env.spec().observation;
  schema.action = std::get<Field>(env.spec().action);
  const auto writer = DatasetWriter::create(path.string(), DatasetFormat::kMinari, schema);
  Rng rng(action_seed);
  for (int e = 0; e < episodes; ++e) {
    EpisodeData episode;
    episode.observation.resize(schema.observation.size());
    const FieldRows obs(schema.observation, 1);
    const auto keep = [&] {
      for (size_t f = 0; f < schema.observation.size(); ++f) {
        const std::byte* data = obs.all()[f].data;
        episode.observation[f].insert(episode.observation[f].end(), data,
                                      data + schema.observation[f].bytes());
      }
    };
    env.reset(static_cast<uint64_t>(e), obs.row(0));
    keep();
    for (size_t t = 0; t < kSteps; ++t) {
      const float action[2] = {static_cast<float>(rng.uniform(-0.1, 0.2)),
                               static_cast<float>(rng.uniform(-0.2, 0.2))};
      const auto* bytes = reinterpret_cast<const std::byte*>(action);
      episode.action.insert(episode.action.end(), bytes, bytes + sizeof action);
      const StepResult step = env.step({&schema.action, bytes, 1}, obs.row(0));
      episode.reward.push_back(static_cast<float>(step.reward));
      episode.terminated.push_back(step.terminated ? 1 : 0);
      episode.truncated.push_back(step.truncated ? 1 : 0);
      keep();
    }
    writer->append(episode);
  }
  writer->commit();
  return path.string();
}

class OfflineRun : public test::TrainingRun {
 public:
  explicit OfflineRun(const std::string& dataset, int64_t updates = 60) {
    config.env = "point";
    config.agent = "ddpg";
    config.threads = 1;
    config.env_config = std::make_unique<PointConfig>(test::PointOptions{.max_steps = kSteps});
    config.training = std::make_unique<TransitionTraining>();
    training().data.path = dataset;
    training().data.updates = updates;
    training().gathering.num_envs = 4;
    training().gathering.learning_starts = 0;
    training().replay.replay_capacity = 400;
    training().drive_options.evaluate_every = 0;
    training().drive_options.log_every = 20;
    training().drive_options.checkpoint_every = 20;
    training().drive_options.keep_checkpoints = 20;
    auto agent = std::make_unique<DdpgConfig>();
    agent->hidden_sizes = {16};
    agent->minibatch = 32;
    agent->normalize_observation = true;
    config.agent_config = std::move(agent);
  }

  TransitionTraining& training() { return dynamic_cast<TransitionTraining&>(*config.training); }
};

TEST(OfflineTraining, CountsUpdatesAndTakesNoStep) {
  const test::TemporaryFolder folder;
  OfflineRun run(write_dataset(folder / "point"));
  const TrainingResult result = run.train();
  EXPECT_EQ(result.counts.position, 60);
  EXPECT_EQ(result.counts.updates, 60);
  EXPECT_EQ(result.counts.steps, 0);
  EXPECT_EQ(run.latest_folder().step, 60);
  EXPECT_FALSE(run.latest().has_group("replay")) << "the dataset is on the disk already";
  const TensorMap model = group_of(run.latest(), "model");
  EXPECT_GT(model.at("observation.count").item<double>(), 1000.0) << "statistics of the dataset";
}

TEST(OfflineTraining, ResumesBitEqualWithAndWithoutStepsAfterwards) {
  for (const int64_t steps : {0, 120}) {
    SCOPED_TRACE(steps);
    const test::TemporaryFolder folder;
    const std::string dataset = write_dataset(folder / "point");
    for (const int64_t killed_at : {20, 80}) {
      OfflineRun straight(dataset), killed(dataset);
      straight.config.steps = killed.config.steps = steps;
      straight.train();
      killed.train();
      if (killed_at >= killed.latest_folder().step) continue;
      killed.forget_after(killed_at);
      killed.resume();
      EXPECT_EQ(straight.latest().texts(), killed.latest().texts());
      for (const char* group : {"model", "optimizer"}) {
        test::expect_same_bits(group_of(straight.latest(), group),
                               group_of(killed.latest(), group));
      }
    }
  }
}

TEST(OfflineTraining, OnlineStepsFollowAndAreLearntFromToo) {
  const test::TemporaryFolder folder;
  const std::string dataset = write_dataset(folder / "point");
  OfflineRun run(dataset);
  run.config.steps = 120;
  const TrainingResult result = run.train();
  EXPECT_EQ(result.counts.position, 60 + 120);
  EXPECT_EQ(result.counts.steps, 120);
  EXPECT_EQ(result.counts.updates, 60 + 116);
  // A share of 1 leaves the gathered half out, so the weights differ.
  OfflineRun dataset_only(dataset);
  dataset_only.config.steps = 120;
  dataset_only.training().data.share = 1.0;
  dataset_only.train();
  EXPECT_FALSE(at::equal(group_of(run.latest(), "model").at("actor.0.weight"),
                         group_of(dataset_only.latest(), "model").at("actor.0.weight")));
}

TEST(OfflineTraining, AnotherDatasetOfOtherSizeIsRefusedOnResume) {
  const test::TemporaryFolder folder;
  OfflineRun run(write_dataset(folder / "a"));
  run.train();
  run.forget_after(20);
  run.training().data.path = write_dataset(folder / "b", 29);
  EXPECT_THAT(input_error([&] { run.resume(); }), HasSubstr("learnt from"));
}

TEST(OfflineTraining, WhatDoesNotFitIsNamedBeforeAnythingIsWritten) {
  const test::TemporaryFolder folder;
  const std::string dataset = write_dataset(folder / "point");
  OfflineRun wide(dataset);
  wide.training().priority.priority_exponent = 0.6;
  wide.config.steps = 100;
  EXPECT_THAT(input_error([&] { wide.train(); }), HasSubstr("--priority-exponent"));
  OfflineRun prioritized(dataset);
  prioritized.training().priority.priority_exponent = 0.6;
  prioritized.train();
}

TEST(OfflineTraining, AnImitatorNeedsADatasetAndTakesNoSteps) {
  const test::TemporaryFolder folder;
  OfflineRun run(write_dataset(folder / "point"));
  run.config.agent = "bc";
  run.config.agent_config = find_agent("bc").config();
  run.config.training = find_agent("bc").training();
  run.training().data.updates = 20;
  EXPECT_THAT(input_error([&] { run.train(); }), HasSubstr("expected --dataset, and no --steps"));
  run.training().data.path = folder / "point";
  run.config.steps = 100;
  EXPECT_THAT(input_error([&] { run.train(); }), HasSubstr("--agent bc"));
  run.config.steps = 0;
  EXPECT_EQ(run.train().counts.updates, 20);
}

TEST(OfflineTraining, TheBestEpisodesAreThoseOfGreatestReturn) {
  const test::TemporaryFolder folder;
  const std::unique_ptr<Dataset> dataset = Dataset::open(write_dataset(folder / "point"));
  std::vector<std::pair<double, int64_t>> returns;
  for (int64_t i = 0; i < 30; ++i) {
    double sum = 0.0;
    for (const float reward : dataset->read(i).reward) sum += reward;
    returns.emplace_back(-sum, i);
  }
  std::sort(returns.begin(), returns.end());
  std::vector<int64_t> expected;
  for (size_t i = 0; i < 3; ++i) expected.push_back(returns[i].second);
  EXPECT_THAT(best_episodes(*dataset, 0.1), testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(best_episodes(*dataset, 1e-9).size(), 1U);
  EXPECT_EQ(best_episodes(*dataset, 0.11).size(), 4U);
  EXPECT_EQ(best_episodes(*dataset, 1.0).size(), 30U);

  // A share of a dataset is what batches are drawn from.
  OfflineRun run(folder / "point");
  run.training().data.best_episodes = 0.1;
  const EnvSpec spec = SpaceAdapter::adapt(run.config.env_config->spec());
  EXPECT_EQ(load_transitions(*dataset, 0.1, run.config, spec, at::kCPU, {})->size(),
            static_cast<int64_t>(3 * kSteps));
  run.train();
  OfflineRun all(folder / "point");
  all.train();
  EXPECT_FALSE(at::equal(group_of(run.latest(), "model").at("actor.0.weight"),
                         group_of(all.latest(), "model").at("actor.0.weight")));
}

// What learners see of a dataset: actions in [-1, 1], floats in single precision.
TEST(OfflineTraining, DatasetsAreReadInTheUnitsOfLearners) {
  const test::TemporaryFolder folder;
  const std::string path = write_dataset(folder / "point");
  const std::unique_ptr<Dataset> dataset = Dataset::open(path);
  const auto replay =
      load_replay(*dataset, {.scale_actions = PointEnv::make_spec({}).action}, at::kCPU);
  Rng rng(1);
  const Batch batch = replay->sample(500, {}, rng);
  EXPECT_EQ(batch.action.scalar_type(), at::kFloat);
  EXPECT_LE(batch.action.abs().max().item<double>(), 1.0 + 1e-6);
  EXPECT_GT(batch.action.abs().amax(0).min().item<double>(), 0.95);
  // The position moves by the action in the environment's units: 0.05 + 0.15 a, 0.2 a.
  const at::Tensor moved = batch.next_obs.at("position") - batch.obs.at("position");
  const at::Tensor inside = batch.next_obs.at("position").abs().amax(1) < 1.0;
  const at::Tensor expected = batch.action * at::tensor({0.15F, 0.2F}) + at::tensor({0.05F, 0.0F});
  const at::Tensor gap = (moved - expected).abs().amax(1).masked_select(inside);
  EXPECT_LT(gap.max().item<double>(), 1e-6);
}

// A source whose transitions all have the same reward.
class Constant final : public SampleSource {
 public:
  explicit Constant(double value) : value_(value) {}
  Batch sample(int64_t batch, const SampleSpec& /*spec*/, Rng& /*rng*/) const override {
    const at::Tensor values = at::full({batch}, value_);
    return {.obs = {{"x", values}},
            .next_obs = {{"x", values}},
            .action = values.unsqueeze(1),
            .reward = values,
            .discount = values,
            .index = at::arange(batch)};
  }

 private:
  double value_;
};

TEST(MixedSource, WithoutGatheredExperienceAllIsOfTheDataset) {
  const Constant dataset(3.0);
  const ReplayBuffer empty(PointEnv::make_spec({}), 60, 2, at::kCPU);
  Rng rng(1);
  for (const ReplayBuffer* gathered : {static_cast<const ReplayBuffer*>(nullptr), &empty}) {
    const Batch batch = MixedSource(&dataset, gathered, 0.25).sample(8, {}, rng);
    EXPECT_EQ(batch.reward.sum().item<double>(), 24.0);
  }
}

}  // namespace
}  // namespace reverie
