// `reverie study`: pictures and numbers that explain trained policies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"

namespace reverie::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Ge;
using testing::Gt;
using testing::Lt;

class Study : public ProgramTest {
 protected:
  json answer(const Arguments& arguments) const {
    return json::parse(good(with(arguments, {"--json"})).out);
  }

  void collect(const std::string& out, const Arguments& more = {}) const {
    good(with(
        {"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "900", "--out", out},
        more));
  }

  void learn(const std::string& run, const Arguments& more) const {
    good(with({"train", "--env", "maze2d-umaze", "--dataset", "data.h5", "--updates", "10",
               "--evaluate-every", "0", "--preset", "none", "--run", run},
              more));
  }
};

// A policy whose own actions are the data's.
TEST_F(Study, ExtractionFindsNoDistanceBetweenAPolicyAndItsOwnData) {
  good(tiny_training("run", 200));
  good({"collect", "--policy", "run", "--steps", "600", "--out", "own.h5"});
  const json own = answer({"study", "extraction", "run", "--dataset", "own.h5", "--states", "200"});
  ASSERT_EQ(own.at("policies").size(), 1U);
  const json& policy = own.at("policies")[0];
  EXPECT_LT(policy.at("distance_to_data").at("mean").get<double>(), 1e-5);
  EXPECT_NEAR(policy.at("action_norm").at("mean").get<double>(),
              own.at("data_action_norm").get<double>(), 1e-5);
  EXPECT_EQ(own.at("states"), 200);
}

TEST_F(Study, ExtractionComparesWaysToMakeAPolicyOverTheirSeeds) {
  collect("data.h5");
  learn("awr", {"--agent", "iql", "--hidden-sizes", "8", "--seeds", "2"});
  learn("ddpg", {"--agent", "iql", "--hidden-sizes", "8", "--extraction", "ddpg"});
  const json study = answer({"study", "extraction", "awr", "ddpg", "--out", "study.png"});
  // The mean length of uniform actions in a square of side 2 is 0.765.
  EXPECT_NEAR(study.at("data_action_norm").get<double>(), 0.765, 0.04);
  ASSERT_EQ(study.at("policies").size(), 2U);
  EXPECT_EQ(study.at("policies")[0].at("runs"), 2);
  EXPECT_EQ(study.at("policies")[1].at("runs"), 1);
  // Untrained networks answer about 0, so what is left is the data's own length.
  EXPECT_NEAR(study.at("policies")[0].at("distance_to_data").at("mean").get<double>(), 0.77, 0.1);
  const json& last = study.at("policies")[0].at("last");
  EXPECT_NEAR(last.at("policy/deviation").at("mean").get<double>(), 1.0, 0.05);
  EXPECT_FALSE(study.at("policies")[1].at("last").contains("policy/deviation"));
  EXPECT_THAT(content(at("study.png")).substr(1, 3), "PNG");
}

TEST_F(Study, ExtractionRefusesWhatItCannotCompare) {
  good(tiny_training("online", 200));
  expect_refusal(folder_.path(), {"study", "extraction", "online"}, {"online", "--dataset F"});
  expect_refusal(folder_.path(), {"study", "extraction", "nowhere"}, {"nowhere"});
  expect_refusal(folder_.path(), {"study", "extractions"}, {"did you mean 'extraction'"});
  collect("data.h5");
  learn("bc", {"--agent", "bc", "--hidden-sizes", "8"});
  expect_refusal(folder_.path(), {"study", "extraction", "bc", "--out", "a.jpg"},
                 {"a.jpg", ".png"});
}

TEST_F(Study, OccupancyPredictsForAgentsThatLearntIt) {
  collect("data.h5", {"--goal-observation", "true"});
  learn("fb",
        {"--agent", "fb", "--hidden-size", "16", "--task-size", "4", "--goal-numbers", "0,1"});
  const json fb = answer(
      {"study", "occupancy", "fb", "--episodes", "2", "--max-steps", "30", "--out", "fb.png"});
  EXPECT_EQ(fb.at("gamma"), 0.98);
  ASSERT_EQ(fb.at("episodes").size(), 2U);
  EXPECT_EQ(fb.at("episodes")[0].at("length"), 30);
  EXPECT_THAT(fb.at("episodes")[0].at("overlap").get<double>(), AllOf(Gt(0.0), Lt(1.0)));
  EXPECT_THAT(content(at("fb.png")).substr(1, 3), "PNG");
  // A model that draws states predicts too, whatever else it sees.
  std::filesystem::remove(at("data.h5"));
  collect("data.h5", {"--observation", "both", "--image-size", "16x16"});
  learn("future", {"--agent", "gamma-model", "--hidden-sizes", "8", "--observation", "both",
                   "--image-size", "16x16"});
  const json future =
      answer({"study", "occupancy", "future", "--episodes", "1", "--max-steps", "30"});
  EXPECT_THAT(future.at("episodes")[0].at("overlap").get<double>(), AllOf(Ge(0.0), Lt(1.0)));
  expect_refusal(folder_.path(), {"study", "occupancy", "future", "--dataset", "data.h5"},
                 {"--dataset", "gamma-model"});
  std::filesystem::remove(at("data.h5"));
  collect("data.h5");
  learn("iql", {"--agent", "iql", "--hidden-sizes", "8"});
  const json iql = answer({"study", "occupancy", "iql", "--episodes", "1", "--max-steps", "30"});
  EXPECT_TRUE(iql.at("episodes")[0].at("overlap").is_null());
}

TEST_F(Study, OccupancyRefusesWhatHasNoMapOrNoValues) {
  good({"collect", "--env", "cheetah-run", "--policy", "random", "--steps", "300", "--max-steps",
        "100", "--out", "cheetah.h5"});
  good({"train", "--env", "cheetah-run", "--agent", "iql", "--dataset", "cheetah.h5", "--updates",
        "2", "--hidden-sizes", "8", "--evaluate-every", "0", "--run", "cheetah"});
  expect_refusal(folder_.path(), {"study", "occupancy", "cheetah"}, {"cheetah-run", "no maze"});
  collect("data.h5");
  learn("bc", {"--agent", "bc", "--hidden-sizes", "8"});
  expect_refusal(folder_.path(), {"study", "occupancy", "bc"},
                 {"values of 'bc'", "fb, hilp, td-jepa, gamma-model, iql"});
}

}  // namespace
}  // namespace reverie::test
