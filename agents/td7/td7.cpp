#include "agents/td7/td7.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "agents/continuous_actions.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/td7/td7_networks.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void Td7Config::describe(ConfigFields& f) {
  f.add("hidden_size", hidden_size, "width of every hidden layer", between(1, 65536));
  f.add("embedding_size", embedding_size, "numbers of an embedding", between(1, 65536));
  f.add("learning_rate", learning_rate, "Adam's step size of embeddings, critics and actor",
        above(0));
  SamplingOptions::describe(f);
  DeterministicOptions::describe(f);
  SmoothingOptions::describe(f);
  CloningOptions::describe(f);
  f.add("policy_delay", policy_delay, "updates of the critics per update of the actor",
        between(1, 1000));
  f.add("target_every", target_every, "updates between two copies to the targets",
        between(1, 1 << 30));
  f.add("least_priority", least_priority,
        "smallest temporal-difference error that priorities distinguish", above(0));
  f.add("policy_checkpoints", policy_checkpoints,
        "assess policies by whole episodes and keep the best one for evaluation");
  f.add("assessment_episodes", assessment_episodes,
        "episodes that assess a policy after assessment_starts; before, one does",
        between(1, 1 << 20));
  f.add("assessment_starts", assessment_starts,
        "updates before assessments take more than one episode", at_least(0));
  f.add("assessment_reset", assessment_reset,
        "factor of the kept policy's lowest return when longer assessments begin", between(0, 1));
  PictureOptions::describe(f);
}

void Td7Config::describe_acting(ConfigFields& f) { DeterministicOptions::describe_acting(f); }

namespace {

constexpr double kNoReturn = 1e8;  // beyond every return, as in the authors' code

using td7::Critics;
using td7::Embeddings;
using td7::Policy;

// A policy with the embeddings that it reads.
struct ActingPolicy {
  Policy mu;
  Embeddings embeddings;

  at::Tensor raw(const at::Tensor& s) const { return mu.raw(s, embeddings.state(s)); }

  void copy(ActingPolicy& other) {
    mu.parameters().soft_update(other.mu.parameters(), 1.0);
    embeddings.parameters().soft_update(other.embeddings.parameters(), 1.0);
  }

  void state(StateList& list) {
    list.add("actor", mu);
    list.add("embeddings", embeddings);
  }
};

class Td7 final : public TransitionAgent {
 public:
  Td7(const EnvSpec& spec, const Td7Config& config, at::Device device, uint64_t seed)
      : Td7(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    const bool explores = acting.mode == ActMode::kExplore;
    const auto policy = [this, explores](const TensorMap& obs) {
      return explores || !has_kept_ ? acting_.raw(encoder_(obs)) : kept_.raw(kept_encoder_(obs));
    };
    return config_.actor(policy, num_envs, acting, seed);
  }

  SampleRequest request() const override { return config_.request(); }

  // A policy is assessed, then the updates are made that its steps have earned, and so on.
  Pace pace(int64_t earned_updates) override {
    if (!config_.policy_checkpoints) return Pace::kTogether;
    assessing_ = assessing_ || earned_updates == 0;
    return assessing_ ? Pace::kGather : Pace::kLearn;
  }

  void on_episode_end(const Episode& episode) override {
    if (!config_.policy_checkpoints || !assessing_) return;
    ++episodes_;
    least_return_ = std::min(least_return_, episode.episode_return);
    if (least_return_ < kept_return_) {
      end_assessment();
    } else if (episodes_ >= assessment_length_) {
      kept_return_ = least_return_;
      keep_policy();
      end_assessment();
    }
  }

