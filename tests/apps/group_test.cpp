// Groups of runs that differ in their seed: training them, resuming them, and commands that take
// them as one run.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class GroupOfRuns : public ProgramTest {
 protected:
  std::string model_of(const std::string& run) const {
    return content(latest_checkpoint(at(run)) / "model.safetensors");
  }
};

TEST_F(GroupOfRuns, HasTheRunsThatItsSeedsGiveAlone) {
  const Finished result = good(tiny_training("g", 200, {"--seeds", "2", "--seed", "3"}));
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("seed_3: "), HasSubstr("seed_4: "), HasSubstr("reverie evaluate g")));
  good(tiny_training("alone", 200, {"--seed", "4"}));
  EXPECT_TRUE(model_of("g/seed_4") == model_of("alone"));
  EXPECT_FALSE(model_of("g/seed_3") == model_of("alone"));
  EXPECT_FALSE(fs::exists(at("g/seed_5")));
}

TEST_F(GroupOfRuns, IsEvaluatedAsOneRun) {
  good(tiny_training("g", 200, {"--seeds", "3", "--parallel", "1", "--quiet"}));
  const Arguments evaluate = {"evaluate", "g", "--episodes", "2", "--json", "--quiet"};
  const auto group = nlohmann::json::parse(good(with(evaluate, {"--record", "study"})).out);
  ASSERT_EQ(group.at("runs").size(), 3U);
  // Mean and Student's interval, t = 4.30265 for 2 degrees of freedom.
  std::vector<double> returns;
  for (int seed = 1; seed <= 3; ++seed) {
    Arguments alone = evaluate;
    alone[1] = "g/seed_" + std::to_string(seed);
    const auto one = nlohmann::json::parse(good(alone).out);
    returns.push_back(one.at("return").at("mean"));
    EXPECT_EQ(group.at("runs").at(static_cast<size_t>(seed - 1)).at("return"), one.at("return"));
    EXPECT_EQ(group.at("random").at("return"), one.at("random").at("return"));
    EXPECT_TRUE(fs::exists(at("study/g-s" + std::to_string(seed) + ".json")));
  }
  const double mean = (returns[0] + returns[1] + returns[2]) / 3;
  double squares = 0;
  for (const double value : returns) squares += (value - mean) * (value - mean);
  const double half = 4.30265 * std::sqrt(squares / 2 / 3);
  EXPECT_NEAR(group.at("return").at("mean"), mean, 1e-9);
  EXPECT_NEAR(group.at("return").at("ci95").at(0), mean - half, 1e-4 * (1 + half));
  EXPECT_NEAR(group.at("return").at("ci95").at(1), mean + half, 1e-4 * (1 + half));
  const std::string text = good({"evaluate", "g", "--episodes", "2", "--quiet"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("3 runs of 2 episodes"), HasSubstr("mean of the runs"),
                          HasSubstr("seed_2"), HasSubstr("random")));
}

TEST_F(GroupOfRuns, IsPlottedAndReportedAsOneLine) {
  good(tiny_training("a", 200, {"--seeds", "2", "--quiet"}));
  good(tiny_training("b", 200, {"--seed", "1", "--gamma", "0.5", "--quiet"}));
  good({"plot", "a", "b", "--metric", "loss/critic", "--out", "p.png"});
  EXPECT_TRUE(fs::exists(at("p.png")));
  const auto table =
      nlohmann::json::parse(good({"report", "a", "b", "--metric", "loss/critic", "--json"}).out);
  ASSERT_EQ(table.at("results").size(), 2U);
  const auto& group = table.at("results").at(0);
  EXPECT_EQ(group.at("runs"), "a, 2 seeds");
  EXPECT_EQ(group.at("seeds"), 2);
  EXPECT_EQ(group.at("step"), 200);
  // The mean of the last values in the two logs.
  double sum = 0;
  for (const char* seed : {"1", "2"}) {
    const auto one = nlohmann::json::parse(
        good({"report", std::string("a/seed_") + seed, "--metric", "loss/critic", "--json"}).out);
    EXPECT_TRUE(one.at("results").at(0).at("ci95").is_null());
    sum += one.at("results").at(0).at("mean").get<double>();
  }
  EXPECT_NEAR(group.at("mean"), sum / 2, 1e-9);
  EXPECT_THAT(good({"report", "a", "--metric", "loss/critic"}).out, HasSubstr("a, 2 seeds"));
}

