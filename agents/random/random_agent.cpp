#include "agents/random/random_agent.h"

#include "agents/action_box.h"
#include "agents/pch.h"

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

struct RandomConfig final : AgentConfig {
  void describe(ConfigFields& /*fields*/) override {}
  std::unique_ptr<Agent> make(const EnvSpec& /*spec*/, at::Device /*device*/,
                              uint64_t /*seed*/) const override {
    fail_input("agent 'random' has nothing to learn; `reverie evaluate` shows it beside every run");
  }
};

}  // namespace

std::unique_ptr<Policy> make_random_policy(const EnvSpec& spec, uint64_t seed) {
  return std::make_unique<RandomPolicy>(spec, seed);
}

AgentEntry random_entry() {
  return {.name = "random",
          .summary = "uniform actions, the floor of every comparison",
          .learns = false,
          .config = [] { return std::make_unique<RandomConfig>(); }};
}

}  // namespace reverie
