#pragma once

#include <functional>

#include "agents/agent.h"
#include "core/random.h"

namespace reverie {

// An actor of a deterministic policy: a = mu(s) + noise N(0, 1), within the bounds.
class NoisyActor final : public Actor {
 public:
  // Returns mu(s) of the environments' observations: [N, A] in [-1, 1] on the CPU.
  using Policy = std::function<at::Tensor(const TensorMap& obs)>;

  // noise: standard deviation in units of half the action range; 0 acts without noise.
  NoisyActor(Policy policy, double noise, uint64_t seed);

  Decision act(const TensorMap& obs) override;
  void state(StateList& list) override;

 private:
  const Policy policy_;
  const double noise_;
  Rng rng_;
};

}  // namespace reverie