  Learned update(const Batch& batch) override {
    if (config_.policy_checkpoints && updates_ == config_.assessment_starts) {
      kept_return_ *= config_.assessment_reset;
      assessment_length_ = config_.assessment_episodes;
    }
    const auto [s_learning, s_next] = encoder_.states(batch);
    const at::Tensor s = s_learning.detach();
    const at::Tensor& a = batch.action;

    const at::Tensor embedding_loss = update_embeddings(s, a, s_next);

    at::Tensor y, z_s, z_sa;
    {
      const at::NoGradGuard no_grad;
      y = target(batch, s_next);
      z_s = acting_.embeddings.state(s);
      z_sa = acting_.embeddings.state_action(z_s, a);
      low_seen_ = at::minimum(low_seen_, y.amin());
      high_seen_ = at::maximum(high_seen_, y.amax());
    }
    const at::Tensor q = critics_(s_learning, a, z_sa, z_s);  // [2, B]
    const at::Tensor critic_loss = weighted_mean(
        at::huber_loss(q, y.expand_as(q), at::Reduction::None, config_.least_priority), batch);
    minimize(critic_loss, {&critic_optimizer_, encoder_.optimizer()});

    if (++updates_ % config_.policy_delay == 0) actor_loss_ = update_actor(s, z_s, a);
    if (updates_ % config_.target_every == 0) update_targets();

    Learned learned{.metrics = {{"loss/embedding", embedding_loss},
                                {"loss/critic", critic_loss.detach()},
                                {"value/q", q.detach().mean()}},
                    .td_error = (q.detach() - y).abs().amax(0).clamp_min(config_.least_priority)};
    if (actor_loss_.defined()) learned.metrics.add("loss/actor", actor_loss_);
    return learned;
  }

  void state(StateList& list) override {
    list.add("acting", acting_);
    list.add("kept", kept_);
    list.add("kept", kept_encoder_);
    list.add("embeddings", embeddings_);
    list.add("critics", critics_);
    list.add("target", target_);
    list.add("target_critics", target_critics_);
    list.add_learning("low_seen", low_seen_);
    list.add_learning("high_seen", high_seen_);
    list.add_learning("low", low_);
    list.add_learning("high", high_);
    list.add("actor", actor_optimizer_);
    list.add("critics", critic_optimizer_);
    list.add("embeddings", embedding_optimizer_);
    list.add("agent.rng", rng_);
    list.add("agent.updates", updates_);
    list.add("agent.has_kept", has_kept_);
    list.add("agent.assessing", assessing_);
    list.add("agent.assessment_length", assessment_length_);
    list.add("agent.episodes", episodes_);
    list.add("agent.least_return", least_return_);
    list.add("agent.kept_return", kept_return_);
    encoder_.state(list);
  }

 private:
  Td7(const EnvSpec& spec, const Td7Config& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.learning_rate,
                  .trunk = config.feature_size},
                 seed, rng, device),
        sizes_{.state = encoder_.size(),
               .action = continuous_action_size(spec),
               .embedding = config.embedding_size,
               .hidden = config.hidden_size},
        embeddings_(sizes_, rng, device),
        critics_(sizes_, rng, device),
        target_critics_(critics_),
        acting_{Policy(sizes_, rng, device), embeddings_},
        target_(acting_),
        kept_(acting_),
        kept_encoder_(encoder_.encoder()),
        actor_optimizer_(acting_.mu.parameters(), {.learning_rate = config.learning_rate}),
        critic_optimizer_(critics_.parameters(), {.learning_rate = config.learning_rate}),
        embedding_optimizer_(embeddings_.parameters(), {.learning_rate = config.learning_rate}),
        rng_(update_rng(seed)),
        noise_(device, 0) {
    const auto number = [&](double value) {
      return at::full({}, value, at::TensorOptions(at::kFloat).device(device));
    };
    low_ = number(0.0);
    high_ = number(0.0);
    low_seen_ = number(kNoReturn);
    high_seen_ = number(-kNoReturn);
  }

