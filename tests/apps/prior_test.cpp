// Fine-tuning near the policy of another run, through the program.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"

namespace reverie::test {
namespace {

class PriorCommands : public ProgramTest {
 protected:
  // A policy that clones data of the waypoint controller.
  void clone(const std::string& run, const std::string& updates = "1500",
             const Arguments& more = {}) const {
    if (!std::filesystem::exists(at("data.h5"))) {
      good({"collect", "--env", "maze2d-umaze-dense", "--policy", "waypoint", "--steps", "3000",
            "--out", "data.h5"});
    }
    good(with({"train", "--env", "maze2d-umaze-dense", "--agent", "bc", "--dataset", "data.h5",
               "--updates", updates, "--hidden-sizes", "32", "--evaluate-every", "0", "--run", run},
              more));
  }

  // prior: "" for none.
  static Arguments tuning(const std::string& run, const std::string& steps,
                          const std::string& prior = "bc",
                          const std::string& learning_starts = "400") {
    return {"train",
            "--env",
            "maze2d-umaze-dense",
            "--agent",
            "sac",
            "--prior",
            prior,
            "--steps",
            steps,
            "--learning-starts",
            learning_starts,
            "--updates-per-step",
            "0.25",
            "--hidden-sizes",
            "16",
            "--minibatch",
            "32",
            "--threads",
            "1",
            "--evaluate-every",
            "0",
            "--log-every",
            "400",
            "--run",
            run};
  }
};

TEST_F(PriorCommands, ARunKeepsItsPrior) {
  clone("bc");
  good(tuning("whole", "1200"));
  good(tuning("parts", "800"));
  std::filesystem::remove_all(at("bc"));
  std::filesystem::rename(at("parts"), at("moved"));
  good({"train", "--resume", "moved", "--steps", "1200"});
  EXPECT_TRUE(content(latest_checkpoint(at("whole")) / "model.safetensors") ==
              content(latest_checkpoint(at("moved")) / "model.safetensors"));
  good({"evaluate", "moved", "--episodes", "1"});
  good({"evaluate", "moved/prior", "--episodes", "1"});
  EXPECT_THAT(content(at("moved/metrics.csv")), testing::HasSubstr("policy/divergence"));
}

// Steps of a cloned controller find the goal's neighbourhood, random ones do not.
TEST_F(PriorCommands, TheFirstStepsAreThePriors) {
  clone("bc");
  good(tuning("near", "3200", "bc", "3200"));
  good(tuning("alone", "3200", "", "3200"));
  EXPECT_GT(logged("near", "env/return"), 1.5 * logged("alone", "env/return"));
}

TEST_F(PriorCommands, RefusesWhatIsNoPrior) {
  clone("bc");
  const auto refuses = [&](const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_.path(), arguments, messages);
  };
  refuses(tuning("run", "800", "missing"), {"--prior missing"});
  clone("bins", "2", {"--policy", "binned"});
  refuses(tuning("run", "800", "bins"), {"--prior bins", "'bc'", "no density"});
  good({"collect", "--env", "pointmaze-umaze", "--policy", "random", "--steps", "400", "--out",
        "point.h5"});
  good({"train", "--env", "pointmaze-umaze", "--agent", "bc", "--dataset", "point.h5", "--updates",
        "2", "--hidden-sizes", "8", "--evaluate-every", "0", "--run", "point"});
  refuses(tuning("run", "800", "point"), {"--prior point", "desired_goal", "pointmaze-umaze"});
  good(tuning("run", "800"));
  clone("other", "2", {"--seed", "9"});
  refuses({"train", "--resume", "run", "--prior", "other", "--steps", "1200"},
          {"--prior is \"other\"", "cannot change"});
}

}  // namespace
}  // namespace reverie::test
