#include "agents/dqn/dqn.h"

#include <algorithm>

#include "agents/dqn/q_network.h"
#include "agents/dqn/return_head.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/pch.h"

namespace reverie {

void DqnConfig::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers", between(1, 65536));
  encoder.describe(f);
  f.add("double_q", double_q,
        "the online network chooses the next action, the target network rates it");
  f.add("dueling", dueling, "separate streams for the state's value and the actions' advantages");
  f.add("distribution", distribution,
        "learn the mean return (none), or its distribution as probabilities or quantiles",
        {"none", "c51", "quantile"});
  f.add("atoms", atoms, "numbers per action of a distribution", between(2, 10000));
  f.add("value_min", value_min, "c51: the smallest return");
  f.add("value_max", value_max, "c51: the greatest return");
  f.add("learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("max_gradient_norm", max_gradient_norm, "gradients are scaled down to this norm", above(0));
  SamplingOptions::describe(f);
  f.add("target_every", target_every, "updates between two copies to the target network",
        at_least(1));
  f.add("epsilon_start", epsilon_start, "probability of a random action at the beginning",
        between(0, 1));
  f.add("epsilon_end", epsilon_end, "probability of a random action at the end", between(0, 1));
  f.add("epsilon_steps", epsilon_steps,
        "steps of all environments, after learning_starts, over which that probability falls",
        at_least(1));
}

namespace {

int64_t action_count(const EnvSpec& spec) {
  const auto* discrete = std::get_if<DiscreteSpace>(&spec.action);
  REVERIE_CHECK(discrete != nullptr, "{} has continuous actions; this agent needs discrete ones",
                spec.id);
  return discrete->n;
}

class Dqn final : public TransitionAgent {
 public:
  Dqn(const EnvSpec& spec, const DqnConfig& config, at::Device device, uint64_t seed)
      : Dqn(spec, config, device, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;

  // The target network, a copy, shares the statistics.
  void observe(const TensorMap& obs) override { network_.encoder().observe(obs); }

  // argmax_a Q(s, a) of the environments' observations: [N] int64 on the CPU.
  at::Tensor best_actions(const TensorMap& obs) const {
    const at::NoGradGuard no_grad;
    return head_->value(network_(obs)).argmax(1).cpu();
  }

  SampleRequest request() const override { return config_.request(); }

  Learned update(const Batch& batch) override {
    at::Tensor next;
    {
      const at::NoGradGuard no_grad;
      const at::Tensor of_target = target_(batch.next_obs);
      const at::Tensor chooses = config_.double_q ? network_(batch.next_obs) : of_target;
      next = of_action(of_target, head_->value(chooses).argmax(1));
    }
    const at::Tensor x = of_action(network_(batch.obs), batch.action);
    const at::Tensor loss =
        weighted_mean(head_->loss(x, next, batch.reward, batch.discount), batch);
    for (Adam& optimizer : optimizers_) optimizer.zero_grad();
    loss.backward();
    clip_gradients(network_.parameters(), config_.max_gradient_norm);
    for (Adam& optimizer : optimizers_) optimizer.step();

    if (++updates_ % config_.target_every == 0) copy_to_target();
    const at::Tensor q = head_->value(x.detach());
    return {.metrics = {{"loss/critic", loss.detach()}, {"value/q", q.mean()}},
            .td_error = batch.reward + batch.discount * head_->value(next) - q};
  }

  void state(StateList& list) override {
    list.add("network", network_);
    list.add("target", target_);
    for (size_t i = 0; i < optimizers_.size(); ++i) {
      list.add(fmt::format("optimizer.{}", i), optimizers_[i]);
    }
    list.add("agent.updates", updates_);
  }

 private:
  Dqn(const EnvSpec& spec, const DqnConfig& config, at::Device device, Rng rng)
      : config_(config),
        actions_(action_count(spec)),
        head_(make_return_head(config, device)),
        network_(spec, config, actions_, head_->numbers(), rng, device),
        target_(network_) {
    for (Parameters* block : network_.parameters()) {
      optimizers_.emplace_back(*block, AdamOptions{.learning_rate = config.learning_rate});
    }
  }

  // The numbers of one action for each row: [B, A, K], [B] to [B, K].
  static at::Tensor of_action(const at::Tensor& x, const at::Tensor& action) {
    return x.gather(1, action.view({-1, 1, 1}).expand({-1, 1, x.size(2)})).squeeze(1);
  }

  void copy_to_target() {
    const auto online = network_.parameters();
    const auto target = target_.parameters();
    for (size_t i = 0; i < online.size(); ++i) target[i]->soft_update(*online[i], 1.0);
  }

  const DqnConfig config_;
  int64_t actions_;
  std::unique_ptr<ReturnHead> head_;
  QNetwork network_, target_;
  std::vector<Adam> optimizers_;  // one of each block of the network's weights
  int64_t updates_ = 0;
};

// Random actions with probability epsilon, else the best ones.
class EpsilonGreedyActor final : public Actor {
 public:
  EpsilonGreedyActor(const Dqn& agent, const DqnConfig& config, int64_t actions, uint64_t seed)
      : agent_(agent), config_(config), actions_(actions), rng_(seed) {}

  Decision act(const TensorMap& obs) override {
    at::Tensor action = agent_.best_actions(obs);
    auto* values = action.mutable_data_ptr<int64_t>();
    const double chance = epsilon();
    for (int64_t i = 0; i < action.numel(); ++i) {
      if (rng_.random() < chance) values[i] = rng_.integers(0, actions_);
    }
    steps_ += action.numel();
    return {action};
  }

  void state(StateList& list) override {
    list.add("rng", rng_);
    list.add("steps", steps_);
  }

 private:
  double epsilon() const {
    const double done = static_cast<double>(steps_) / static_cast<double>(config_.epsilon_steps);
    return config_.epsilon_start +
           std::min(1.0, done) * (config_.epsilon_end - config_.epsilon_start);
  }

  const Dqn& agent_;
  const DqnConfig& config_;
  const int64_t actions_;
  Rng rng_;
  int64_t steps_ = 0;  // of all environments
};

class GreedyActor final : public Actor {
 public:
  explicit GreedyActor(const Dqn& agent) : agent_(agent) {}
  Decision act(const TensorMap& obs) override { return {agent_.best_actions(obs)}; }

 private:
  const Dqn& agent_;
};

std::unique_ptr<Actor> Dqn::actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) {
  if (acting.mode == ActMode::kEvaluate) return std::make_unique<GreedyActor>(*this);
  return std::make_unique<EpsilonGreedyActor>(*this, config_, actions_, seed);
}

}  // namespace

std::unique_ptr<Agent> DqnConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  REVERIE_CHECK(value_min < value_max,
                "--value-min {} and --value-max {}: the first must be below the second", value_min,
                value_max);
  return std::make_unique<Dqn>(spec, *this, device, seed);
}

AgentEntry dqn_entry() {
  return {.name = "dqn",
          .summary = "deep Q-networks: double, dueling, distributional (Mnih et al. 2015)",
          .config = [] { return std::make_unique<DqnConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
