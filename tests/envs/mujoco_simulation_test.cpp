#include "envs/mujoco_simulation.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reverie {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A ball that a motor pushes on a floor with friction. arena: MuJoCo's <size memory>.
SharedModel ball(const std::string& arena = "1M") {
  return compile_model(R"(<mujoco><size memory=")" + arena + R"("/>
    <option timestep="0.01"/>
    <worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body pos="0 0 0.1"><freejoint/><geom type="sphere" size="0.1"/><site name="s"/></body>
    </worldbody>
    <actuator><general site="s" gear="1 0.5 0 0 0 0"/></actuator></mujoco>)",
                       "ball.xml");
}

TEST(MujocoSimulation, StateHoldsAllThatTheNextStepsDependOn) {
  const SharedModel model = ball();
  MujocoSimulation simulation(model);
  simulation.data().ctrl[0] = 30.0;
  simulation.data().xfrc_applied[6] = 3.0;
  simulation.step(20);
  std::vector<double> state(simulation.state_size());
  simulation.get_state(state);

  MujocoSimulation copy(model);
  copy.data().qpos[0] = 3.0;
  copy.step(3);
  copy.set_state(state);
  for (int i = 0; i < model->nv; ++i) {
    EXPECT_EQ(copy.data().qacc_warmstart[i], simulation.data().qacc_warmstart[i]);
  }
  simulation.step(50);
  copy.step(50);
  for (int i = 0; i < model->nq; ++i) {
    EXPECT_EQ(copy.data().qpos[i], simulation.data().qpos[i]) << "qpos[" << i << "]";
  }
  EXPECT_GT(std::abs(copy.data().qpos[0]), 0.1) << "the test must move the ball";
}

TEST(MujocoSimulation, StateOfAnotherLengthOrNotFiniteIsRefused) {
  MujocoSimulation simulation(ball());
  std::vector<double> state(simulation.state_size());
  simulation.get_state(state);
  state[3] = std::nan("");
  EXPECT_THROW(simulation.set_state(state), Error);
  EXPECT_THROW(simulation.set_state(std::span(state).first(4)), Error);
  EXPECT_THROW(simulation.get_state(std::span(state).first(4)), Error);
}

TEST(MujocoSimulation, DivergenceNamesWhatIsNoLongerFinite) {
  MujocoSimulation simulation(ball());
  const auto expect_failure = [&](const char* word) {
    try {
      simulation.step();
      ADD_FAILURE() << word;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kRun);
      EXPECT_THAT(error.what(), HasSubstr(word));
    }
    simulation.reset();
    EXPECT_NO_THROW(simulation.step());
  };
  simulation.data().qpos[0] = std::nan("");
  expect_failure("position");
  simulation.data().qvel[0] = 1e11;
  expect_failure("velocity");
  simulation.data().xfrc_applied[6] = 1e300;
  expect_failure("acceleration");
}

TEST(MujocoSimulation, AnEngineErrorIsAnExceptionAndTheSimulationIsUsableAgain) {
  MujocoSimulation simulation(ball());
  // A control signal cannot break the engine, a broken arena can: its stack has no room.
  const size_t arena = simulation.data().narena;
  for (int round = 0; round < 2; ++round) {
    simulation.data().pstack = arena - 8;
    try {
      simulation.step();
      FAIL() << "the engine did not fail";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kRun);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("MuJoCo"), HasSubstr("stack")));
    }
    EXPECT_NO_THROW(simulation.step(5));
  }
}

TEST(MujocoSimulation, AModelThatDoesNotCompileSaysWhy) {
  for (const auto& [text, word] :
       {std::pair{"<mujoco><nonsense/></mujoco>", "nonsense"}, std::pair{"", ""},
        std::pair{"<mujoco><worldbody><body><joint/></body></worldbody>"
                  "</mujoco>",
                  "mass"}}) {
    try {
      compile_model(text, "broken.xml");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("broken.xml"), HasSubstr(word)));
    }
  }
}

}  // namespace
}  // namespace reverie
