#include "agents/random/random_agent.h"

#include "agents/space_adapter.h"
#include "nn/pch.h"

namespace reverie {
namespace {

class RandomActor final : public Actor {
 public:
  RandomActor(const EnvSpec& spec, uint64_t seed) : space_(spec.action), rng_(seed) {}

  Decision act(const TensorMap& obs) override {
    const int64_t rows = obs.begin()->second.size(0);
    if (const auto* discrete = std::get_if<DiscreteSpace>(&space_)) {
      at::Tensor actions = at::empty({rows}, at::kLong);
      auto* data = actions.mutable_data_ptr<int64_t>();
      for (int64_t i = 0; i < rows; ++i) data[i] = rng_.integers(0, discrete->n);
      return {actions};
    }
    std::vector<int64_t> shape = std::get<Field>(space_).shape;
    shape.insert(shape.begin(), rows);
    at::Tensor actions = at::empty(shape, at::kFloat);
    auto* data = actions.mutable_data_ptr<float>();
    for (int64_t i = 0; i < actions.numel(); ++i) {
      data[i] = static_cast<float>(rng_.uniform(-1.0, 1.0));
    }
    return {actions};
  }

  void state(StateList& list) override { list.add("rng", rng_); }

 private:
  ActionSpace space_;
  Rng rng_;
};

}  // namespace

std::unique_ptr<Actor> make_random_actor(const EnvSpec& spec, uint64_t seed) {
  return std::make_unique<RandomActor>(spec, seed);
}

ActorMaker random_actors(const EnvSpec& env) {
  return [spec = SpaceAdapter::adapt(env)](int64_t /*num_envs*/, uint64_t seed) {
    return make_random_actor(spec, seed);
  };
}

AgentEntry random_entry() {
  return untrained_entry(
      "random", "uniformly random actions, the lower reference",
      {.make = [](const EnvMaker& make) { return random_actors(make()->spec()); }});
}

}  // namespace reverie
