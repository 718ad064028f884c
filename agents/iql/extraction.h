#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "agents/iql/iql.h"
#include "agents/off_policy/state_encoder.h"
#include "nn/ensemble_mlp.h"

namespace reverie {

// How a policy is made from IQL's values:
//
//   awr            advantage-weighted regression with a Gaussian: maximise
//                  mean min(exp(temperature (min over i of Q_i'(s, a) - V(s))), 100) log pi(a | s)
//                  (Peng et al. 2019; Kostrikov et al. 2021, equation 7)
//   awr-discrete   the same with a categorical distribution over bins of each number of an action,
//                  which can keep several modes of the data apart
//   ddpg           maximise  mean min over i of Q_i(s, mu(s))
//   ddpg-bc        maximise  mean min over i of Q_i(s, mu(s)) / mean |that| - bc_weight mean
//                  1/2 |mu(s) - a|^2: both terms are of order 1 (Fujimoto & Gu 2021; in this form
//                  Park et al. 2024, OGBench)
class Extraction {
 public:
  virtual ~Extraction() = default;

  // What a policy learns from.
  struct Values {
    at::Tensor s, a;       // [B, S], [B, A] of the data
    at::Tensor advantage;  // [B] min over i of Q_i'(s, a) - V(s), without gradient
    EnsembleMlp& critics;  // Q
  };

  // One step of the policy. Returns its metrics, "loss/actor" and others.
  virtual TensorMap update(const Values& values) = 0;

  virtual std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) = 0;
  virtual ActionDensity density() const { return {}; }  // see Agent
  virtual void state(StateList& list) = 0;
};

// encoder: of what actors see; must outlive the result.
std::unique_ptr<Extraction> make_extraction(const IqlConfig& config, const StateEncoder& encoder,
                                            int64_t action_size, Rng& rng);

}  // namespace reverie
