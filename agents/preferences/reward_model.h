#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// Segments of L steps in pairs, and which of each pair was preferred.
struct Preferences {
  TensorMap obs;          // [P, 2, L, ...]
  at::Tensor action;      // [P, 2, L, A] in [-1, 1], or [P, 2, L] int64
  at::Tensor preference;  // [P] float32: 1 if the second one was preferred, 0 if the first one
};

// An agent that learns what is preferred, and gives rewards instead of actions.
class RewardAgent : public Agent {
 public:
  // One step on these pairs. Learned has "loss/preferences" and "accuracy/training", the share of
  // the pairs whose preferred segment gets the greater sum of rewards.
  virtual Learned update(const Preferences& pairs) = 0;

  // That share in other pairs, [] float32, without gradient.
  virtual at::Tensor accuracy(const Preferences& pairs) const = 0;

  // The rewards of steps: [N] float32 on the CPU. obs: [N, ...]; action: as in Batch.
  virtual at::Tensor rewards(const TensorMap& obs, const at::Tensor& action) const = 0;
};

// A reward model from preferences over segments, by the model of Bradley & Terry (1952) and Luce:
//
//   P(second over first) = sigmoid(R(second) - R(first)),  R = sum over the segment of r(s, a)
//   minimise  the mean negative log likelihood of the preferences
//
// r is the mean of `ensemble` networks, each of which minimises its own loss. Only differences of
// sums are observed, so r is known up to a constant: where an episode can end early its rewards
// have to be shifted by hand.
//
// Source: Christiano et al. 2017, arXiv:1706.03741, section 2.2.3. Differs: no share of preferences
// that are random, and pairs are drawn once instead of by the ensemble's disagreement.
struct RewardModelConfig : AgentConfig {
  std::vector<int64_t> hidden_sizes = {256, 256};
  int64_t ensemble = 3;
  double learning_rate = 3e-4;
  double weight_decay = 1e-4;
  int64_t minibatch = 64;
  bool normalize_observation = true;

  void describe(ConfigFields& fields) override;

  // Throws Error for an environment without floating-point fields.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry reward_model_entry();

}  // namespace reverie
