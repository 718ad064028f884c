#include "agents/rnd/rnd.h"

#include "agents/observation_features.h"
#include "nn/pch.h"

namespace reverie {

RndConfig::RndConfig() {
  distillation.hidden_sizes = {256, 256};
  distillation.embedding_size = 64;
  ddpg.hidden_sizes = {256, 256};
  ddpg.normalized_trunk = true;
  ddpg.actor_learning_rate = 1e-3;
  ddpg.critic_learning_rate = 1e-3;
  ddpg.tau = 0.01;
  ddpg.n_step = 3;
  ddpg.minibatch = 256;
  ddpg.exploration_noise = 0.2;
}

void RndConfig::describe(ConfigFields& f) {
  f.add("distillation_hidden_sizes", distillation.hidden_sizes,
        "widths of the hidden layers of predictor and random target", between(1, 65536));
  f.add("embedding_size", distillation.embedding_size, "numbers that the predictor predicts",
        between(1, 65536));
  f.add("predictor_learning_rate", distillation.learning_rate, "Adam's step size for the predictor",
        above(0));
  f.add("observation_clip", distillation.observation_clip,
        "bound of the predictor's inputs [standard deviations]", between(0.1, 10.0));
  f.add("intrinsic_scale", intrinsic_scale, "times the novelty is the reward", at_least(0));
  ddpg.describe(f);
}

namespace {

class Rnd final : public Agent {
 public:
  Rnd(const EnvSpec& spec, const RndConfig& config, at::Device device, uint64_t seed)
      : scale_(config.intrinsic_scale),
        rng_(mix_seed({seed, 1})),
        features_(spec, false, device),
        distillation_(features_.size(), config.distillation, rng_, device),
        ddpg_(config.ddpg.make(spec, device, seed)) {}

  void observe(const TensorMap& obs) override {
    const at::Tensor x = features_(obs);
    distillation_.observe(x);
    ddpg_->observe(obs);
    const at::Tensor reward = intrinsic_reward(x);
    const bool goes_on = intrinsic_return_.defined() && intrinsic_return_.sizes() == reward.sizes();
    intrinsic_return_ = goes_on ? intrinsic_return_ + reward : reward;
  }

  at::Tensor act(const TensorMap& obs, ActMode mode) override { return ddpg_->act(obs, mode); }

  void on_episode_start(const at::Tensor& env_mask) override {
    ddpg_->on_episode_start(env_mask);
    if (!intrinsic_return_.defined()) return;
    const at::Tensor ended = env_mask.to(intrinsic_return_.device());
    last_return_ = intrinsic_return_.masked_select(ended).mean();
    intrinsic_return_ = intrinsic_return_.masked_fill(ended, 0.0);
  }

  SampleRequest request() const override { return ddpg_->request(); }

  Learned update(const Sample& sample) override {
    Batch intrinsic = std::get<Batch>(sample);
    const at::Tensor s = features_(intrinsic.obs);
    const at::Tensor loss = distillation_.update(s);
    intrinsic.reward = intrinsic_reward(s);
    Learned learned = ddpg_->update(intrinsic);
    learned.metrics.add("loss/predictor", loss);
    learned.metrics.add("intrinsic/reward", intrinsic.reward.mean());
    if (last_return_.defined()) learned.metrics.add("intrinsic/return", last_return_);
    return learned;
  }

  void save(Checkpoint& checkpoint) const override {
    ddpg_->save(checkpoint);
    TensorMap& optimizer = checkpoint.group("optimizer");
    distillation_.save(checkpoint.group("model"), optimizer);
    if (intrinsic_return_.defined()) optimizer.add(kReturns, intrinsic_return_.clone());
  }

  void load(const Checkpoint& checkpoint) override {
    ddpg_->load(checkpoint);
    distillation_.load_model(checkpoint.group("model"));
    if (!checkpoint.has_group("optimizer")) return;
    const TensorMap& optimizer = checkpoint.group("optimizer");
    distillation_.load_optimizer(optimizer);
    if (!optimizer.contains(kReturns)) return;
    intrinsic_return_ = at::empty_like(optimizer.at(kReturns), features_.device());
    restore_tensor(intrinsic_return_, kReturns, optimizer);
  }

 private:
  static constexpr const char* kReturns = "rnd.returns";

  // x: [B, D]. Returns [B].
  at::Tensor intrinsic_reward(const at::Tensor& x) const {
    return scale_ * distillation_.novelty(x);
  }

  const double scale_;
  Rng rng_;
  ObservationFeatures features_;
  RandomNetworkDistillation distillation_;
  std::unique_ptr<Agent> ddpg_;
  at::Tensor intrinsic_return_;  // [N] of the episodes under way, undefined before the first step
  at::Tensor last_return_;       // mean over the episodes that ended last, undefined before
};

}  // namespace

std::unique_ptr<Agent> RndConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Rnd>(spec, *this, device, seed);
}

AgentEntry rnd_entry() {
  return {
      .name = "rnd",
      .summary = "exploration without a task by random network distillation (Burda et al. 2018)",
      .config = [] { return std::make_unique<RndConfig>(); }};
}

}  // namespace reverie
