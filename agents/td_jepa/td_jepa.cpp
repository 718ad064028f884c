#include "agents/td_jepa/td_jepa.h"

#include <optional>

#include "agents/training/transition_trainer.h"
#include "agents/zero_shot/feature_statistics.h"
#include "agents/zero_shot/orthonormality.h"
#include "agents/zero_shot/zero_shot_agent.h"
#include "nn/pch.h"

namespace reverie {

void TdJepaConfig::describe(ConfigFields& f) {
  ZeroShotOptions::describe(f);
  f.add("state_size", state_size, "numbers of the latent state that policy and predictions read",
        between(1, 65536));
  f.add("state_layers", state_layers, "hidden layers of its encoder; 0 = a linear map",
        between(0, 16));
  f.add("symmetric", symmetric,
        "one encoder for latent states and tasks, with the tasks' size and two hidden layers");
  f.add("state_learning_rate", state_learning_rate, "Adam's step size of the states' encoder",
        above(0));
  f.add("task_learning_rate", task_learning_rate, "Adam's step size of the tasks' encoder",
        above(0));
  f.add("state_orthonormality", state_orthonormality,
        "weight of the loss that keeps latent states orthonormal", at_least(0));
  f.add("orthonormality", orthonormality,
        "weight of the loss that keeps the tasks' features orthonormal", at_least(0));
  f.add("whiten_tasks", whiten_tasks,
        "divide the task of a reached state by the second moment of the tasks' features");
}

namespace {

using zero_shot::Encoder;
using zero_shot::Forward;
using zero_shot::Inputs;

class TdJepa final : public zero_shot::ZeroShotAgent {
 public:
  TdJepa(const EnvSpec& spec, const TdJepaConfig& config, at::Device device, uint64_t seed)
      : TdJepa(config, Inputs(spec, config, device), seed, Rng(seed)) {}

  Learned update(const Batch& batch) override {
    const Transitions t = begin(batch);
    const at::Tensor z = draw_tasks(t.g_next);
    const Targets y = targets(t, z);

    const at::Tensor phi = phi_(t.s);
    at::Tensor psi = phi;
    at::Tensor prediction_loss = mean_square(forward_(phi, t.a, z) - y.of_psi);
    at::Tensor orthonormality = config_.state_orthonormality * orth(phi);
    if (tasks_) {
      psi = tasks_->psi(inputs_.goal_part(t.s));
      prediction_loss = prediction_loss + mean_square(tasks_->predictor(psi, t.a, z) - y.of_phi);
      orthonormality = orthonormality + config_.orthonormality * orth(psi);
    }
    minimize(prediction_loss + orthonormality,
             {&phi_optimizer_, &forward_optimizer_, tasks_ ? &tasks_->psi_optimizer : nullptr,
              tasks_ ? &tasks_->predictor_optimizer : nullptr});
    statistics_.update(psi.detach());

    const at::Tensor actor_loss = update_actor(phi_(t.s).detach(), z);
    update_targets();
    return {.metrics = {{"loss/prediction", prediction_loss.detach()},
                        {"loss/orthonormality", orthonormality.detach()},
                        {"loss/actor", actor_loss}}};
  }

  void state(StateList& list) override {
    ZeroShotAgent::state(list);
    list.add("phi", phi_);
    list.add("target_phi", target_phi_);
    list.add("phi", phi_optimizer_);
    list.add("statistics", statistics_);
    if (!tasks_) return;
    list.add("psi", tasks_->psi);
    list.add("target_psi", tasks_->target_psi);
    list.add("psi", tasks_->psi_optimizer);
    list.add("predictor", tasks_->predictor);
    list.add("target_predictor", tasks_->target_predictor);
    list.add("predictor", tasks_->predictor_optimizer);
  }

 private:
  // psi, and U that predicts phi from it.
  struct Tasks {
    Tasks(const TdJepaConfig& config, const Inputs& inputs, Rng& rng)
        : psi({.inputs = inputs.goal_size(),
               .hidden = config.hidden_size,
               .outputs = config.task_size},
              rng, inputs.device()),
          predictor({.state = config.task_size,
                     .action = inputs.action_size(),
                     .task = config.task_size,
                     .hidden = config.hidden_size,
                     .outputs = config.state_size},
                    rng, inputs.device()),
          target_psi(psi),
          target_predictor(predictor),
          psi_optimizer(psi.parameters(), {.learning_rate = config.task_learning_rate}),
          predictor_optimizer(predictor.parameters(), {.learning_rate = config.learning_rate}) {}

