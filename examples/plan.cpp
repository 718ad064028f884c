// Planning by trying actions in the simulator itself: model predictive control of a point maze.
//
//   plan [STEPS]    drives the ball to its goal and prints how near it comes
#include <cmath>
#include <iostream>

#include "agents/planning/simulator_dynamics.h"
#include "core/action_scale.h"
#include "envs/env_lane.h"
#include "envs/registry.h"
#include "nn/tensor_map.h"
#include "worldmodel/planning/planner.h"

using namespace reverie;

int main(int argc, char** argv) {
  const int64_t steps = argc > 1 ? std::atoll(argv[1]) : 200;
  const std::unique_ptr<EnvConfig> config = find_env("pointmaze-open").config();
  const EnvMaker make = config->maker();

  // The real environment, and copies of it in which plans are tried.
  const std::unique_ptr<Env> env = make();
  SimulatorDynamics simulator(make, /*threads=*/2, /*parts=*/{"qpos"});
  const FieldRows obs(env->spec().observation, 1);
  env->reset(/*seed=*/1, obs.row(0));
  std::vector<double> goal(2);
  env->physics()->get("desired_goal", goal);

  // A plan costs the squared distance to the goal after each of its steps. The simulator's states
  // hold the part "qpos" as h.
  const at::Tensor target = copy_to_tensor<double>(goal);
  const PlanningCost cost{.parts = {{.step = [&](const CandidateStep& step) {
                            return (step.next.h - target).square().sum(-1).to(at::kFloat);
                          }}}};

  PlannerOptions options;
  options.planner = "icem";
  options.samples = 64;
  options.iterations = 4;
  options.elites = 8;
  const std::unique_ptr<Planner> planner = make_planner(options);
  const at::Tensor bound = at::ones({2});
  Rng rng(2);

  const ActionScale scale(env->spec().action);
  const Field unit = action_field(scale.unit_space()), own = action_field(env->spec().action);
  std::vector<std::byte> action(own.bytes());
  at::Tensor guess;  // what is left of the plan before
  for (int64_t t = 0; t < steps; ++t) {
    const std::vector<double> state = env->state();
    const LatentState start = simulator.start(copy_to_tensor<double>(state).unsqueeze(0));
    const Plan plan = planner->plan({.dynamics = simulator,
                                     .start = start,
                                     .cost = cost,
                                     .limits = {.low = -bound, .high = bound},
                                     .horizon = 12,
                                     .guess = guess},
                                    rng);
    // The first action is taken. The next search starts from the rest of the plan.
    guess = plan.actions.narrow(1, 1, plan.actions.size(1) - 1);
    const at::Tensor first = plan.actions.select(1, 0).contiguous();
    scale.to_environment(view_of(unit, first), {&own, action.data(), 1});
    env->step({&own, action.data(), 1}, obs.row(0));
    if (t % 20 == 0 || t + 1 == steps) {
      std::vector<double> position(2);
      env->physics()->get("qpos", position);
      std::cout << "step " << t << ": " << std::hypot(position[0] - goal[0], position[1] - goal[1])
                << " m to the goal\n";
    }
  }
  return 0;
}