TEST_F(GroupOfRuns, StoppedByOneSignalResumesToTheSameWeights) {
  const Arguments options = {"--seeds", "2", "--parallel", "2", "--checkpoint-every", "60"};
  good(tiny_training("whole", 1200, options));
  {
    Program program(tiny_training("stopped", 1200, options), {.folder = folder_.path()});
    wait_for_checkpoint(at("stopped/seed_1"));
    wait_for_checkpoint(at("stopped/seed_2"));
    program.send(SIGINT);  // to the parent alone
    const Finished result = program.finish();
    EXPECT_EQ(result.status, 130) << result.err;
    EXPECT_THAT(result.err, HasSubstr("reverie train --resume stopped\n"));
  }
  EXPECT_NE(content(at("stopped/seed_2/latest")), "step_000001200\n");
  good({"train", "--resume", "stopped"});
  for (const char* seed : {"seed_1", "seed_2"}) {
    EXPECT_TRUE(model_of(std::string("whole/") + seed) == model_of(std::string("stopped/") + seed));
  }
  EXPECT_THAT(good({"train", "--resume", "stopped"}).err, HasSubstr("nothing is left to do"));
  good({"train", "--resume", "stopped", "--steps", "1300"});
  EXPECT_EQ(content(at("stopped/seed_2/latest")), "step_000001300\n");
}

TEST_F(GroupOfRuns, WrongOnesAreRefusedBeforeAnythingIsWritten) {
  good(tiny_training("g", 100, {"--seeds", "2", "--quiet"}));
  good(tiny_training("r", 100, {"--quiet"}));
  const auto refused = [&](const Arguments& arguments, const std::vector<std::string>& messages) {
    SCOPED_TRACE(arguments.back());
    expect_refusal(folder_.path(), arguments, messages);
  };
  refused(tiny_training("g", 100, {"--seeds", "3"}), {"g/seed_1: already exists", "--resume g"});
  refused(tiny_training("r", 100, {"--seeds", "2"}), {"--run r: is a run"});
  refused(tiny_training("n", 100, {"--seeds", "0"}), {"--seeds"});
  refused(tiny_training("n", 100, {"--seeds", "2", "--gamma", "7"}), {"--gamma", "7"});
  refused(tiny_training("n", 100, {"--parallel", "2"}), {"--parallel", "--seeds"});
  refused({"train", "--resume", "r", "--seeds", "2"}, {"--resume r: is one run"});
  refused({"train", "--resume", "g", "--seeds", "2"}, {"--seeds cannot change"});
  refused({"render", "g", "--out", "f.mp4"}, {"g: is a group of 2 runs", "g/seed_1"});
  refused({"report"}, {"run folders or --records", "neither"});
  refused({"report", "g", "--records", "g"}, {"both"});
}

// A run that fails ends the group with its status; the others keep what they have.
TEST_F(GroupOfRuns, AFailingRunIsReported) {
  good(tiny_training("g", 100, {"--seeds", "2", "--quiet"}));
  fs::remove(at("g/seed_2/latest"));
  for (const auto& entry : fs::directory_iterator(at("g/seed_2/checkpoints"))) {
    fs::remove(entry.path() / "model.safetensors");
  }
  const Finished result =
      run(folder_.path(), {"train", "--resume", "g", "--parallel", "1", "--steps", "200"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("seed_2: reverie: "), Not(HasSubstr("done: 2 runs"))));
}

}  // namespace
}  // namespace reverie::test