    Encoder psi;
    Forward predictor;
    Encoder target_psi;
    Forward target_predictor;
    Adam psi_optimizer, predictor_optimizer;
  };

  static zero_shot::EncoderSizes state_encoder(const TdJepaConfig& config, const Inputs& inputs) {
    zero_shot::EncoderSizes sizes{
        .inputs = inputs.state_size(), .hidden = config.hidden_size, .outputs = config.task_size};
    if (config.symmetric) return sizes;
    sizes.outputs = config.state_size;
    sizes.layers = config.state_layers;
    return sizes;
  }

  TdJepa(const TdJepaConfig& config, const Inputs& inputs, uint64_t seed, Rng rng)
      : ZeroShotAgent(config, inputs,
                      networks(config, inputs, state_encoder(config, inputs).outputs, rng), seed),
        config_(config),
        phi_(state_encoder(config, inputs), rng, inputs.device()),
        target_phi_(phi_),
        phi_optimizer_(phi_.parameters(), {.learning_rate = config.state_learning_rate}),
        statistics_(config.task_size, /*centers=*/false, inputs.device()) {
    if (!config.symmetric) tasks_.emplace(config, inputs, rng);
  }

  struct Targets {
    at::Tensor of_psi;       // [B, d]
    at::Tensor of_phi = {};  // [B, X]; undefined if symmetric
  };
  Targets targets(const Transitions& t, const at::Tensor& z) const {
    const at::NoGradGuard no_grad;
    const at::Tensor phi = target_phi_(t.s_next);
    const at::Tensor psi = tasks_ ? tasks_->target_psi(t.g_next) : phi;
    const at::Tensor a = noisy_action(phi, z);
    Targets y{.of_psi = psi + t.discount * target_forward_(phi, a, z).mean(0)};
    if (tasks_) y.of_phi = phi + t.discount * tasks_->target_predictor(psi, a, z).mean(0);
    return y;
  }

  void update_targets() {
    update_target();
    target_phi_.parameters().soft_update(phi_.parameters(), config_.tau);
    if (!tasks_) return;
    tasks_->target_psi.parameters().soft_update(tasks_->psi.parameters(), config_.tau);
    tasks_->target_predictor.parameters().soft_update(tasks_->predictor.parameters(), config_.tau);
  }

  static at::Tensor mean_square(const at::Tensor& error) {  // [2, B, n]
    return error.square().sum(2).mean();
  }

  static at::Tensor orth(const at::Tensor& e) { return 0.5 * zero_shot::orthonormality_loss(e); }

  at::Tensor latent(const at::Tensor& s) const override { return phi_(s); }

  at::Tensor judged(const at::Tensor& q) const override { return q.mean(0); }

  at::Tensor features(const at::Tensor& g) const override {
    return tasks_ ? tasks_->psi(g) : phi_(g);
  }

  at::Tensor task_of(const at::Tensor& f) const override {
    return config_.whiten_tasks ? zero_shot::on_sphere(statistics_.whitened(f)) : f;
  }

  at::Tensor relative_density(const at::Tensor& sum, const at::Tensor& f) const override {
    return at::mm(statistics_.whitened(sum), f.t()).squeeze(0);
  }

  const TdJepaConfig config_;
  Encoder phi_, target_phi_;
  Adam phi_optimizer_;
  zero_shot::FeatureStatistics statistics_;  // of psi
  std::optional<Tasks> tasks_;               // unless symmetric
};

}  // namespace

std::unique_ptr<Agent> TdJepaConfig::make(const EnvSpec& spec, at::Device device,
                                          uint64_t seed) const {
  REVERIE_CHECK(!symmetric || goal_numbers.empty(),
                "--symmetric true: one encoder reads states and goals alike, found --goal-numbers "
                "{}; expected goals that are whole states, or --symmetric false",
                fmt::join(goal_numbers, ","));
  return std::make_unique<TdJepa>(spec, *this, device, seed);
}

AgentEntry td_jepa_entry() {
  return {.name = "td-jepa",
          .summary =
              "TD-JEPA: latents that predict each other's future, a policy for any reward "
              "(2025)",
          .config = [] { return std::make_unique<TdJepaConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
