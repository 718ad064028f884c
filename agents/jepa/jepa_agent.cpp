#include "agents/jepa/jepa_agent.h"

#include "agents/training/world_model_agent.h"
#include "agents/training/world_model_trainer.h"
#include "core/random.h"
#include "core/run_directory.h"
#include "core/text.h"
#include "nn/pch.h"

namespace reverie {

void JepaConfig::describe(ConfigFields& f) {
  model.describe(f);
  training.describe(f);
  f.add("weights", weights, "initial weights: a run folder or a safetensors file; \"\" = random");
  describe_acting(f);
}

void JepaConfig::describe_acting(ConfigFields& f) { planning.describe(f); }

namespace {

const Field& pixels_of(const EnvSpec& spec) {
  for (const Field& field : spec.observation) {
    if (field.name == "pixels") return field;
  }
  fail_input("{}: a JEPA learns from pictures, which are not observed; give --observation pixels",
             spec.id);
}

// The model of a run if the path is a folder.
std::filesystem::path weights_file(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return path;
  const auto run = RunDirectory::open(path, RunDirectory::Access::kRead);
  return run.latest_checkpoint().path / "model.safetensors";
}

class JepaAgent final : public WorldModelAgent {
 public:
  JepaAgent(const EnvSpec& spec, const JepaConfig& config, at::Device device, uint64_t seed)
      : config_(config),
        rng_(seed),
        model_(config.model, pixels_of(spec), spec.action, rng_, device),
        learner_(model_, config.training, mix_seed({seed, name_hash("dropout")})) {
    PlanningPolicy(model_, {.goals = &model_}, config.planning,
                   0);  // inconsistent options throw here
  }

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t seed) override {
    return std::make_unique<PlanningPolicy>(model_, PlanningTask{.goals = &model_},
                                            config_.planning, seed);
  }

  SampleRequest request() const override {
    return {.batch = config_.training.minibatch, .spec = learner_.sample_spec()};
  }

  Learned update(const SequenceBatch& batch) override {
    return {.metrics = learner_.update(batch, progress_)};
  }

  WorldModel& model() override { return model_; }
  const PlanningOptions& planning() const override { return config_.planning; }
  void load_first_weights() override {
    if (!config_.weights.empty()) model_.load_weights(weights_file(config_.weights));
  }
  void set_action_statistics(const at::Tensor& mean, const at::Tensor& std) override {
    model_.set_action_statistics(mean, std);
  }
  void set_progress(double progress) override { progress_ = progress; }
  TensorMap validate(const SequenceBatch& batch) override { return learner_.validate(batch); }

  void state(StateList& list) override {
    model_.state(list);
    learner_.state(list);
  }

 private:
  const JepaConfig config_;
  Rng rng_;  // of the first weights
  Jepa model_;
  JepaLearner learner_;
  double progress_ = 0.0;
};

}  // namespace

std::unique_ptr<Agent> JepaConfig::make(const EnvSpec& spec, at::Device device,
                                        uint64_t seed) const {
  return std::make_unique<JepaAgent>(spec, *this, device, seed);
}

AgentEntry jepa_entry() {
  return {.name = "jepa",
          .summary = "JEPA with SIGReg that plans in its latents (LeWorldModel)",
          .config = [] { return std::make_unique<JepaConfig>(); },
          .training = [] { return std::make_unique<WorldModelTraining>(); },
          .reaches_goals = true,
          .reads_pixels = true};
}

}  // namespace reverie
