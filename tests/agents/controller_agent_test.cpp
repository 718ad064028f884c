#include "agents/controller/controller_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/run_config.h"
#include "agents/space_adapter.h"
#include "envs/registry.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

using Options = std::vector<std::pair<std::string, std::string>>;

EnvMaker maker(const std::string& id, const Options& options = {}) {
  const std::unique_ptr<EnvConfig> config = find_env(id).config();
  ConfigFields fields;
  config->describe(fields);
  for (const auto& [name, value] : options) fields.set(name, value);
  return config->maker();
}

double last_metric(const Episode& episode, const std::string& name) {
  for (const auto& [key, value] : episode.metrics) {
    if (key == name) return value;
  }
  return std::nan("");
}

struct Maze {
  std::string id;
  Options options = {};
};

class WaypointPolicy : public testing::TestWithParam<Maze> {};

// Episodes of three rows one after the other, so that memory of the previous one would mislead.
TEST_P(WaypointPolicy, ReachesTheGoalOfEveryEpisode) {
  constexpr int64_t kRows = 3, kEpisodes = 15;
  const EnvMaker make = maker(GetParam().id, GetParam().options);
  const std::unique_ptr<Actor> policy = controller_actors("waypoint", make)(kRows, 1);
  ThreadedVectorEnv env(make, kRows, 1);
  SpaceAdapter adapter(env.spec(), kRows);
  env.reset(5);
  policy->on_episode_start(at::ones({kRows}, at::kBool));
  for (int64_t ended = 0; ended < kEpisodes;) {
    const FieldViews obs = adapter.observations(env.observations());
    env.step(adapter.actions(policy->act(borrow_tensors(obs)).action));
    at::Tensor started = at::zeros({kRows}, at::kBool);
    for (const Episode& episode : env.finished()) {
      EXPECT_EQ(last_metric(episode, "success"), 1.0) << episode.env << ", " << episode.index;
      started[episode.env] = true;
      ++ended;
    }
    policy->on_episode_start(started);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mazes, WaypointPolicy,
    testing::Values(Maze{"maze2d-umaze"}, Maze{"maze2d-medium"}, Maze{"maze2d-large"},
                    Maze{"pointmaze-umaze"}, Maze{"pointmaze-large"},
                    Maze{"pointmaze-umaze", {{"continuing_task", "false"}}},
                    Maze{"maze2d-medium", {{"reset_target", "true"}, {"goal_observation", "true"}}},
                    Maze{"maze2d-umaze", {{"set", "goal=3/1"}}},
                    Maze{"maze2d-umaze", {{"vary", "goal"}, {"goal_observation", "true"}}}),
    [](const auto& param) { return "Maze" + std::to_string(param.index); });

TEST(WaypointPolicyRefuses, GoalsThatItCannotSee) {
  for (const Options& options : {Options{{"reset_target", "true"}}, Options{{"vary", "goal"}}}) {
    EXPECT_THAT(input_error([&] { controller_actors("waypoint", maker("maze2d-umaze", options)); }),
                AllOf(HasSubstr("maze2d-umaze"), HasSubstr("--goal-observation true")));
  }
}

TEST(ControllerPolicy, NamesTheEnvironmentsThatHaveOne) {
  EXPECT_THAT(
      input_error([] { controller_actors("waypoint", maker("cheetah-run")); }),
      AllOf(HasSubstr("cheetah-run has no waypoint controller"), HasSubstr("pointmaze-open")));
  EXPECT_THAT(input_error([] { controller_actors("scripted", maker("maze2d-open")); }),
              HasSubstr("car-racing-discrete"));
}

TEST(ControllerPolicy, SaysWhatItReads) {
  EXPECT_THAT(input_error([] {
                controller_actors("scripted", maker("car-racing", {{"observation", "pixels"}}));
              }),
              AllOf(HasSubstr("car-racing"), HasSubstr("--observation state")));
  EXPECT_THAT(input_error([] {
                controller_actors("waypoint", maker("maze2d-umaze", {{"frame_stack", "3"}}));
              }),
              AllOf(HasSubstr("12"), HasSubstr("--frame-stack")));
}

}  // namespace
}  // namespace reverie
