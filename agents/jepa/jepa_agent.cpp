#include "agents/jepa/jepa_agent.h"

#include "agents/training/world_model_agent.h"
#include "agents/training/world_model_loop.h"
#include "core/random.h"
#include "core/text.h"
#include "nn/pch.h"

namespace reverie {

void JepaConfig::describe(ConfigFields& f) {
  model.describe(f);
  training.describe(f);
  f.add("weights", weights, "safetensors file of weights to begin with, such as published ones");
  describe_acting(f);
}

void JepaConfig::describe_acting(ConfigFields& f) { planning.describe(f); }

namespace {

const Field& pixels_of(const EnvSpec& spec) {
  for (const Field& field : spec.observation) {
    if (field.name == "pixels") return field;
  }
  fail_input("{} shows no pictures, which a JEPA learns from: --observation pixels", spec.id);
}

class JepaAgent final : public WorldModelAgent {
 public:
  JepaAgent(const EnvSpec& spec, const JepaConfig& config, at::Device device, uint64_t seed)
      : config_(config),
        rng_(seed),
        model_(config.model, pixels_of(spec), spec.action, rng_, device),
        learner_(model_, config.training, mix_seed({seed, name_hash("dropout")})),
        policy_(model_, {.goals = &model_}, config.planning,
                mix_seed({seed, name_hash("planning")})) {}

  at::Tensor act(const TensorMap& obs, ActMode mode) override { return policy_.act(obs, mode); }
  void on_episode_start(const at::Tensor& env_mask) override { policy_.on_episode_start(env_mask); }
  void on_idle(const at::Tensor& env_mask) override { policy_.on_idle(env_mask); }

  SampleRequest request() const override {
    return {.batch = config_.training.minibatch, .spec = learner_.sample_spec(), .sequences = true};
  }

  Learned update(const Sample& sample) override {
    return {.metrics = learner_.update(std::get<SequenceBatch>(sample), progress_), .td_error = {}};
  }

  WorldModel& model() override { return model_; }
  const PlanningOptions& planning() const override { return config_.planning; }
  PlanningPolicy::Intention intention(int64_t row) const override { return policy_.intention(row); }
  void load_first_weights() override {
    if (!config_.weights.empty()) model_.load_weights(config_.weights);
  }
  void set_action_statistics(const at::Tensor& mean, const at::Tensor& std) override {
    model_.set_action_statistics(mean, std);
  }
  void set_progress(double progress) override { progress_ = progress; }
  TensorMap validate(const SequenceBatch& batch) override { return learner_.validate(batch); }

  void save(Checkpoint& checkpoint) const override {
    model_.save(checkpoint.group("model"));
    learner_.save(checkpoint.group("optimizer"));
    checkpoint.set("agent.rng", policy_.rng().to_string());
  }

  void load(const Checkpoint& checkpoint) override {
    model_.load(checkpoint.group("model"));
    policy_.set_rng(Rng::from_string(checkpoint.text("agent.rng")));
    if (checkpoint.has_group("optimizer")) learner_.load(checkpoint.group("optimizer"));
  }

 private:
  const JepaConfig config_;
  Rng rng_;  // of the first weights
  Jepa model_;
  JepaLearner learner_;
  PlanningPolicy policy_;
  double progress_ = 0.0;
};

}  // namespace

std::unique_ptr<Agent> JepaConfig::make(const EnvSpec& spec, at::Device device,
                                        uint64_t seed) const {
  return std::make_unique<JepaAgent>(spec, *this, device, seed);
}

AgentEntry jepa_entry() {
  return {.name = "jepa",
          .summary = "JEPA kept from collapse by SIGReg, planning in its latents (LeWorldModel)",
          .config = [] { return std::make_unique<JepaConfig>(); },
          .loop = &world_model_loop(),
          .reaches_goals = true,
          .reads_pixels = true};
}

}  // namespace reverie
