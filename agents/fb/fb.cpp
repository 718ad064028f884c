#include "agents/fb/fb.h"

#include "agents/training/transition_trainer.h"
#include "agents/zero_shot/orthonormality.h"
#include "agents/zero_shot/zero_shot_agent.h"
#include "nn/pch.h"

namespace reverie {

void FbConfig::describe(ConfigFields& f) {
  ZeroShotOptions::describe(f);
  f.add("backward_learning_rate", backward_learning_rate, "Adam's step size of B", above(0));
  f.add("orthonormality", orthonormality, "weight of the loss that keeps B's outputs orthonormal",
        at_least(0));
}

namespace {

using zero_shot::diagonal_mean;
using zero_shot::Encoder;
using zero_shot::Forward;
using zero_shot::Inputs;
using zero_shot::off_diagonal_mean;
using zero_shot::Policy;

class Fb final : public zero_shot::ZeroShotAgent {
 public:
  Fb(const EnvSpec& spec, const FbConfig& config, at::Device device, uint64_t seed)
      : Fb(config, Inputs(spec, config, device), seed, Rng(seed)) {}

  Learned update(const Batch& batch) override {
    const Transitions t = begin(batch);
    const at::Tensor z = draw_tasks(t.g_next);

    const at::Tensor target = t.discount * target_measure(t, z);          // [B, B]
    const at::Tensor b = backward_(t.g_next);                             // [B, d]
    const at::Tensor measure = at::matmul(forward_(t.s, t.a, z), b.t());  // [2, B, B]
    const at::Tensor apart = (measure - target).square();
    const at::Tensor fb_loss = 0.5 * off_diagonal_mean(apart) - diagonal_mean(measure);
    const at::Tensor orthonormality = zero_shot::orthonormality_loss(b);
    minimize(fb_loss + config_.orthonormality * orthonormality,
             {&forward_optimizer_, &backward_optimizer_});

    const at::Tensor actor_loss = update_actor(t.s, z);
    update_target();
    target_backward_.parameters().soft_update(backward_.parameters(), config_.tau);
    return {.metrics = {{"loss/measure", fb_loss.detach()},
                        {"loss/orthonormality", orthonormality.detach()},
                        {"loss/actor", actor_loss}}};
  }

  void state(StateList& list) override {
    ZeroShotAgent::state(list);
    list.add("backward", backward_);
    list.add("target_backward", target_backward_);
    list.add("backward", backward_optimizer_);
  }

 private:
  struct AllNetworks {
    Forward forward;
    Encoder backward;
    Policy actor;
  };
  static AllNetworks networks(const FbConfig& config, const Inputs& inputs, Rng& rng) {
    const zero_shot::Sizes sizes{.state = inputs.state_size(),
                                 .action = inputs.action_size(),
                                 .task = config.task_size,
                                 .hidden = config.hidden_size,
                                 .outputs = config.task_size};
    const at::Device device = inputs.device();
    return {.forward = Forward(sizes, rng, device),
            .backward = Encoder({.inputs = inputs.goal_size(),
                                 .hidden = config.hidden_size,
                                 .outputs = config.task_size},
                                rng, device),
            .actor = Policy(sizes, rng, device)};
  }

  Fb(const FbConfig& config, const Inputs& inputs, uint64_t seed, Rng rng)
      : Fb(config, inputs, seed, networks(config, inputs, rng)) {}
  Fb(const FbConfig& config, const Inputs& inputs, uint64_t seed, const AllNetworks& networks)
      : ZeroShotAgent(config, inputs, {.forward = networks.forward, .actor = networks.actor}, seed),
        config_(config),
        backward_(networks.backward),
        target_backward_(networks.backward),
        backward_optimizer_(backward_.parameters(),
                            {.learning_rate = config.backward_learning_rate}) {}

  at::Tensor features(const at::Tensor& g) const override { return backward_(g); }

  at::Tensor task_of(const at::Tensor& f) const override { return f; }  // B is on the sphere

  at::Tensor reward_task(const at::Tensor& f, const at::Tensor& r,
                         int64_t /*known*/) const override {
    return (r.unsqueeze(1) * f).mean(0, true);
  }

  at::Tensor relative_density(const at::Tensor& sum, const at::Tensor& f) const override {
    return at::mm(sum, f.t()).squeeze(0);
  }

  // The smaller of both F'(s', a', z)^T B'(g): [B, B].
  at::Tensor target_measure(const Transitions& t, const at::Tensor& z) const {
    const at::NoGradGuard no_grad;
    const at::Tensor f = target_forward_(t.s_next, noisy_action(t.s_next, z), z);
    return at::matmul(f, target_backward_(t.g_next).t()).amin(0);
  }

  const FbConfig config_;
  Encoder backward_, target_backward_;
  Adam backward_optimizer_;
};

}  // namespace

std::unique_ptr<Agent> FbConfig::make(const EnvSpec& spec, at::Device device, uint64_t seed) const {
  return std::make_unique<Fb>(spec, *this, device, seed);
}

AgentEntry fb_entry() {
  return {.name = "fb",
          .summary = "forward-backward representations: a policy for any reward (Touati 2021)",
          .config = [] { return std::make_unique<FbConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
