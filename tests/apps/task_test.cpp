// A run that serves any reward, tested through the program.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

using nlohmann::json;

class TaskCommands : public testing::Test {
 protected:
  // Made once, because no test writes to them.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    succeeds({"collect", "--env", "cheetah-run", "--policy", "random", "--steps", "2000", "--out",
              "data.h5"});
    succeeds({"train", "--env", "cheetah-run", "--agent", "fb", "--dataset", "data.h5", "--updates",
              "20", "--hidden-size", "16", "--task-size", "4", "--evaluate-every", "0", "--threads",
              "1", "--run", "run"});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Finished succeeds(const Arguments& arguments) {
    Finished result = run(folder_->path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  // What does not depend on how the environment rewards it: where the cheetah got.
  static double velocity(const Arguments& more) {
    const Arguments base = {"evaluate", "run", "--json", "--episodes", "2"};
    const json out = json::parse(succeeds(with(base, more)).out, nullptr, false);
    return out.at("metrics").at("x_velocity").get<double>();
  }
  static void refuses(const Arguments& more, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), with({"evaluate", "run"}, more), messages);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

// The environments have the same physics and starts, so a policy that were not told would move in
// all of them in the same way.
TEST_F(TaskCommands, AnotherTasksRewardIsPursuedInItsEnvironment) {
  const double walk = velocity({"--env", "cheetah-walk"});
  EXPECT_EQ(velocity({"--env", "cheetah-walk", "--dataset", "data.h5"}), walk)
      << "the same seed, the same task";
  EXPECT_NE(velocity({"--env", "cheetah-run-backward"}), walk);
  const double own = velocity({});
  EXPECT_NE(own, walk);
  EXPECT_EQ(velocity({"--max-steps", "1000"}), own) << "no option of the reward";
}

// The named reward of one environment is the reward of the other.
TEST_F(TaskCommands, ARewardMayBeNamedOrWritten) {
  const auto moves = [](const Arguments& more) {  // few steps: rounding grows with their number
    return velocity(with({"--max-steps", "30"}, more));
  };
  const double walk = moves({"--env", "cheetah-walk"});
  EXPECT_NEAR(moves({"--reward", "walk"}), walk, 5e-4);
  EXPECT_NEAR(moves({"--reward", "speed < 0 ? 0 : min(speed, 2) / 2"}), walk, 5e-4);
  EXPECT_GT(std::abs(moves({"--reward", "run-backward"}) - walk), 2e-3);
  refuses({"--reward", "sped"}, {"--reward", "did you mean 'speed'"});
}

TEST_F(TaskCommands, EveryAgentOfTheKindIsToldARewardByName) {
  for (const char* agent : {"hilp", "td-jepa"}) {
    succeeds({"train", "--env", "cheetah-run", "--agent", agent, "--dataset", "data.h5",
              "--updates", "20", "--hidden-size", "16", "--task-size", "4", "--evaluate-every", "0",
              "--threads", "1", "--run", agent});
    const auto moves = [&](const char* reward) {
      const json out = json::parse(succeeds({"evaluate", agent, "--json", "--episodes", "1",
                                             "--max-steps", "30", "--reward", reward})
                                       .out,
                                   nullptr, false);
      return out.at("metrics").at("x_velocity").get<double>();
    };
    EXPECT_NE(moves("walk"), moves("run-backward")) << agent;
  }
}

TEST_F(TaskCommands, RecordsNameTheTask) {
  succeeds({"evaluate", "run", "--env", "cheetah-walk", "--episodes", "1", "--record", "study"});
  const json record = json::parse(content(folder_->path() / "study/run.json"));
  EXPECT_THAT(record.at("options").at("evaluation.task").get<std::string>(),
              testing::HasSubstr("reward in 2000 steps"));
}

// Sparse rewards that no step earned.
TEST_F(TaskCommands, ARewardThatIsZeroEverywhereIsNoTask) {
  succeeds({"collect", "--env", "pointmaze-umaze", "--policy", "random", "--steps", "40",
            "--max-steps", "10", "--out", "zero.h5"});
  const Arguments train = {"train",
                           "--env",
                           "pointmaze-umaze",
                           "--agent",
                           "fb",
                           "--dataset",
                           "zero.h5",
                           "--updates",
                           "3",
                           "--hidden-size",
                           "16",
                           "--evaluate-every",
                           "0",
                           "--max-steps",
                           "10",
                           "--run"};
  expect_refusal(folder_->path(), with(train, {"all"}), {"--goal-numbers", "goals of 2 numbers"});
  succeeds(with(train, {"goals", "--goal-numbers", "0,1"}));
  succeeds({"evaluate", "goals", "--episodes", "1"});
  const auto varied = [&](const Arguments& more) {
    const Arguments evaluate = {"evaluate", "goals", "--episodes", "3", "--json"};
    return succeeds(with(evaluate, more)).out;
  };
  EXPECT_EQ(varied({"--reward", "random-goals"}), varied({"--vary", "goal"}));
  EXPECT_NE(varied({"--reward", "random-goals"}), varied({"--seed", "1"}));
  expect_refusal(folder_->path(), {"evaluate", "goals", "--dataset", "zero.h5"},
                 {"--dataset", "pursues the goals"});
  succeeds({"collect", "--env", "maze2d-medium", "--policy", "random", "--steps", "40",
            "--max-steps", "10", "--seed", "1", "--out", "far.h5"});
  succeeds({"train", "--env", "maze2d-medium", "--agent", "fb", "--dataset", "far.h5", "--updates",
            "3", "--hidden-size", "16", "--evaluate-every", "0", "--run", "far"});
  expect_refusal(folder_->path(), {"evaluate", "far"}, {"the reward is 0 in all"});
}

// The task of a reward that is another one in each episode would be none of them.
TEST_F(TaskCommands, RewardsOfChangingGoalsAreNoTask) {
  succeeds({"collect", "--env", "maze2d-umaze-dense", "--policy", "random", "--steps", "600",
            "--out", "dense.h5"});
  succeeds({"train", "--env", "maze2d-umaze-dense", "--agent", "fb", "--dataset", "dense.h5",
            "--updates", "3", "--hidden-size", "16", "--evaluate-every", "0", "--run", "dense"});
  const Arguments evaluate = {"evaluate", "dense", "--episodes", "1", "--max-steps", "10"};
  expect_refusal(folder_->path(), with(evaluate, {"--vary", "goal"}),
                 {"goals change", "--set goal"});
  succeeds(with(evaluate, {"--vary", "goal", "--reward", "forwards-x"}));
  // Also where the run itself learnt from them.
  succeeds({"collect", "--env", "maze2d-umaze-dense", "--vary", "goal", "--policy", "random",
            "--steps", "600", "--out", "varied.h5"});
  succeeds({"train", "--env", "maze2d-umaze-dense", "--agent", "fb", "--dataset", "varied.h5",
            "--updates", "3", "--hidden-size", "16", "--evaluate-every", "0", "--run", "varied"});
  expect_refusal(folder_->path(), {"evaluate", "varied", "--episodes", "1"}, {"goals change"});
  succeeds(with(evaluate, {"--set", "goal=3/1"}));
}

TEST_F(TaskCommands, WhatCannotBeInferredIsRefused) {
  refuses({"--env", "maze2d-umaze"}, {"the fields and actions must be the same"});
  refuses({"--env", "cheetah-walk", "--dataset", "none.h5"}, {"none.h5"});
  refuses({"--goal-steps", "3"}, {"--goal-steps", "does not plan to goals"});
  succeeds({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "600", "--out",
            "maze.h5"});
  refuses({"--env", "cheetah-walk", "--dataset", "maze.h5"}, {"maze.h5"});
}

}  // namespace
}  // namespace reverie::test
