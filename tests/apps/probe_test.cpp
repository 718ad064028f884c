// `probe` and `surprise` from the command line, on a world model of a few updates.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/arrays.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

constexpr int kEpisodes = 20;
constexpr int kHeldOut = 6;
constexpr int kSteps = 60;  // of an episode
constexpr int kBlock = 5;
constexpr int kHistory = 2;

class WorldModelCommands : public testing::Test {
 protected:
  // Made once, because no test writes to them.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    succeeds(collection("maze.h5", "16x16"));
    succeeds(training("run", 4, {"--dataset", "maze.h5"}));
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Arguments collection(const std::string& out, const std::string& size) {
    return {"collect",
            "--env",
            "maze2d-umaze",
            "--policy",
            "random",
            "--steps",
            std::to_string(kEpisodes * kSteps),
            "--max-steps",
            std::to_string(kSteps),
            "--observation",
            "both",
            "--set",
            "goal_marker=hidden",
            "--image-size",
            size,
            "--format",
            "stable-worldmodel",
            "--out",
            out};
  }

  static Arguments training(const std::string& run, int64_t steps, const Arguments& more) {
    return tiny_world_model(run, steps,
                            with({"--history", std::to_string(kHistory), "--action-block",
                                  std::to_string(kBlock), "--held-out", "0.3"},
                                 more));
  }

  static Finished reverie(const Arguments& arguments) { return run(folder_->path(), arguments); }

  static void succeeds(const Arguments& arguments) {
    const Finished result = reverie(arguments);
    ASSERT_EQ(result.status, 0) << result.err;
  }

  static json report(const Arguments& arguments) {
    const Finished result = reverie(with(arguments, {"--json"}));
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  static void refuses(const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), arguments, messages);
  }

  static std::unique_ptr<TemporaryFolder> folder_;
};

std::unique_ptr<TemporaryFolder> WorldModelCommands::folder_;

TEST_F(WorldModelCommands, ProbesAreScoredOnTheEpisodesThatTheRunHeldOut) {
  const json out = report({"probe", "run", "--samples", "100"});
  EXPECT_EQ(out["step"], 8);  // 4 updates, and 4 of the decoder
  EXPECT_THAT(out["dataset"], EndsWith("/maze.h5"));
  // Frames of 5 steps: 13 in an episode, of which a sample is enough.
  EXPECT_EQ(out["training"]["frames"], 100);
  EXPECT_EQ(out["held_out"]["frames"], 25);
  const json all = report({"probe", "run", "--samples", "100000"});
  EXPECT_EQ(all["held_out"]["episodes"], kHeldOut);
  EXPECT_EQ(all["held_out"]["frames"], kHeldOut * (kSteps / kBlock + 1));
  EXPECT_EQ(all["training"]["episodes"].get<int>() + all["validation"]["episodes"].get<int>(),
            kEpisodes - kHeldOut);
  for (const char* name : {"qpos[0]", "qpos[1]", "qvel[0]", "qvel[1]", "observation[3]"}) {
    ASSERT_TRUE(all["targets"].contains(name)) << name;
    for (const char* probe : {"linear", "mlp"}) {
      EXPECT_GE(all["targets"][name][probe]["mse"].get<double>(), 0.0);
      EXPECT_LE(std::abs(all["targets"][name][probe]["r"].get<double>()), 1.0);
    }
  }
  // The environment's observation holds the same numbers.
  EXPECT_NEAR(all["targets"]["observation[0]"]["linear"]["r"].get<double>(),
              all["targets"]["qpos[0]"]["linear"]["r"].get<double>(), 1e-4);
  const double mean = (all["targets"]["qpos[0]"]["linear"]["mse"].get<double>() +
                       all["targets"]["qpos[1]"]["linear"]["mse"].get<double>()) /
                      2.0;
  EXPECT_NEAR(all["means"]["qpos"]["linear"]["mse"].get<double>(), mean, 1e-12);
  EXPECT_THAT(all["left_out"].dump(), HasSubstr("goal[0]: constant"));
  EXPECT_EQ(all["latents"]["size"], 8);
  EXPECT_GE(all["latents"]["effective_rank"].get<double>(), 1.0);  // hardly trained
  EXPECT_LE(std::abs(all["latents"]["straightness"].get<double>()), 1.0);
  EXPECT_EQ(report({"probe", "run", "--samples", "100"}), out) << "the same seed";
}

