#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "core/config.h"
#include "core/random.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "nn/state_list.h"

namespace reverie {

// Stochastic policies of continuous actions that learn by likelihood: what behaviour cloning and
// advantage-weighted regression fit. Letters: B rows, A numbers of an action, K bins.
//
//   gaussian   N(tanh(m(s)), sigma^2), sigma learnt as one number for each number of an action
//              ("independent" of the state) or given by the network ("dependent"); log sigma is
//              clipped to [-5, 2]. The density reaches beyond the bounds of actions; draws are
//              clipped to them.
//   binned     each number of an action is one of K values, evenly from -1 to 1, by a categorical
//              distribution: it can have several modes. With `autoregressive` the distribution of
//              one number depends on those before it, else they are independent given the state.
struct PolicyHeadOptions {
  std::string deviation = "independent";
  int64_t bins = 21;
  bool autoregressive = false;

  void describe(ConfigFields& fields);
};

class PolicyHead {
 public:
  virtual ~PolicyHead() = default;

  // Of given actions a [B, A] in [-1, 1], at states s [B, S].
  struct Score {
    at::Tensor log_prob;   // [B], with gradient; of bins, the nearest ones' log probability
    at::Tensor deviation;  // [] mean standard deviation of an action's number, without gradient
  };
  virtual Score score(const at::Tensor& s, const at::Tensor& a) const = 0;

  // Whether score() has a gradient of the actions.
  virtual bool has_density() const { return false; }

  // The mean of a Gaussian; the most likely bins. [B, A] in [-1, 1], without gradient.
  virtual at::Tensor center(const at::Tensor& s) const = 0;

  // A draw for each row: [B, A] in [-1, 1], without gradient.
  virtual at::Tensor sample(const at::Tensor& s, const NoiseSource& noise) const = 0;

  // One step of Adam down the gradient of `loss`, a scalar; and of `others`, those of what makes s,
  // where null stands for a network that does not exist.
  virtual void learn(const at::Tensor& loss, std::vector<Adam*> others) = 0;

  // Weights and what learning them needs.
  virtual void state(StateList& list) = 0;
};

// What a head's network is made of.
struct PolicyHeadSizes {
  int64_t state = 0;
  int64_t action = 0;
  std::vector<int64_t> hidden = {256, 256};
  bool normalized_trunk = false;  // see MlpOptions
  double learning_rate = 3e-4;
};

std::unique_ptr<PolicyHead> gaussian_head(const PolicyHeadSizes& sizes,
                                          const PolicyHeadOptions& options, Rng& rng,
                                          at::Device device);

std::unique_ptr<PolicyHead> binned_head(const PolicyHeadSizes& sizes,
                                        const PolicyHeadOptions& options, Rng& rng,
                                        at::Device device);

// The states s of environments' observations.
using StatesOf = std::function<at::Tensor(const TensorMap& obs)>;

// Acts by draws of a head in exploration, by its center in evaluation. What it is given must
// outlive the actor.
std::unique_ptr<Actor> head_actor(const PolicyHead& head, StatesOf encode, at::Device device,
                                  const Acting& acting, uint64_t seed);

// See Agent::density(). Empty for bins, whose scores do not change with an action in between.
ActionDensity density_of(const PolicyHead& head, StatesOf encode);

}  // namespace reverie
