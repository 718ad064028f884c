#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/TensorBody.h>

#include "agents/dqn/dqn.h"
#include "nn/mlp.h"

namespace reverie {

// Q(s, a) of all A actions, with K numbers each: one value, the logits of K atoms, or K quantiles.
// A copy has its own weights.
class QNetwork {
 public:
  QNetwork(const EnvSpec& spec, const DqnConfig& config, int64_t actions, int64_t numbers, Rng& rng,
           at::Device device);

  at::Tensor operator()(const TensorMap& obs) const;  // [B, A, K]

  ObservationEncoder& encoder() { return encoder_; }
  at::Device device() const { return encoder_.device(); }

  // The blocks of its weights.
  std::vector<Parameters*> parameters();

  void state(StateList& list);

 private:
  int64_t actions_, numbers_;
  ObservationEncoder encoder_;
  Mlp advantage_;
  std::optional<Mlp> value_;  // if dueling
};

}  // namespace reverie