TEST_F(WorldModelCommands, ProbePrintsATableAndDraws) {
  const Finished result = reverie({"probe", "run", "--samples", "60", "--plot", "probe.png"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* text : {"qpos[0]", "qvel, mean", "effective rank", "left out: goal[1]"}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
  EXPECT_EQ(content(*folder_ / "probe.png").substr(1, 3), "PNG");
}

TEST_F(WorldModelCommands, OnlyTheEventIsASurpriseAndPicturesAreTheRecordedOnes) {
  const json out = report({"surprise", "run", "--episodes", "6", "--plot", "surprise.png"});
  EXPECT_EQ(out["episodes"], kHeldOut);
  EXPECT_EQ(out["redrawn_difference"], 0.0);
  EXPECT_EQ(out["color"].get<std::string>().substr(0, 12), "body_color=#");
  const int half = kSteps / (2 * kBlock);
  const json& steps = out["model_steps"];
  EXPECT_EQ(steps.size(), static_cast<size_t>(2 * half + 1 - kHistory));
  EXPECT_EQ(steps.front(), kHistory - half);
  EXPECT_EQ(steps.back(), half);
  const auto& curves = out["curves"];
  for (const char* event : {"teleport", "color"}) {
    for (size_t t = 0; t < steps.size(); ++t) {
      const double calm = curves["reference"][t], seen = curves[event][t];
      if (steps[t].get<int>() < 0) {
        EXPECT_EQ(seen, calm) << event << " " << t;
      }
      if (steps[t].get<int>() == 0) {
        EXPECT_NE(seen, calm) << event;
        EXPECT_EQ(out["event"][event]["surprise"], seen);
        EXPECT_NEAR(out["event"][event]["difference"].get<double>(), seen - calm, 1e-9);
      }
    }
    const double p = out["event"][event]["p"];
    EXPECT_TRUE(p >= 0.0 && p <= 1.0) << p;
  }
  EXPECT_EQ(content(*folder_ / "surprise.png").substr(1, 3), "PNG");
  const Finished table =
      reverie({"surprise", "run", "--episodes", "3", "--color", "floor_color=#000000"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("3 held-out episodes"));
  EXPECT_THAT(table.out, HasSubstr("floor_color=#000000"));
}

TEST_F(WorldModelCommands, AColourThatStaysIsNoSurprise) {
  const json out = report({"surprise", "run", "--color", "goal_color=#102030"});
  EXPECT_EQ(out["curves"]["color"], out["curves"]["reference"]) << "the goal is hidden";
  EXPECT_EQ(out["event"]["color"]["p"], 1.0);
  EXPECT_EQ(out["event"]["color"]["t"], 0.0);
}

TEST_F(WorldModelCommands, RefuseWhatTheyCannotLookAt) {
  succeeds(tiny_training("ddpg", 40));
  succeeds(training("live", 90,
                    {"--num-envs", "2", "--learning-starts", "80", "--set", "goal_marker=hidden"}));
  succeeds(collection("large.h5", "24x24"));
  refuses({"probe", "nowhere"}, {"nowhere"});
  refuses({"probe", "ddpg"}, {"ddpg", "no world model"});
  refuses({"surprise", "ddpg"}, {"ddpg", "no world model"});
  refuses({"probe", "live"}, {"live", "gathered its own experience", "--dataset"});
  refuses({"probe", "run", "--dataset", "none.h5"}, {"none.h5"});
  refuses({"probe", "run", "--dataset", "large.h5"}, {"large.h5", "24, 24, 3", "16, 16, 3"});
  refuses({"probe", "run", "--plot", "out.jpg"}, {"--plot", "out.jpg", ".png"});
  EXPECT_EQ(reverie({"probe", "live", "--dataset", "maze.h5", "--samples", "60"}).status, 0);
  refuses({"probe", "run", "--samples", "0"}, {"--samples"});
  refuses({"surprise", "run", "--color", "floor_colour=#000000"}, {"floor_color"});
  refuses({"surprise", "run", "--color", "red"}, {"--color", "NAME=VALUE"});
  refuses({"surprise", "run", "--color", "mass_scale=2"}, {"mass_scale", "simulation"});
}

TEST_F(WorldModelCommands, RefuseDatasetsWithoutState) {
  fs::copy_file(*folder_ / "maze.h5", *folder_ / "bare.h5");
  const hid_t file = H5Fopen((*folder_ / "bare.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  for (const char* name : {"qpos", "qvel", "goal", "observation"}) {
    ASSERT_GE(H5Ldelete(file, name, H5P_DEFAULT), 0) << name;
  }
  H5Adelete(file, "info");
  H5Fclose(file);
  refuses({"probe", "run", "--dataset", "bare.h5"}, {"bare.h5", "no state", "qpos"});
  refuses({"surprise", "run", "--dataset", "bare.h5"}, {"bare.h5", "no states", "qpos"});
}

}  // namespace
}  // namespace reverie::test
