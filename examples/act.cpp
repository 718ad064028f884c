// Loading a trained run and acting with it: what a program does that ships a policy.
//
//   act RUN [EPISODES]
#include <iostream>

#include "agents/space_adapter.h"
#include "envs/env_lane.h"
#include "nn/tensor_map.h"
#include "runs/load_policy.h"

using namespace reverie;

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: act RUN [EPISODES]\n";
    return 2;
  }
  const int64_t episodes = argc > 2 ? std::atoll(argv[2]) : 3;
  try {
    const LoadedPolicy loaded = load_policy(argv[1], {});
    std::cout << argv[1] << ": " << loaded.config->agent << " on " << loaded.spec.id << ", step "
              << loaded.step << "\n";

    // One environment. The adapter converts between its units and the policy's.
    const std::unique_ptr<Env> env = loaded.make_env();
    const FieldRows obs(env->spec().observation, 1);
    SpaceAdapter adapter(env->spec(), 1);
    const std::unique_ptr<Actor> actor = loaded.make_actor(/*num_envs=*/1, /*seed=*/0);

    for (int64_t episode = 0; episode < episodes; ++episode) {
      env->reset(static_cast<uint64_t>(episode), obs.row(0));
      actor->on_episode_start(at::ones({1}, at::kBool));
      double sum = 0.0;
      for (bool ended = false; !ended;) {
        const Decision decision = actor->act(borrow_tensors(adapter.observations(obs.all())));
        const StepResult step = env->step(adapter.actions(decision.action), obs.row(0));
        sum += step.reward;
        ended = step.terminated || step.truncated;
      }
      std::cout << "episode " << episode << ": return " << sum << "\n";
    }
  } catch (const Error& error) {
    std::cerr << "act: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
