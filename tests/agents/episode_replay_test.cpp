// Goals from replayed episodes: the valid steps.

#include "agents/planning/episode_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envs/registry.h"
#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

TEST(EpisodeReplay, StepsBeyondTheEpisodeAreRefused) {
  const std::unique_ptr<EnvConfig> config = find_env("pointmaze-umaze").config();
  config->set_option("observation", "pixels");
  const std::unique_ptr<Env> env = config->maker()();
  PlayedActions played{.seed = 3, .actions = {0.1, 0.2, -0.3, 0.4, 1.0, -1.0}};
  const ReachGoalTask task = replay_goal_task(*env, played, 1, 3);
  EXPECT_EQ(task.goal.front().first, "qpos");
  EXPECT_NE(task.goal.front().second, task.start.front().second);
  const std::vector<std::pair<int64_t, int64_t>> wrong = {{0, 4}, {0, 1000}, {-1, 2}, {2, 2},
                                                          {3, 1}, {0, 0},    {-5, -2}};
  for (const auto& [start, goal] : wrong) {
    EXPECT_THAT(
        input_error(
            [&, start = start, goal = goal] { replay_goal_task(*env, played, start, goal); }),
        AllOf(HasSubstr(fmt::format("step {} to step {}", start, goal)), HasSubstr("3 steps")));
  }
  played.actions.pop_back();
  EXPECT_THAT(input_error([&] { replay_goal_task(*env, played, 0, 1); }),
              HasSubstr("5 numbers of actions"));
}

}  // namespace
}  // namespace reverie