  // minimise (g(f(s), a) - f(s'))^2
  at::Tensor update_embeddings(const at::Tensor& s, const at::Tensor& a, const at::Tensor& s_next) {
    at::Tensor next;
    {
      const at::NoGradGuard no_grad;
      next = embeddings_.state(s_next);
    }
    const at::Tensor predicted = embeddings_.state_action(embeddings_.state(s), a);
    const at::Tensor loss = (predicted - next).square().mean();
    minimize(loss, {&embedding_optimizer_});
    return loss.detach();
  }

  // y = r + discount clip(min_i Q_i'(s', a', z_sa', z_s'), low, high): [B]
  at::Tensor target(const Batch& batch, const at::Tensor& s_next) {
    const at::Tensor z_s = target_.embeddings.state(s_next);
    noise_.reseed(rng_.next_uint64());
    const at::Tensor a = config_.smoothed(target_.mu(s_next, z_s), noise_);
    const at::Tensor z_sa = target_.embeddings.state_action(z_s, a);
    const at::Tensor q = target_critics_(s_next, a, z_sa, z_s).amin(0);
    return batch.reward + batch.discount * q.clamp(low_, high_);
  }

  // maximise mean Q_i(s, mu(s, z_s), z_sa, z_s)
  at::Tensor update_actor(const at::Tensor& s, const at::Tensor& z_s,
                          const at::Tensor& data_action) {
    const Frozen frozen({&critics_.parameters(), &acting_.embeddings.parameters()});
    const at::Tensor a = acting_.mu(s, z_s);
    const at::Tensor z_sa = acting_.embeddings.state_action(z_s, a);
    const at::Tensor loss = config_.actor_loss(critics_(s, a, z_sa, z_s), a, data_action);
    minimize(loss, {&actor_optimizer_});
    return loss.detach();
  }

  void update_targets() {
    target_.copy(acting_);
    target_critics_.parameters().soft_update(critics_.parameters(), 1.0);
    acting_.embeddings.parameters().soft_update(embeddings_.parameters(), 1.0);
    low_.copy_(low_seen_);
    high_.copy_(high_seen_);
  }

  void keep_policy() {
    kept_.copy(acting_);
    if (Parameters* kept = kept_encoder_.parameters()) {
      kept->soft_update(*encoder_.encoder().parameters(), 1.0);
    }
    has_kept_ = true;
  }

  void end_assessment() {
    assessing_ = false;
    episodes_ = 0;
    least_return_ = kNoReturn;
  }

  const Td7Config config_;
  StateEncoder encoder_;
  td7::Sizes sizes_;
  Embeddings embeddings_;  // f and g, that learn
  Critics critics_, target_critics_;
  ActingPolicy acting_;  // with the fixed embeddings
  ActingPolicy target_, kept_;
  ObservationEncoder kept_encoder_;
  Adam actor_optimizer_, critic_optimizer_, embedding_optimizer_;
  Rng rng_;
  NoiseSource noise_;
  at::Tensor low_seen_, high_seen_;  // [] extremes of all targets
  at::Tensor low_, high_;            // [] those that clip
  at::Tensor actor_loss_;            // of the last update of the actor; undefined before the first
  int64_t updates_ = 0;

  bool has_kept_ = false;  // a policy was kept
  bool assessing_ = true;
  int64_t assessment_length_ = 1;  // [episodes]
  int64_t episodes_ = 0;           // of this assessment
  double least_return_ = kNoReturn;
  double kept_return_ = -kNoReturn;
};

}  // namespace

std::unique_ptr<Agent> Td7Config::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Td7>(spec, *this, device, seed);
}

AgentEntry td7_entry() {
  return {.name = "td7",
          .summary = "TD3 with embeddings, prioritised replay, checkpoints (Fujimoto et al. 2023)",
          .config = [] { return std::make_unique<Td7Config>(); },
          .training =
              [] {
                auto training = std::make_unique<TransitionTraining>();
                training->gathering.num_envs = 1;
                training->gathering.learning_starts = 25000;
                training->priority.priority_exponent = 0.4;
                training->priority.priority_beta = 0.0;
                return training;
              }};
}

}  // namespace reverie
