#include "envs/mujoco_simulation.h"

#include <cmath>
#include <thread>

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

std::vector<double> state_of(const MujocoSimulation& simulation) {
  std::vector<double> state(simulation.state_size());
  simulation.get_state(state);
  return state;
}

TEST(MujocoSimulation, StateHoldsAllThatTheNextStepsDependOn) {
  const SharedModel model = ball();
  MujocoSimulation simulation(model);
  simulation.ctrl()[0] = 30.0;
  simulation.step(20);
  std::vector<double> state(simulation.state_size());
  simulation.get_state(state);

  MujocoSimulation copy(model);
  copy.qpos()[0] = 3.0;
  copy.step(3);
  copy.set_state(state);
  simulation.step(50);
  copy.step(50);
  EXPECT_EQ(state_of(copy), state_of(simulation));
  EXPECT_GT(std::abs(copy.qpos()[0]), 0.1) << "the test must move the ball";
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
  simulation.qpos()[0] = std::nan("");
  expect_failure("position");
  simulation.qvel()[0] = 1e11;
  expect_failure("velocity");
  simulation.ctrl()[0] = 1e12;
  expect_failure("CTRL");
  simulation.change_model([](mjModel& changed) { changed.actuator_gear[0] = 1e9; });
  simulation.ctrl()[0] = 1e4;
  expect_failure("acceleration");
}

// Pushes that differ from simulation to simulation and step to step.
void push(MujocoSimulation& simulation, int which, int t) {
  simulation.ctrl()[0] = 20.0 * std::sin(1.0 + which + 0.3 * t);
}

std::vector<double> alone(const SharedModel& model, int which, int steps) {
  MujocoSimulation simulation(model);
  for (int t = 0; t < steps; ++t) {
    push(simulation, which, t);
    simulation.step(2);
  }
  return state_of(simulation);
}

TEST(MujocoSimulation, SimulationsThatShareAThreadOrChangeItAreAsIfAlone) {
  const SharedModel models[] = {ball(), ball("2M")};
  std::vector<MujocoSimulation> simulations;
  for (int i = 0; i < 6; ++i) simulations.emplace_back(models[i % 2]);
  for (int t = 0; t < 30; ++t) {
    for (int i = 0; i < 6; ++i) {
      push(simulations[static_cast<size_t>(i)], i, t);
      simulations[static_cast<size_t>(i)].step(2);
      simulations[static_cast<size_t>(5 - i)].kinematics();
    }
  }
  std::thread([&] {
    for (int t = 30; t < 60; ++t) {
      for (int i = 5; i >= 0; --i) {
        push(simulations[static_cast<size_t>(i)], i, t);
        simulations[static_cast<size_t>(i)].step(2);
      }
    }
  }).join();
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(state_of(simulations[static_cast<size_t>(i)]), alone(models[i % 2], i, 60)) << i;
  }
}

TEST(MujocoSimulation, AFailureLeavesTheOthersOfTheThreadAlone) {
  const SharedModel model = ball();
  MujocoSimulation good(model);
  MujocoSimulation bad(model);
  for (int t = 0; t < 40; ++t) {
    push(good, 3, t);
    good.step(2);
    bad.reset();
    if (t % 2 == 0) {
      bad.qvel()[0] = 1e11;
    } else {
      mjData& data = bad.kinematics();
      data.pstack = data.narena - 8;
    }
    const std::vector<double> before = state_of(bad);
    EXPECT_THROW(bad.step(3), Error);
    EXPECT_EQ(state_of(bad), before);
  }
  EXPECT_EQ(state_of(good), alone(model, 3, 40));
}

TEST(MujocoSimulation, AChangedModelIsOfOneSimulationAndStartsFromTheSharedOne) {
  const SharedModel model = ball();
  MujocoSimulation changed(model);
  MujocoSimulation same(model);
  changed.change_model([](mjModel& own) { own.body_mass[1] *= 4.0; });
  const double shared_weight = model->body_invweight0[2];
  EXPECT_LT(changed.model().body_invweight0[2], 0.3 * shared_weight) << "mj_setConst was not run";
  for (int t = 0; t < 20; ++t) {
    for (MujocoSimulation* simulation : {&changed, &same}) {
      push(*simulation, 1, t);
      simulation->step(2);
    }
  }
  EXPECT_EQ(state_of(same), alone(model, 1, 20));
  EXPECT_LT(std::abs(changed.qpos()[0]), 0.7 * std::abs(same.qpos()[0]));
  changed.change_model([](mjModel&) {});
  EXPECT_EQ(changed.model().body_mass[1], model->body_mass[1]);
  changed.reset();
  for (int t = 0; t < 20; ++t) {
    push(changed, 1, t);
    changed.step(2);
  }
  EXPECT_EQ(state_of(changed), state_of(same)) << "a copy behaves as the original to the last bit";
}

TEST(MujocoSimulation, AnEngineErrorIsAnExceptionAndTheSimulationIsUsableAgain) {
  MujocoSimulation simulation(ball());
  // A control signal cannot break the engine, but an arena whose stack has no room can.
  for (int round = 0; round < 2; ++round) {
    mjData& data = simulation.kinematics();
    data.pstack = data.narena - 8;
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
