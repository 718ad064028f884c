#include "agents/iql/extraction.h"

#include "agents/off_policy/critic_loss.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr double kMostWeight = 100.0;  // of a transition in the regression

class WeightedRegression final : public Extraction {
 public:
  WeightedRegression(std::unique_ptr<PolicyHead> head, const StateEncoder& encoder,
                     double temperature)
      : head_(std::move(head)), encoder_(encoder), temperature_(temperature) {}

  TensorMap update(const Values& v) override {
    const at::Tensor weight = (temperature_ * v.advantage).exp().clamp_max(kMostWeight);
    const auto [log_prob, deviation] = head_->score(v.s, v.a);
    const at::Tensor loss = -(weight * log_prob).mean();
    head_->learn(loss, {});
    // The share of the batch that would have the same effective size with equal weights (Kish).
    const at::Tensor share = weight.mean().square() / weight.square().mean().clamp_min(1e-30);
    return {{"loss/actor", loss.detach()},
            {"policy/deviation", deviation},
            {"policy/effective_share", share}};
  }

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) override {
    return head_actor(*head_, states(), encoder_.device(), acting, seed);
  }

  ActionDensity density() const override { return density_of(*head_, states()); }

  void state(StateList& list) override { head_->state(list); }

 private:
  StatesOf states() const {
    return [this](const TensorMap& obs) { return encoder_(obs); };
  }

  std::unique_ptr<PolicyHead> head_;
  const StateEncoder& encoder_;
  const double temperature_;
};

class ValueGradient final : public Extraction {
 public:
  ValueGradient(Mlp actor, const IqlConfig& config, const StateEncoder& encoder)
      : actor_(std::move(actor)),
        optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        acting_(config),
        encoder_(encoder),
        bc_weight_(config.extraction == "ddpg-bc" ? config.bc_weight : 0.0) {}

  TensorMap update(const Values& v) override {
    const Frozen frozen({&v.critics.parameters()});
    const at::Tensor a = at::tanh(actor_(v.s));
    const at::Tensor q = v.critics(with_action(v.s, a)).squeeze(2).amin(0);
    const at::Tensor distance = 0.5 * (a - v.a).square().sum(1).mean();
    const at::Tensor loss = imitating_loss(q, bc_weight_, distance);
    minimize(loss, {&optimizer_});
    return {{"loss/actor", loss.detach()}, {"policy/distance", distance.detach()}};
  }

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    return acting_.actor([this](const TensorMap& obs) { return actor_(encoder_(obs)); }, num_envs,
                         acting, seed);
  }

  void state(StateList& list) override {
    list.add("actor", actor_);
    list.add("actor", optimizer_);
  }

 private:
  Mlp actor_;
  Adam optimizer_;
  const DeterministicOptions acting_;
  const StateEncoder& encoder_;
  const double bc_weight_;
};

}  // namespace

std::unique_ptr<Extraction> make_extraction(const IqlConfig& config, const StateEncoder& encoder,
                                            int64_t action_size, Rng& rng) {
  const at::Device device = encoder.device();
  const PolicyHeadSizes sizes{.state = encoder.size(),
                              .action = action_size,
                              .hidden = encoder.widths(config.hidden_sizes),
                              .normalized_trunk = encoder.reads_pictures(),
                              .learning_rate = config.actor_learning_rate};
  const auto regression = [&](std::unique_ptr<PolicyHead> head) {
    return std::make_unique<WeightedRegression>(std::move(head), encoder, config.temperature);
  };
  if (config.extraction == "awr") return regression(gaussian_head(sizes, config, rng, device));
  if (config.extraction == "awr-discrete") {
    return regression(binned_head(sizes, config, rng, device));
  }
  return std::make_unique<ValueGradient>(Mlp(sizes.state, sizes.hidden, action_size, rng, device,
                                             {.normalized_trunk = sizes.normalized_trunk}),
                                         config, encoder);
}

}  // namespace reverie
