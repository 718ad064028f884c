#include "agents/hilp/hilp.h"

#include <algorithm>

#include "agents/hilp/hilbert_features.h"
#include "agents/training/transition_trainer.h"
#include "agents/zero_shot/feature_statistics.h"
#include "agents/zero_shot/zero_shot_agent.h"
#include "nn/pch.h"

namespace reverie {

void HilpConfig::describe(ConfigFields& f) {
  ZeroShotOptions::describe(f);
  f.add("distance_gamma", distance_gamma, "discount of the distances between states",
        {.low = 0, .high = 1, .open_high = true});
  f.add("expectile", expectile,
        "of the next values that a distance is; 0.5 = their mean, towards 1 = the shortest way of "
        "the data",
        {.low = 0, .high = 1, .open_low = true, .open_high = true});
  f.add("feature_learning_rate", feature_learning_rate, "Adam's step size of the features",
        above(0));
  f.add("feature_tau", feature_tau, "share of the online weights in each update of their target",
        {.low = 0, .high = 1, .open_low = true});
  f.add("random_goal_share", random_goal_share,
        "share of the goals of distances that are states of any episode; the others come later in "
        "the same one",
        between(0, 1));
  f.add("future_gamma", future_gamma,
        "those come 1 / (1 - this) steps later on average [geometric distribution]",
        {.low = 0, .high = 1, .open_low = true, .open_high = true});
}

namespace {

using hilp::distance_value;
using hilp::HilbertFeatures;
using zero_shot::Inputs;

class Hilp final : public zero_shot::ZeroShotAgent {
 public:
  Hilp(const EnvSpec& spec, const HilpConfig& config, at::Device device, uint64_t seed)
      : Hilp(config, Inputs(spec, config, device), seed, Rng(seed)) {}

  SampleRequest request() const override {
    SampleRequest request = ZeroShotAgent::request();
    request.spec.future = FutureSpec{.random_share = config_.random_goal_share,
                                     .geometric_gamma = config_.future_gamma};
    return request;
  }

  Learned update(const Batch& batch) override {
    const Transitions t = begin(batch);
    Learned learned;
    learn_distances(t, inputs_.state_of(batch.future_obs), learned.metrics);

    const at::Tensor z = draw_tasks(t.g_next);
    const at::Tensor y = successor_target(t, z);  // [B, d]
    const at::Tensor f = forward_(t.s, t.a, z);   // [2, B, d]
    const at::Tensor loss = (f - y).square().mean({1, 2}).sum();
    minimize(loss, {&forward_optimizer_});
    learned.metrics.add("loss/successor", loss.detach());
    learned.metrics.add("loss/actor", update_actor(t.s, z));
    update_target();
    return learned;
  }

  // A constant one is no task: its regression with an intercept is 0.
  bool has_reward() const override {
    const at::Tensor r = known_rewards();
    return r.numel() > 0 && r.ne(r[0]).any().item<bool>();
  }

  void state(StateList& list) override {
    ZeroShotAgent::state(list);
    list.add("features", features_);
    list.add("target_features", target_features_);
    list.add("features", feature_optimizer_);
    list.add("statistics", statistics_);
  }

 private:
  Hilp(const HilpConfig& config, const Inputs& inputs, uint64_t seed, Rng rng)
      : ZeroShotAgent(config, inputs, networks(config, inputs, inputs.state_size(), rng), seed),
        config_(config),
        features_({.goal = inputs.goal_size(),
                   .hidden = config.hidden_size,
                   .features = config.task_size},
                  rng, inputs.device()),
        target_features_(features_),
        feature_optimizer_(features_.parameters(), {.learning_rate = config.feature_learning_rate}),
        statistics_(config.task_size, /*centers=*/true, inputs.device()) {}

  // future: the states that goals are of.
  void learn_distances(const Transitions& t, const at::Tensor& future, TensorMap& metrics) {
    const at::Tensor s = inputs_.goal_part(t.s), g = inputs_.goal_part(future);
    const at::Tensor away = (s - g).norm(2, {1}).ge(kSame).to(at::kFloat);  // 0 where s = g

    at::Tensor y, u;  // [2, B], [B]
    {
      const at::NoGradGuard no_grad;
      const auto phi = target_features_(at::cat({s, t.g_next, g})).chunk(3, 1);
      y = away * (config_.distance_gamma * distance_value(phi[1], phi[2]) - 1.0);
      u = y.amin(0) - distance_value(phi[0], phi[2]).mean(0);
    }
    const auto phi = features_(at::cat({s, g})).chunk(2, 1);
    const at::Tensor v = distance_value(phi[0], phi[1]);  // [2, B]
    const double tau = config_.expectile;
    const at::Tensor weight = at::where(u < 0.0, 1.0 - tau, tau);
    const at::Tensor loss = (weight * (v - y).square()).mean(1).sum();
    minimize(loss, {&feature_optimizer_});
    target_features_.parameters().soft_update(features_.parameters(), config_.feature_tau);
    statistics_.update(features_.first(s));
    metrics.add("loss/distance", loss.detach());
    metrics.add("value/distance", -v.detach().mean());
  }

  at::Tensor successor_target(const Transitions& t, const at::Tensor& z) const {
    const at::NoGradGuard no_grad;
    const at::Tensor f = target_forward_(t.s_next, noisy_action(t.s_next, z), z);
    const at::Tensor q = (f * z).sum(2, true);  // [2, B, 1]
    return features(t.g_next) + t.discount * at::where(q[0] < q[1], f[0], f[1]);
  }

  at::Tensor features(const at::Tensor& g) const override {
    return statistics_.centered(features_.first(g));
  }

  at::Tensor task_of(const at::Tensor& f) const override {
    return zero_shot::on_sphere(statistics_.whitened(f));
  }

  // With an intercept: a constant reward is no task, and means of samples are not quite those of f.
  at::Tensor reward_task(const at::Tensor& f, const at::Tensor& r, int64_t known) const override {
    const auto deviation = [known](const at::Tensor& all) {
      const at::Tensor x = all.slice(0, 0, known);
      return x - x.sum(0, true) / std::max<double>(1.0, static_cast<double>(known));
    };
    return zero_shot::regressed(deviation(f), deviation(r));
  }

  at::Tensor goal_task(const at::Tensor& s, const at::Tensor& goals) const override {
    const at::Tensor here = features_.first(inputs_.goal_part(s));
    return zero_shot::on_sphere(features_.first(inputs_.read_goals(goals)) - here);
  }

  // Centred features are orthogonal to constants, whose part of the density is its mean.
  at::Tensor relative_density(const at::Tensor& sum, const at::Tensor& f) const override {
    return at::mm(statistics_.whitened(sum), f.t()).squeeze(0) + 1.0 / (1.0 - config_.gamma);
  }

  static constexpr double kSame = 1e-6;  // distance of states below which they are one

  const HilpConfig config_;
  HilbertFeatures features_, target_features_;  // phi, phi'
  Adam feature_optimizer_;
  zero_shot::FeatureStatistics statistics_;  // of phi_1
};

}  // namespace

std::unique_ptr<Agent> HilpConfig::make(const EnvSpec& spec, at::Device device,
                                        uint64_t seed) const {
  return std::make_unique<Hilp>(spec, *this, device, seed);
}

AgentEntry hilp_entry() {
  return {.name = "hilp",
          .summary =
              "Hilbert foundation policies: distances in time, a policy for any reward "
              "(Park 2024)",
          .config = [] { return std::make_unique<HilpConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
