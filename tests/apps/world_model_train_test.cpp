// Training a world model, tested through the program: the options of a run that cannot change, and
// what is refused before anything is written.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TrainWorldModel : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    const auto collect = [](const char* steps, const char* seed, const char* out) {
      succeeds({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", steps,
                "--seed", seed, "--out", out, "--observation", "both", "--image-size", "16x16",
                "--max-steps", "60"});
    };
    collect("240", "0", "240.h5");
    collect("300", "0", "300.h5");
    collect("240", "1", "other.h5");
    succeeds(tiny_world_model("run", 2, {"--dataset", "240.h5", "--decoder-updates", "0"}));
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Finished succeeds(const Arguments& arguments, const std::string& below = "") {
    Finished result = run(folder_->path() / below, arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  static void refuses(const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), arguments, messages);
  }
  static fs::path at(const std::string& name) { return *folder_ / name; }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(TrainWorldModel, WhatIsHeldOutStaysHeldOut) {
  const Arguments resume = {"train", "--resume", "run", "--updates", "4", "--quiet"};
  refuses(with(resume, {"--held-out", "0.6"}), {"--held-out is 0.6, the run has 0.1"});
  refuses(with(resume, {"--dataset", "300.h5"}),
          {"300.h5", "300 steps in 5 episodes", "expected 240 steps in 4"});
  refuses(with(resume, {"--dataset", "other.h5"}),
          {"other.h5", "240 steps in 4 episodes", "expected 240 steps in 4"});
  refuses(with(resume, {"--dataset", ""}), {"--dataset is ''", "learns from a dataset"});
  fs::copy(at("run"), at("moved"), fs::copy_options::recursive);
  fs::copy(at("240.h5"), at("elsewhere.h5"));
  succeeds({"train", "--resume", "moved", "--updates", "4", "--quiet", "--dataset", "elsewhere.h5",
            "--decoder-updates", "0"});
}

// Commands that inspect a run use its split too: another file would have other held-out episodes.
TEST_F(TrainWorldModel, ADatasetThatWasReplacedIsNotEvaluatedOn) {
  fs::rename(at("240.h5"), at("kept.h5"));
  fs::copy(at("other.h5"), at("240.h5"));
  const Arguments evaluate = {"evaluate",     "run", "--episodes", "2",
                              "--goal-steps", "40",  "--radius",   "0.05"};
  refuses(evaluate, {"240.h5", "is not the dataset that the run learnt from", "fingerprint"});
  refuses({"probe", "run"}, {"240.h5", "is not the dataset that the run learnt from"});
  fs::remove(at("240.h5"));
  fs::rename(at("kept.h5"), at("240.h5"));
  succeeds(evaluate);
}

TEST_F(TrainWorldModel, ARecordTellsDatasetsOfOneNameApart) {
  succeeds({"evaluate", "run", "--episodes", "2", "--goal-steps", "40", "--radius", "0.05",
            "--record", "study"});
  const std::string state = read_file(latest_checkpoint(at("run")) / "state.json", 1 << 20);
  constexpr std::string_view kBefore = "fingerprint ";
  const size_t mark = state.find(kBefore);
  ASSERT_NE(mark, std::string::npos);
  EXPECT_THAT(read_file(at("study/run.json"), 1 << 20),
              HasSubstr("240.h5#" + state.substr(mark + kBefore.size(), 8) + "\""));
}

TEST_F(TrainWorldModel, StepsOnADatasetCountAsUpdatesAndItIsSaid) {
  Arguments arguments =
      tiny_world_model("stepped", 2, {"--dataset", "240.h5", "--decoder-updates", "0"});
  std::replace(arguments.begin(), arguments.end(), std::string("--updates"),
               std::string("--steps"));
  EXPECT_THAT(succeeds(arguments).err, testing::HasSubstr("counts as --updates 2"));
  EXPECT_EQ(latest_checkpoint(at("stepped")).filename(), "step_000000002");
}

