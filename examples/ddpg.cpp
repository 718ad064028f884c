// DDPG from scratch, in one sitting (Lillicrap et al. 2016, algorithm 1).
//
//   ddpg [STEPS]    learns maze2d-umaze-dense and says what it reaches
//
// agents/ddpg/ddpg.cpp is the same algorithm as an agent of the registry;
// tests/agents/ddpg_example_test.cpp holds the two to the same first updates.
#include <iostream>

#include "agents/random/random_agent.h"
#include "agents/space_adapter.h"
#include "envs/registry.h"
#include "envs/threaded_vector_env.h"
#include "examples/ddpg_update.h"
#include "nn/device.h"
#include "replay/replay_buffer.h"

using namespace reverie;

int main(int argc, char** argv) {
  const int64_t steps = argc > 1 ? std::atoll(argv[1]) : 20000;
  constexpr int64_t kEnvs = 16, kWarmUp = 1000;

  // Environments that step together. The adapter shows them as learners see them: observations in
  // float32, actions in [-1, 1].
  const std::unique_ptr<EnvConfig> config = find_env("maze2d-umaze-dense").config();
  ThreadedVectorEnv env(config->maker(), kEnvs, 2);
  SpaceAdapter adapter(env.spec(), kEnvs);
  const Field action = action_field(adapter.spec().action);

  ReplayBuffer replay(adapter.spec(), 100000, kEnvs, open_device("cpu"));
  Rng sampling(1), noise(2);
  example::Ddpg ddpg({.observation = 4, .action = 2}, /*seed=*/3);
  const std::unique_ptr<Actor> random = make_random_actor(adapter.spec(), 4);

  env.reset(5);
  replay.start(adapter.observations(env.observations()));
  double sum = 0.0;
  int64_t episodes = 0;
  for (int64_t step = 0; step < steps; step += kEnvs) {
    // Explore: mu(s) and Gaussian noise; uniform actions at first.
    const TensorMap obs = borrow_tensors(adapter.observations(env.observations()));
    const at::Tensor actions =
        step < kWarmUp ? random->act(obs).action : ddpg.explore(obs.at("observation"), 0.3, noise);

    // Step all environments and store the results.
    const VectorStep result = env.step(adapter.actions(actions));
    replay.add(view_of(action, actions), adapter.step(result));
    for (const Episode& episode : result.finished) {
      sum += episode.episode_return;
      ++episodes;
    }

    // Learn: one update for every four steps.
    if (step < kWarmUp) continue;
    for (int64_t i = 0; i < kEnvs / 4; ++i) {
      ddpg.update(replay.sample(256, {.n_step = 5, .gamma = 0.99}, sampling));
    }
    if (step % 4000 < kEnvs && episodes > 0) {
      std::cout << "step " << step << ": return " << sum / static_cast<double>(episodes) << "\n";
      sum = 0.0;
      episodes = 0;
    }
  }
  std::cout << "done: " << steps << " steps\n";
  return 0;
}
