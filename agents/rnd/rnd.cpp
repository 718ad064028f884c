#include "agents/rnd/rnd.h"

#include "agents/observation_features.h"
#include "agents/training/transition_trainer.h"
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
  f.add("embedding_size", distillation.embedding_size, "size of the predicted vector",
        between(1, 65536));
  f.add("predictor_learning_rate", distillation.learning_rate, "Adam's step size for the predictor",
        above(0));
  f.add("observation_clip", distillation.observation_clip,
        "bound of the predictor's inputs [standard deviations]", between(0.1, 10.0));
  f.add("intrinsic_scale", intrinsic_scale, "factor from novelty to reward", at_least(0));
  ddpg.describe(f);
}

void RndConfig::describe_acting(ConfigFields& f) { ddpg.describe_acting(f); }

namespace {

class Rnd final : public TransitionAgent {
 public:
  Rnd(const EnvSpec& spec, const RndConfig& config, at::Device device, uint64_t seed)
      : Rnd(spec, config, device, seed, Rng(mix_seed({seed, 1}))) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    return ddpg_->actor(num_envs, acting, seed);
  }

  void observe(const TensorMap& obs) override {
    distillation_.observe(features_(obs));
    ddpg_->observe(obs);
  }

  SampleRequest request() const override { return ddpg_->request(); }

  Learned update(const Batch& batch) override {
    Batch intrinsic = batch;
    const at::Tensor s = features_(batch.obs);
    const at::Tensor loss = distillation_.update(s);
    intrinsic.reward = scale_ * distillation_.novelty(s);
    Learned learned = ddpg_->update(intrinsic);
    learned.metrics.add("loss/predictor", loss);
    learned.metrics.add("intrinsic/reward", intrinsic.reward.mean());
    return learned;
  }

  void state(StateList& list) override {
    ddpg_->state(list);
    list.add("rnd", distillation_);
  }

 private:
  Rnd(const EnvSpec& spec, const RndConfig& config, at::Device device, uint64_t seed, Rng rng)
      : scale_(config.intrinsic_scale),
        features_(spec, false, device),
        distillation_(features_.size(), config.distillation, rng, device),
        ddpg_(make_ddpg(spec, config.ddpg, device, seed)) {}

  const double scale_;
  ObservationFeatures features_;
  RandomNetworkDistillation distillation_;
  std::unique_ptr<TransitionAgent> ddpg_;
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
      .config = [] { return std::make_unique<RndConfig>(); },
      .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
