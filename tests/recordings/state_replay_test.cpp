// Recorded episodes in an environment: the valid rows.

#include "recordings/state_replay.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "envs/env_lane.h"
#include "envs/registry.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kSteps = 5;

// An episode of random actions in a small maze, with its states if requested.
class StateReplayTest : public testing::Test {
 protected:
  // reaches_goal: the first step reaches the goal, which is then drawn anew.
  void record(bool with_states, bool reaches_goal = false) {
    std::unique_ptr<EnvConfig> config = find_env("pointmaze-umaze-dense").config();
    if (reaches_goal) config->set_option("reset_target", "true");
    env_ = config->maker()();
    DatasetSchema schema{.observation = {{.name = "observation", .shape = {4}}},
                         .action = action_field(env_->spec().action),
                         .info = {}};
    if (with_states) {
      for (const PhysicsState::Part& part : env_->physics()->parts()) {
        schema.info.push_back({.name = part.name,
                               .shape = {static_cast<int64_t>(part.size)},
                               .dtype = DType::kFloat64});
      }
    }
    EpisodeData episode;
    episode.observation.resize(1);
    episode.observation[0].resize((kSteps + 1) * 4 * sizeof(float));
    episode.info.resize(schema.info.size());
    episode.seed = 7;
    const FieldRows obs(env_->spec().observation, 1);
    env_->reset(7, obs.all());
    if (reaches_goal) {
      std::vector<double> goal(2);
      env_->physics()->get("desired_goal", goal);
      env_->physics()->set("qpos", goal);
    }
    Rng rng(1);
    const auto note_state = [&] {
      for (size_t i = 0; i < schema.info.size(); ++i) {
        std::vector<double> values(static_cast<size_t>(schema.info[i].numel()));
        env_->physics()->get(schema.info[i].name, values);
        const auto bytes = std::as_bytes(std::span(values));
        episode.info[i].insert(episode.info[i].end(), bytes.begin(), bytes.end());
      }
    };
    note_state();
    for (int64_t t = 0; t < kSteps; ++t) {
      const float action[] = {static_cast<float>(rng.uniform(-1.0, 1.0)),
                              static_cast<float>(rng.uniform(-1.0, 1.0))};
      const auto bytes = std::as_bytes(std::span(action));
      episode.action.insert(episode.action.end(), bytes.begin(), bytes.end());
      const StepResult step = env_->step({&schema.action, bytes.data(), 1}, obs.all());
      episode.reward.push_back(static_cast<float>(step.reward));
      episode.terminated.push_back(0);
      episode.truncated.push_back(t + 1 == kSteps ? 1 : 0);
      note_state();
    }
    const std::string path = (folder_ / (with_states ? "states" : "actions")).string();
    const auto writer = DatasetWriter::create(path, DatasetFormat::kD4rl, schema);
    writer->append(episode);
    writer->commit();
    dataset_ = Dataset::open(path);
    episode_ = dataset_->read(0);
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<Dataset> dataset_;
  EpisodeData episode_;
};

TEST_F(StateReplayTest, RewardsAreThoseRecordedFromStatesAndFromActions) {
  for (const bool with_states : {true, false}) {
    record(with_states);
    StateReplay replay(*dataset_, *env_);
    ASSERT_EQ(replay.sets_states(), with_states);
    replay.begin(episode_);
    for (int64_t t = 0; t < kSteps; ++t) {
      EXPECT_NEAR(replay.reward(t), static_cast<double>(episode_.reward[static_cast<size_t>(t)]),
                  1e-6);
    }
  }
}

TEST_F(StateReplayTest, ARewardIsTowardsTheGoalBeforeTheStep) {
  record(/*with_states=*/true, /*reaches_goal=*/true);
  StateReplay replay(*dataset_, *env_);
  replay.begin(episode_);
  EXPECT_GT(episode_.reward[0], 0.9F) << "at the goal";
  replay.go_to(0);
  const std::vector<double> first = replay.part("desired_goal");
  replay.go_to(1);
  EXPECT_NE(replay.part("desired_goal"), first);
  for (int64_t t = 0; t < kSteps; ++t) {
    EXPECT_NEAR(replay.reward(t), static_cast<double>(episode_.reward[static_cast<size_t>(t)]),
                1e-6);
  }
}

TEST_F(StateReplayTest, AChosenGoalStaysForTheEpisode) {
  for (const bool with_states : {true, false}) {
    record(with_states);
    StateReplay replay(*dataset_, *env_);
    replay.begin(episode_);
    const std::vector<double> chosen = {1.0, -0.75};
    replay.set_goal(chosen);
    for (const int64_t row : {0, 1, 3}) {
      replay.go_to(row);
      EXPECT_EQ(replay.part("desired_goal"), chosen) << row;
    }
    if (!with_states) continue;
    const std::vector<double> place = replay.part("qpos");
    EXPECT_NEAR(replay.reward(2), std::exp(-std::hypot(place[0] - 1.0, place[1] + 0.75)), 1e-9);
  }
}

TEST_F(StateReplayTest, RowsBeyondTheEpisodeAreRefused) {
  for (const bool with_states : {true, false}) {
    record(with_states);
    StateReplay replay(*dataset_, *env_);
    EXPECT_THAT(input_error([&] { replay.go_to(0); }), HasSubstr("no episode"));
    replay.begin(episode_);
    const auto refuses = [](const auto& call, int64_t row, int64_t last) {
      EXPECT_THAT(input_error(call),
                  AllOf(HasSubstr(fmt::format("row {} of an episode of 5 steps", row)),
                        HasSubstr(fmt::format("0 to {}", last))));
    };
    for (const int64_t row : {int64_t{-1}, kSteps + 1, int64_t{1} << 60}) {
      refuses([&] { replay.go_to(row); }, row, kSteps);
      refuses([&] { replay.take_step(row); }, row, kSteps - 1);
      refuses([&] { replay.reward(row); }, row, kSteps - 1);
    }
    refuses([&] { replay.take_step(kSteps); }, kSteps, kSteps - 1);
    refuses([&] { replay.reward(kSteps); }, kSteps, kSteps - 1);
    replay.go_to(kSteps);
  }
}

}  // namespace
}  // namespace reverie
