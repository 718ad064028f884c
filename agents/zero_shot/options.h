#pragma once

#include <cstdint>
#include <vector>

#include "core/config.h"

namespace reverie {

// Hyper-parameters of every agent that learns a policy for each task z (zero_shot_agent.h).
struct ZeroShotOptions {
  int64_t task_size = 50;  // d
  int64_t hidden_size = 256;
  double learning_rate = 1e-4;
  double actor_learning_rate = 1e-4;
  double gamma = 0.98;
  int64_t minibatch = 256;
  double tau = 0.01;
  double goal_share = 0.5;
  double noise = 0.2;
  double noise_clip = 0.3;
  std::vector<int64_t> goal_numbers = {};
  bool normalize_observation = false;

  void describe(ConfigFields& fields);
};

}  // namespace reverie
