// A run that plans to goals, tested through the program: evaluated, filmed and collected from as
// any policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "drawing/video.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class GoalCommands : public testing::Test {
 protected:
  // Made once, because no test writes to them.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    succeeds({"collect", "--env", "maze2d-umaze", "--policy", "waypoint:0.8", "--policy",
              "random:0.2", "--steps", "600", "--out", "data.h5", "--observation", "both",
              "--image-size", "16x16", "--max-steps", "60"});
    succeeds(tiny_world_model("run", 4, {"--dataset", "data.h5", "--decoder-updates", "0"}));
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Finished succeeds(const Arguments& arguments) {
    Finished result = run(folder_->path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  static void refuses(const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), arguments, messages);
  }
  static json evaluate(const Arguments& more) {
    const Arguments base = {"evaluate", "run",  "--json",   "--episodes", "4",
                            "--radius", "0.05", "--budget", "12"};
    return json::parse(succeeds(with(base, more)).out, nullptr, false);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(GoalCommands, EvaluationHasTheRandomFloorAndTheSimulatorBoundBesideIt) {
  const json out = evaluate({"--goal-steps", "5-10"});
  EXPECT_THAT(out["goals"], HasSubstr("data.h5, 5-10 steps apart"));
  for (const json& report : {out, out["random"], out["simulator"]}) {
    ASSERT_TRUE(report["success_rate"].is_number());
    EXPECT_TRUE(report["metrics"].contains("least_goal_distance"));
    EXPECT_LE(report["length"]["mean"], 12);
  }
  EXPECT_GE(out["simulator"]["success_rate"], out["random"]["success_rate"]);
  EXPECT_EQ(evaluate({"--goal-steps", "5-10"}), out) << "the same seed, the same goals";
  EXPECT_FALSE(evaluate({"--no-simulator"}).contains("simulator"));
  // The simulator's planner has fewer elites than these.
  EXPECT_TRUE(
      evaluate({"--planner", "icem", "--samples", "32", "--elites", "20", "--kept-elites", "20"})
          .contains("simulator"));
}

TEST_F(GoalCommands, PlannersAndGoalsAreTheCallersChoice) {
  for (const char* planner : {"cem", "mppi", "gradient"}) {
    EXPECT_TRUE(evaluate({"--planner", planner, "--no-simulator"})["success_rate"].is_number());
  }
  EXPECT_EQ(evaluate({"--goal-state", "1,1", "--no-simulator"})["goals"], "--goal-state");
  const std::vector<uint8_t> grey(16 * 16 * 3, 128);
  write_png(*folder_ / "goal.png", {grey.data(), 16, 16});
  const json out = evaluate({"--goal-image", "goal.png"});
  EXPECT_EQ(out["goals"], "goal.png (of an unknown state: success is not measured)");
  EXPECT_FALSE(out.contains("simulator")) << "nobody knows the state that a picture shows";
}

TEST_F(GoalCommands, MoreEpisodesThanAreEvaluatedAtOnce) {
  const Arguments many = {"evaluate", "run", "--json", "--episodes", "140", "--budget", "6"};
  const json out = json::parse(succeeds(many).out, nullptr, false);
  EXPECT_TRUE(out["simulator"]["success_rate"].is_number());
}

TEST_F(GoalCommands, NoStartIsAtTheGoalAlready) {
  // With a budget of one step, a start elsewhere cannot reach the goal.
  const json out = json::parse(succeeds({"evaluate", "run", "--json", "--episodes", "30",
                                         "--goal-state", "1,1", "--budget", "1", "--no-simulator"})
                                   .out,
                               nullptr, false);
  EXPECT_LT(out["success_rate"].get<double>(), 0.1);
  refuses({"evaluate", "run", "--goal-state", "1,1", "--radius", "50"}, {"1000 pairs in a row"});
  // The state that a picture shows is unknown.
  const std::vector<uint8_t> grey(16 * 16 * 3, 128);
  write_png(*folder_ / "goal.png", {grey.data(), 16, 16});
  succeeds({"evaluate", "run", "--episodes", "2", "--goal-image", "goal.png", "--radius", "50"});
}

TEST_F(GoalCommands, DatasetsOfOtherEnvironmentsAreRefused) {
  succeeds({"collect", "--env", "maze2d-medium", "--policy", "random", "--steps", "130", "--out",
            "medium.h5", "--observation", "both", "--image-size", "16x16", "--max-steps", "60"});
  const std::vector<std::string> message = {"medium.h5: was recorded in maze2d-medium",
                                            "expected maze2d-umaze"};
  refuses(tiny_world_model("other", 4, {"--dataset", "medium.h5"}), message);
  for (const char* command : {"evaluate", "probe", "surprise", "decoder"}) {
    refuses({command, "run", "--dataset", "medium.h5"}, message);
  }
  refuses({"evaluate", "run", "--env", "maze2d-medium"},
          {"data.h5: was recorded in maze2d-umaze", "expected maze2d-medium"});
}

TEST_F(GoalCommands, EpisodesOfARunCanBeCollected) {
  succeeds({"collect", "--policy", "run", "--steps", "30", "--out", "played.h5", "--format",
            "stable-worldmodel"});
  EXPECT_THAT(succeeds({"dataset", "info", "played.h5"}).out, HasSubstr("goal_pixels"));
}

TEST_F(GoalCommands, WhatDoesNotFitIsRefused) {
  const std::vector<uint8_t> grey(20 * 16 * 3, 128);
  write_png(*folder_ / "wide.png", {grey.data(), 20, 16});
  const Arguments base = {"evaluate", "run", "--episodes", "4"};
  refuses(with(base, {"--goal-image", "wide.png"}), {"wide.png", "20 x 16", "16 x 16"});
  refuses(with(base, {"--goal-image", "nowhere.png"}), {"nowhere.png"});
  refuses(with(base, {"--goal-state", "1,2,3"}), {"--goal-state", "3 numbers", "2 of qpos"});
  refuses(with(base, {"--goal-state", "1,2", "--goal-image", "wide.png"}), {"exclude"});
  refuses(with(base, {"--goal-state", "1.0", "3.1"}), {"--goal-state 1.0,3.1"});
  refuses(with(base, {"--goal-state", "40,1"}), {"--goal-state 40,1: lies outside the maze"});
  refuses(with(base, {"--goal-state", "1e300,1"}), {"lies outside the maze"});
  refuses(with(base, {"--goal-state", "2,2"}),
          {"--goal-state 2,2: lies in the wall", "the nearest is at x = "});
  refuses(with(base, {"--goal-steps", "9-4"}), {"--goal-steps 9-4"});
  refuses(with(base, {"--goal-steps", "many"}), {"--goal-steps many"});
  refuses(with(base, {"--goal-steps", "90"}), {"data.h5", "91 steps"});
  refuses(with(base, {"--goal-steps", "1-9223372036854775807"}), {"--goal-steps", "1000000"});
  refuses(with(base, {"--budget", "61"}), {"--budget 61", "60 steps"});
  refuses(with(base, {"--dataset", "nowhere.h5"}), {"nowhere.h5"});
  refuses(with(base, {"--replan-every", "9"}), {"--replan-every 9"});
  refuses(with(base, {"--planner", "icm"}), {"--planner"});
}

TEST_F(GoalCommands, MetricsOfRunsAreDrawn) {
  succeeds({"plot", "run", "--metric", "loss/total,held_out/effective_rank", "--out", "plot.png",
            "--size", "200x150"});
  EXPECT_EQ(read_png(*folder_ / "plot.png", 400, 150).size(), 400U * 150U * 3U);
  refuses({"plot", "run", "--metric", "loss/totl", "--out", "p.png"},
          {"loss/totl", "did you mean 'loss/total'?"});
}

}  // namespace
}  // namespace reverie::test
