// Tabular agents and the yardstick of mazes from the command line.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "drawing/video.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

using json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class Tabular : public ProgramTest {
 protected:
  Finished train(const std::string& agent, const std::string& run, const Arguments& more = {}) {
    return good(
        with({"train", "--env", "gridmaze-umaze", "--agent", agent, "--run", run, "--threads", "1"},
             more));
  }
};

TEST_F(Tabular, PoliciesAreComparedWithTheOptimum) {
  train("policy-iteration", "pi");
  train("q-learning", "q", {"--steps", "4000"});
  for (const char* run : {"pi", "q"}) {
    const json report = json::parse(good({"evaluate", run, "--episodes", "30", "--json"}).out);
    EXPECT_EQ(report["success_rate"], 1.0) << run;
    EXPECT_EQ(report["steps_to_goal"]["policy"], report["steps_to_goal"]["optimum"]) << run;
    EXPECT_EQ(report["steps_to_goal"]["policy"], report["metrics"]["optimum"]) << run;
    EXPECT_EQ(report["steps_to_goal"]["episodes"], 30);
    EXPECT_EQ(report["steps_to_goal"]["is_bound"], false);
    EXPECT_GT(report["random"]["steps_to_goal"]["policy"],
              report["random"]["steps_to_goal"]["optimum"]);
  }
  EXPECT_THAT(good({"evaluate", "pi", "--episodes", "3"}).out,
              AllOf(HasSubstr("steps to reached goals"), HasSubstr("optimum of these")));
  EXPECT_THAT(good({"evaluate", "waypoint", "--env", "maze2d-umaze", "--episodes", "2"}).out,
              AllOf(HasSubstr("steps to reached goals"), HasSubstr("lower bound of these")));
}

TEST_F(Tabular, APlannersRunEndsWhenItIsSolved) {
  const Finished result = train("value-iteration", "vi", {"--checkpoint-every", "2"});
  EXPECT_THAT(result.err, AllOf(HasSubstr("solved after"), HasSubstr("0 steps")));
  EXPECT_THAT(good({"train", "--resume", "vi"}).err, HasSubstr("nothing is left to do"));
  EXPECT_THAT(content(folder_ / "vi" / "metrics.csv"), HasSubstr("loss/residual"));
  EXPECT_THAT(train("value-iteration", "short", {"--steps", "2"}).err,
              HasSubstr("not solved after 2 sweeps"));
}

TEST_F(Tabular, PlotsTheValuesOfARun) {
  train("sarsa", "s", {"--steps", "300"});
  good({"plot", "s", "--values", "--out", "latest.png", "--size", "300x200"});
  good({"plot", "s", "--values", "--out", "first.png", "--size", "300x200", "--checkpoint", "0"});
  const std::vector<uint8_t> latest = read_png(folder_ / "latest.png", 300, 200);
  EXPECT_NE(latest, read_png(folder_ / "first.png", 300, 200)) << "it has learnt something";
  good({"plot", "s", "--metric", "env/return", "--out", "curves.png"});

  const auto refuse = [&](const Arguments& more, const std::vector<std::string>& messages) {
    expect_refusal(folder_.path(), with({"plot", "s", "--out", "x.png"}, more), messages);
  };
  refuse({"--values", "--metric", "env/return"}, {"--values", "--metric"});
  refuse({"--values", "--each"}, {"--values", "--each"});
  refuse({"--checkpoint", "0"}, {"--checkpoint", "--values"});
  expect_refusal(folder_.path(), {"plot", "s", "s", "--values", "--out", "x.png"}, {"2 runs"});
  good(tiny_training("ddpg", 200));
  expect_refusal(folder_.path(), {"plot", "ddpg", "--values", "--out", "x.png"},
                 {"'ddpg' keeps no table", "q-learning"});
}

TEST_F(Tabular, WhatDoesNotFitIsRefusedBeforeAnythingIsWritten) {
  write(folder_ / "two.txt", "#####\n#G.G#\n#####\n");
  const auto refuse = [&](const std::string& env, const std::string& agent, const Arguments& more,
                          const std::vector<std::string>& messages) {
    expect_refusal(folder_.path(),
                   with({"train", "--env", env, "--agent", agent, "--run", "x"}, more), messages);
  };
  refuse("maze2d-umaze", "sarsa", {}, {"maze2d-umaze", "continuous", "gridmaze-umaze"});
  refuse("gridmaze-umaze", "q-learning", {"--observation", "pixels"}, {"number the states"});
  refuse("gridmaze-umaze", "value-iteration", {"--sticky-actions", "0.5"}, {"--sticky-actions"});
  refuse("gridmaze-umaze", "value-iteration", {"--map", "two.txt"}, {"two.txt", "2 goals"});
  refuse("gridmaze-umaze", "q-learning", {"--step-size", "0"}, {"--step-size", "0"});
  refuse("gridmaze-umaze", "ddpg", {}, {"gridmaze-umaze", "discrete"});
}

// Agents of networks play the same task.
TEST_F(Tabular, NetworksPlayTheGridToo) {
  for (const Arguments& more :
       {Arguments{"dqn", "--steps", "200", "--learning-starts", "100", "--hidden-sizes", "8"},
        Arguments{"ppo", "--steps", "128", "--rollout-steps", "16"}}) {
    const std::string agent = more.front();
    train(agent, agent, Arguments(more.begin() + 1, more.end()));
    const json report = json::parse(good({"evaluate", agent, "--episodes", "2", "--json"}).out);
    EXPECT_GT(report["metrics"]["optimum"], 0.0) << agent;
  }
}

}  // namespace
}  // namespace reverie::test
