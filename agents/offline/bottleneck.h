#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/off_policy/state_encoder.h"
#include "core/config.h"
#include "core/random.h"
#include "nn/adam.h"
#include "nn/gaussian_code.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"

namespace reverie {

class StateList;

struct BottleneckOptions {
  double beta = 0.0;  // price of a nat that the policy reads; 0 = no bottleneck
  int64_t size = 32;  // D, numbers of the code

  // Flags --bottleneck, --bottleneck-size.
  void describe(ConfigFields& fields);

  bool is_used() const { return beta > 0.0; }
};

// A variational information bottleneck between states and a policy (Alemi et al. 2017,
// arXiv:1612.00410; in policies Goyal et al. 2019, arXiv:1901.10902): the policy reads a stochastic
// code z of the state, and pays beta for each nat that the code tells of it,
//
//   minimise  loss(z) + beta mean KL(q(z|s) || N(0, I)),   z ~ q(z|s)
//
// so that it reads only what its actions depend on. Where it acts, z is the code's mean.
class Bottleneck {
 public:
  // hidden: widths of the perceptron that makes mean and log variance of the state, for pictures
  // behind a trunk. seed: of the draws.
  Bottleneck(const BottleneckOptions& options, const StateEncoder& encoder,
             const std::vector<int64_t>& hidden, double learning_rate, Rng& rng, uint64_t seed);

  int64_t size() const { return options_.size; }

  // For learning: a draw for each state [B, S], with gradient, what it costs, and how much the
  // codes tell on average [nats].
  struct Narrowed {
    at::Tensor z;            // [B, D]
    at::Tensor penalty;      // [] with gradient
    at::Tensor information;  // [] without
  };
  Narrowed learn(const at::Tensor& s);

  // For acting: the codes' means, [B, D].
  at::Tensor mean(const at::Tensor& s) const { return code(s).mean; }

  Adam* optimizer() { return &optimizer_; }

  void state(StateList& list);

 private:
  GaussianCode code(const at::Tensor& s) const;

  const BottleneckOptions options_;
  Mlp mlp_;
  Adam optimizer_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
};

}  // namespace reverie
