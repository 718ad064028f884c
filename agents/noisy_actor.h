#pragma once

#include <functional>

#include "agents/agent.h"
#include "core/random.h"

namespace reverie {

// Noise on actions that may last: an autoregressive process for each number of an action,
//
//   x_0 = e_0,   x_t = c x_{t-1} + sqrt(1 - c^2) e_t,   e_t ~ N(0, 1),
//
// whose deviation is that of e at every step. It begins anew with each episode. c = 0 is white
// noise; otherwise it is an Ornstein-Uhlenbeck process that is read at equal intervals (Lillicrap
// et al. 2016, section 7), with 1 / (1 - c) steps as the time that a deviation lasts.
struct ExplorationNoise {
  double deviation = 0.0;    // in units of half the action range; 0 acts without noise
  double correlation = 0.0;  // c, in [0, 1)
};

// An actor of a deterministic policy: a = mu(s) + deviation x, within the bounds.
class NoisyActor final : public Actor {
 public:
  // Returns mu(s) of the environments' observations: [N, A] in [-1, 1] on the CPU.
  using Policy = std::function<at::Tensor(const TensorMap& obs)>;

  NoisyActor(Policy policy, int64_t num_envs, const ExplorationNoise& noise, uint64_t seed);

  Decision act(const TensorMap& obs) override;
  void on_episode_start(const at::Tensor& env_mask) override;
  void state(StateList& list) override;

 private:
  at::Tensor draw(const at::Tensor& like);

  const Policy policy_;
  const ExplorationNoise noise_;
  at::Tensor last_;      // x_{t-1}: [N, A], if correlated; undefined before the first act()
  at::Tensor starting_;  // [N] bool: the next x is an x_0
  Rng rng_;
};

}  // namespace reverie