TEST_F(TrainWorldModel, TheEnvironmentIsThatOfTheDataset) {
  succeeds({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "240", "--out",
            "hidden.h5", "--observation", "both", "--image-size", "24x24", "--resize", "16x16",
            "--set", "goal_marker=hidden", "--max-steps", "60"});
  const auto trains = [](const std::string& name, const Arguments& more) {
    const Arguments data = {"--dataset", "hidden.h5", "--decoder-updates", "0"};
    Arguments arguments = tiny_world_model(name, 2, with(data, more));
    std::vector<std::string> left_out = {"--image-size", "--max-steps", "--quiet"};
    if (std::find(more.begin(), more.end(), "--config") != more.end()) {
      left_out.emplace_back("--preset");
    }
    for (const std::string& flag : left_out) {
      if (std::find(more.begin(), more.end(), flag) != more.end()) continue;
      const auto at = std::find(arguments.begin(), arguments.end(), flag);
      arguments.erase(at, at + (flag == "--quiet" ? 1 : 2));
    }
    return arguments;
  };
  EXPECT_THAT(succeeds(trains("seen", {})).err,
              testing::AllOf(HasSubstr("environment as in"), HasSubstr("resize = \"16x16\""),
                             HasSubstr("set = [\"goal_marker=hidden\"]")));
  const std::string config = read_file(at("seen") / "config.toml", 1 << 20);
  EXPECT_THAT(config,
              testing::AllOf(HasSubstr("image_size = \"24x24\""),
                             HasSubstr("set = [\"goal_marker=hidden\"]"),
                             HasSubstr("max_steps = 60"), HasSubstr("observation = \"pixels\"")));
  succeeds(trains("longer", {"--max-steps", "90"}));
  EXPECT_THAT(read_file(at("longer") / "config.toml", 1 << 20), HasSubstr("max_steps = 90"));
  refuses(trains("shown", {"--set", "goal_marker=drawn"}),
          {"--set", "goal_marker=drawn", "hidden.h5", "was collected with", "goal_marker=hidden"});
  // A value in --config counts as given.
  std::ofstream(at("grey.toml")) << "[environment]\ngrey = true\n";
  refuses(trains("grey", {"--config", "grey.toml"}), {"--grey true", "hidden.h5", "false"});
}

TEST_F(TrainWorldModel, BeginsWithTheWeightsOfAnotherRun) {
  for (const std::string& weights :
       {std::string("run"), (latest_checkpoint(at("run")) / "model.safetensors").string()}) {
    succeeds(tiny_world_model(
        "from" + std::to_string(weights.size()), 2,
        {"--dataset", "240.h5", "--decoder-updates", "0", "--seed", "7", "--weights", weights}));
  }
}

TEST_F(TrainWorldModel, ARunIsLookedAtFromAnyFolder) {
  fs::create_directory(at("below"));
  succeeds({"evaluate", "../run", "--episodes", "2", "--goal-steps", "40", "--radius", "0.05"},
           "below");
}

TEST_F(TrainWorldModel, EpisodesThatAreTooShortAreRefusedAtOnce) {
  const Arguments long_history = {"--dataset", "240.h5", "--history", "40"};
  refuses(tiny_world_model("long", 2, long_history),
          {"240.h5", "60 steps", "needs 80", "--history times --action-block"});
  refuses(tiny_world_model("long", 2, {"--history", "40"}), {"end after 60 steps", "needs 80"});
  refuses(tiny_world_model("early", 2, {"--learning-starts", "32"}),
          {"--learning-starts 32", "4 steps in each of 8 environments", "needs 6"});
  refuses(tiny_world_model("few", 2, {"--held-out", "0.99"}), {"--held-out", "0.99"});
}

// Discrete actions, and an environment whose episodes can only be replayed.
TEST_F(TrainWorldModel, ACarPlansItsChoicesToPicturesOfItsRoad) {
  const Arguments pictures = {"--observation", "both",        "--image-size",
                              "16x16",         "--max-steps", "60"};
  succeeds(with({"collect", "--env", "car-racing-discrete", "--policy", "random", "--steps", "240",
                 "--out", "car.h5"},
                pictures));
  Arguments train = tiny_world_model(
      "car", 2, {"--dataset", "car.h5", "--decoder-updates", "0", "--planner", "categorical-cem"});
  train[2] = "car-racing-discrete";
  succeeds(train);
  const auto evaluate = [](const Arguments& more) {
    const Arguments base = {"evaluate", "car", "--json", "--episodes", "3", "--goal-steps", "5-10"};
    return nlohmann::json::parse(succeeds(with(base, more)).out, nullptr, false);
  };
  const nlohmann::json out = evaluate({});
  for (const nlohmann::json& report : {out, out["random"]}) {
    EXPECT_TRUE(report["metrics"]["least_goal_distance"].is_number());
    EXPECT_TRUE(report["success_rate"].is_null()) << "nobody said what is near enough";
  }
  EXPECT_FALSE(out.contains("simulator"));
  EXPECT_TRUE(evaluate({"--radius", "0.001"})["success_rate"].is_number());
  succeeds({"render", "car", "--goal-steps", "5-10", "--size", "320x240", "--out", "frames/"});
  refuses({"evaluate", "car", "--goal-state", "1,2"}, {"--goal-state"});
  refuses({"evaluate", "car", "--planner", "cem"}, {"cem"});
}

TEST_F(TrainWorldModel, ItDoesNotLearnWhileItCollects) {
  refuses(
      {"collect", "--env", "maze2d-umaze", "--policy", "jepa", "--steps", "100", "--out", "c.h5"},
      {"--policy jepa", "cannot learn while it collects"});
}

}  // namespace
}  // namespace reverie::test
