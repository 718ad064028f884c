#pragma once

// The networks and the update of DDPG, for ddpg.cpp.
#include <ATen/ATen.h>

#include "agents/continuous_actions.h"
#include "core/random.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "replay/batch.h"

namespace reverie::example {

struct Sizes {
  int64_t observation, action;
  std::vector<int64_t> hidden = {256, 256};
};

class Ddpg {
 public:
  Ddpg(const Sizes& sizes, uint64_t seed) : Ddpg(sizes, Rng(seed)) {}

  // s: [N, D] to actions [N, A] in [-1, 1].
  at::Tensor explore(const at::Tensor& s, double noise, Rng& rng) const {
    const at::NoGradGuard no_grad;
    const at::Tensor a = mu(actor_, s);
    return (a + noise * normal_like(a, rng)).clamp(-1.0, 1.0);
  }

  // One step of critic, actor and targets. Returns the critic's loss.
  at::Tensor update(const Batch& batch) {
    const at::Tensor &s = batch.obs.at("observation"), &s_next = batch.next_obs.at("observation");

    // The critic learns  Q(s, a) = r + discount Q'(s', mu'(s')).
    at::Tensor y;
    {
      const at::NoGradGuard no_grad;
      y = batch.reward + batch.discount * q(target_critic_, s_next, mu(target_actor_, s_next));
    }
    const at::Tensor critic_loss = (q(critic_, s, batch.action) - y).square().mean();
    critic_optimizer_.zero_grad();
    critic_loss.backward();
    critic_optimizer_.step();

    // The actor climbs  Q(s, mu(s)).
    critic_.parameters().requires_grad(false);  // whose gradients nobody reads
    const at::Tensor actor_loss = -q(critic_, s, mu(actor_, s)).mean();
    actor_optimizer_.zero_grad();
    actor_loss.backward();
    actor_optimizer_.step();
    critic_.parameters().requires_grad(true);

    // The targets follow slowly.
    target_actor_.parameters().soft_update(actor_.parameters(), kTau);
    target_critic_.parameters().soft_update(critic_.parameters(), kTau);
    return critic_loss.detach();
  }

  const Parameters& actor() const { return actor_.parameters(); }
  const Parameters& critic() const { return critic_.parameters(); }

 private:
  static constexpr double kTau = 0.005, kLearningRate = 3e-4;

  Ddpg(const Sizes& sizes, Rng rng)
      : actor_(sizes.observation, sizes.hidden, sizes.action, rng, at::kCPU),
        critic_(sizes.observation + sizes.action, sizes.hidden, 1, rng, at::kCPU),
        target_actor_(actor_),
        target_critic_(critic_),
        actor_optimizer_(actor_.parameters(), {.learning_rate = kLearningRate}),
        critic_optimizer_(critic_.parameters(), {.learning_rate = kLearningRate}) {}

  // mu(s): [B, D] to [B, A].
  static at::Tensor mu(const Mlp& actor, const at::Tensor& s) { return at::tanh(actor(s)); }

  // Q(s, a): [B, D], [B, A] to [B].
  static at::Tensor q(const Mlp& critic, const at::Tensor& s, const at::Tensor& a) {
    return critic(at::cat({s, a}, 1)).squeeze(1);
  }

  Mlp actor_, critic_, target_actor_, target_critic_;
  Adam actor_optimizer_, critic_optimizer_;
};

}  // namespace reverie::example
