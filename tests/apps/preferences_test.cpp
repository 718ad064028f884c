// A reward learnt from preferences, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"

namespace reverie::test {
namespace {

using nlohmann::json;

class PreferenceCommands : public ProgramTest {
 protected:
  void collect(const std::string& out, const std::string& seed = "0") const {
    good({"collect", "--env", "maze2d-umaze-dense", "--policy", "random", "--steps", "3000",
          "--out", out, "--seed", seed});
  }

  Arguments training(const std::string& run, const Arguments& more = {}) const {
    return with({"train",
                 "--env",
                 "maze2d-umaze-dense",
                 "--agent",
                 "reward-model",
                 "--dataset",
                 "data.h5",
                 "--pairs",
                 "300",
                 "--segment",
                 "10",
                 "--hidden-sizes",
                 "32",
                 "--learning-rate",
                 "0.003",
                 "--updates",
                 "400",
                 "--log-every",
                 "100",
                 "--run",
                 run},
                more);
  }

  double mean_return(const std::string& dataset) const {
    const json info = json::parse(good({"dataset", "info", dataset, "--json"}).out);
    return info.at("return").at("mean").get<double>();
  }
};

TEST_F(PreferenceCommands, ALearntRewardReplacesTheDatas) {
  collect("data.h5");
  good(training("wants"));
  EXPECT_GT(logged("wants", "accuracy/held_out"), 0.85);
  good({"dataset", "relabel", "data.h5", "learnt.h5", "--reward-run", "wants"});
  EXPECT_NE(mean_return("learnt.h5"), mean_return("data.h5"));
  EXPECT_THAT(good({"dataset", "info", "learnt.h5"}).out, testing::HasSubstr("a reward model"));
  good({"train", "--env", "maze2d-umaze-dense", "--agent", "iql", "--dataset", "learnt.h5",
        "--updates", "3", "--hidden-sizes", "8", "--evaluate-every", "0", "--run", "policy"});
}

// One group wants what the data's reward wants, the other the opposite.
TEST_F(PreferenceCommands, GroupsThatDisagreeLeaveNothingToLearn) {
  collect("data.h5");
  good({"dataset", "relabel", "data.h5", "opposite.h5", "--reward", "-exp(-distance)"});
  good(training("both", {"--judges", "opposite.h5"}));
  EXPECT_LT(logged("both", "accuracy/held_out"), 0.7);
}

TEST_F(PreferenceCommands, AResumedRunGoesOnAsIfItHadNotStopped) {
  collect("data.h5");
  const auto start = [&](const std::string& run, const std::string& updates) {
    good({"train", "--env", "maze2d-umaze-dense", "--agent", "reward-model", "--dataset", "data.h5",
          "--pairs", "50", "--segment", "5", "--hidden-sizes", "8", "--updates", updates, "--run",
          run});
  };
  start("whole", "60");
  start("parts", "30");
  good({"train", "--resume", "parts", "--updates", "60"});
  EXPECT_TRUE(content(latest_checkpoint(at("whole")) / "model.safetensors") ==
              content(latest_checkpoint(at("parts")) / "model.safetensors"));
  std::filesystem::remove(at("data.h5"));
  collect("data.h5", "7");
  expect_refusal(folder_.path(), {"train", "--resume", "parts", "--updates", "90"}, {"data.h5"});
}

TEST_F(PreferenceCommands, RewardsThatAreNotFiniteAreRefused) {
  collect("data.h5");
  expect_refusal(folder_.path(), {"dataset", "relabel", "data.h5", "nan.h5", "--reward", "ln(vx)"},
                 {"the reward is"});
}

TEST_F(PreferenceCommands, RefusesWhatDoesNotFit) {
  collect("data.h5");
  collect("other.h5", "1");
  const auto refuses = [&](const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_.path(), arguments, messages);
  };
  refuses(training("run", {"--judges", "other.h5"}), {"--judges other.h5", "other steps"});
  refuses(training("run", {"--segment", "5000"}), {"5000"});
  refuses({"train", "--env", "maze2d-umaze", "--agent", "reward-model", "--run", "run"},
          {"expected --dataset"});
  good(training("run"));
  refuses({"evaluate", "run"}, {"--reward-run"});
  refuses({"train", "--resume", "run", "--pairs", "200", "--updates", "500"},
          {"--pairs is 200, the run has 300"});
  good({"train", "--env", "maze2d-umaze-dense", "--agent", "bc", "--dataset", "data.h5",
        "--updates", "2", "--hidden-sizes", "8", "--run", "bc"});
  refuses({"dataset", "relabel", "data.h5", "x.h5", "--reward-run", "bc"},
          {"--reward-run bc", "'bc'", "reward-model"});
  good({"collect", "--env", "cheetah-run", "--policy", "random", "--steps", "200", "--max-steps",
        "100", "--out", "cheetah.h5"});
  refuses({"dataset", "relabel", "cheetah.h5", "x.h5", "--reward-run", "run"},
          {"cheetah.h5", "cheetah-run", "maze2d-umaze-dense"});
}

}  // namespace
}  // namespace reverie::test
