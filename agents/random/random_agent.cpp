#include "agents/random/random_agent.h"

#include "agents/action_box.h"
#include "nn/pch.h"

namespace reverie {
namespace {

class RandomPolicy final : public Policy {
 public:
  RandomPolicy(const EnvSpec& spec, uint64_t seed) : space_(spec.action), rng_(seed) {}

  at::Tensor act(const TensorMap& obs, ActMode /*mode*/) override {
    return uniform_actions(space_, obs.begin()->second.size(0), rng_);
  }

 private:
  ActionSpace space_;
  Rng rng_;
};

}  // namespace

std::unique_ptr<Policy> make_random_policy(const EnvSpec& spec, uint64_t seed) {
  return std::make_unique<RandomPolicy>(spec, seed);
}

AgentEntry random_entry() {
  return untrained_entry("random", "uniform actions, the floor of every comparison",
                         {.make = [](const EnvMaker& make, uint64_t seed) {
                           return make_random_policy(make()->spec(), seed);
                         }});
}

}  // namespace reverie
