// A run that serves any reward, tested through the program.
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
              "20", "--hidden-size", "16", "--task-size", "4", "--evaluate-every", "0", "--run",
              "run"});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Finished succeeds(const Arguments& arguments) {
    Finished result = run(folder_->path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  static double evaluate(const Arguments& more) {
    const Arguments base = {"evaluate", "run", "--json", "--episodes", "2"};
    const json out = json::parse(succeeds(with(base, more)).out, nullptr, false);
    return out["return"]["mean"].get<double>();
  }
  static void refuses(const Arguments& more, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), with({"evaluate", "run"}, more), messages);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

// The reward of another task decides what the policy does there: with the first task's in its place
// the same episodes return something else.
TEST_F(TaskCommands, AnotherTasksRewardIsPursuedInItsEnvironment) {
  const double other = evaluate({"--env", "cheetah-walk"});
  EXPECT_EQ(evaluate({"--env", "cheetah-walk"}), other) << "the same seed, the same task";
  EXPECT_NE(evaluate({"--env", "cheetah-run-backward"}), other);
  evaluate({});
  evaluate({"--env", "cheetah-walk", "--dataset", "data.h5"});
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
