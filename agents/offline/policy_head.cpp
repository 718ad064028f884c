#include "agents/offline/policy_head.h"

#include <optional>

#include "nn/distributions.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {

void PolicyHeadOptions::describe(ConfigFields& f) {
  f.add("deviation", deviation,
        "standard deviation of a Gaussian policy: one number for each number of an action, or "
        "dependent on the state",
        {"independent", "dependent"});
  f.add("bins", bins, "values that a number of an action can take, with bins", between(2, 1024));
  f.add("autoregressive", autoregressive,
        "with bins: the distribution of a number depends on the numbers before it");
}

namespace {

constexpr double kLeastLogStd = -5.0, kMostLogStd = 2.0;

class GaussianHead final : public PolicyHead {
 public:
  GaussianHead(const PolicyHeadSizes& sizes, bool is_dependent, Rng& rng, at::Device device)
      : mlp_(sizes.state, sizes.hidden, is_dependent ? 2 * sizes.action : sizes.action, rng, device,
             {.normalized_trunk = sizes.normalized_trunk}),
        optimizer_(mlp_.parameters(), {.learning_rate = sizes.learning_rate}) {
    if (is_dependent) return;
    log_std_.emplace(std::vector<Parameters::Shape>{{"log_std", {sizes.action}}}, device);
    std_optimizer_.emplace(*log_std_, AdamOptions{.learning_rate = sizes.learning_rate});
  }

  Score score(const at::Tensor& s, const at::Tensor& a) const override {
    const auto [mean, log_std] = parameters(s);
    return {Gaussian(mean, log_std).log_prob(a), log_std.detach().exp().mean()};
  }

  bool has_density() const override { return true; }

  at::Tensor center(const at::Tensor& s) const override {
    const at::NoGradGuard no_grad;
    return parameters(s).mean;
  }

  at::Tensor sample(const at::Tensor& s, const NoiseSource& noise) const override {
    const at::NoGradGuard no_grad;
    const auto [mean, log_std] = parameters(s);
    return Gaussian(mean, log_std).sample(noise).clamp(-1.0, 1.0);
  }

  void learn(const at::Tensor& loss, std::vector<Adam*> others) override {
    others.push_back(&optimizer_);
    if (std_optimizer_) others.push_back(&*std_optimizer_);
    minimize(loss, others);
  }

  void state(StateList& list) override {
    list.add("mean", mlp_);
    list.add("mean", optimizer_);
    if (!log_std_) return;
    list.add("deviation", *log_std_);
    list.add("deviation", *std_optimizer_);
  }

 private:
  struct Moments {
    at::Tensor mean, log_std;  // [B, A] each
  };

  Moments parameters(const at::Tensor& s) const {
    const at::Tensor out = mlp_(s);
    if (log_std_) {
      return {at::tanh(out),
              log_std_->at("log_std").clamp(kLeastLogStd, kMostLogStd).expand_as(out)};
    }
    const std::vector<at::Tensor> halves = out.chunk(2, 1);
    return {at::tanh(halves[0]), halves[1].clamp(kLeastLogStd, kMostLogStd)};
  }

  Mlp mlp_;
  std::optional<Parameters> log_std_;  // if it is independent of the state
  Adam optimizer_;
  std::optional<Adam> std_optimizer_;
};

// The K values of bins, and the bins of values.
class Bins {
 public:
  Bins(int64_t count, at::Device device)
      : count_(count), values_(at::linspace(-1.0, 1.0, count, at::device(device))) {}

  int64_t count() const { return count_; }
  const at::Tensor& values() const { return values_; }  // [K]

  at::Tensor nearest(const at::Tensor& a) const {  // int64
    return ((a + 1.0) * (0.5 * static_cast<double>(count_ - 1)))
        .round()
        .to(at::kLong)
        .clamp(0, count_ - 1);
  }

  // Scores of bins [..., K] and the actions [...] that they are taken of.
  PolicyHead::Score score(const at::Tensor& logits, const at::Tensor& a) const {
    const at::Tensor log_p = at::log_softmax(logits, -1);
    const at::Tensor p = log_p.detach().exp();
    const at::Tensor mean = (p * values_).sum(-1);
    const at::Tensor variance = (p * (values_ - mean.unsqueeze(-1)).square()).sum(-1);
    return {log_p.gather(-1, nearest(a).unsqueeze(-1)).squeeze(-1).sum(-1), variance.sqrt().mean()};
  }

  // Values for logits [..., K]: drawn, or without noise the most likely ones.
  at::Tensor choose(const at::Tensor& logits, const NoiseSource* noise) const {
    if (noise == nullptr)
      return values_.index_select(0, logits.argmax(-1).flatten())
          .view(logits.sizes().slice(0, static_cast<size_t>(logits.dim() - 1)));
    const at::Tensor drawn = Categorical(logits.reshape({-1, count_})).sample(*noise);
    return values_.index_select(0, drawn).view(
        logits.sizes().slice(0, static_cast<size_t>(logits.dim() - 1)));
  }

 private:
  int64_t count_;
  at::Tensor values_;
};

// Given the state, the numbers of an action are independent.
class BinnedHead final : public PolicyHead {
 public:
  BinnedHead(const PolicyHeadSizes& sizes, int64_t bins, Rng& rng, at::Device device)
      : bins_(bins, device),
        action_(sizes.action),
        mlp_(sizes.state, sizes.hidden, sizes.action * bins, rng, device,
             {.normalized_trunk = sizes.normalized_trunk}),
        optimizer_(mlp_.parameters(), {.learning_rate = sizes.learning_rate}) {}

  Score score(const at::Tensor& s, const at::Tensor& a) const override {
    return bins_.score(logits(s), a);
  }

  at::Tensor center(const at::Tensor& s) const override {
    const at::NoGradGuard no_grad;
    return bins_.choose(logits(s), nullptr);
  }

  at::Tensor sample(const at::Tensor& s, const NoiseSource& noise) const override {
    const at::NoGradGuard no_grad;
    return bins_.choose(logits(s), &noise);
  }

  void learn(const at::Tensor& loss, std::vector<Adam*> others) override {
    others.push_back(&optimizer_);
    minimize(loss, others);
  }

  void state(StateList& list) override {
    list.add("bins", mlp_);
    list.add("bins", optimizer_);
  }

 private:
  // [B, A, K]
  at::Tensor logits(const at::Tensor& s) const {
    return mlp_(s).view({s.size(0), action_, bins_.count()});
  }

  const Bins bins_;
  const int64_t action_;
  Mlp mlp_;
  Adam optimizer_;
};

// pi(a | s) = prod over i of pi_i(a_i | s, a_0 .. a_{i-1}), one network for each i. It reads the
// numbers before as the values of their bins, and 0 for the others.
class AutoregressiveHead final : public PolicyHead {
 public:
  AutoregressiveHead(const PolicyHeadSizes& sizes, int64_t bins, Rng& rng, at::Device device)
      : bins_(bins, device),
        action_(sizes.action),
        mlps_(sizes.action, sizes.state + sizes.action, sizes.hidden, bins, rng, device,
              {.normalized_trunk = sizes.normalized_trunk, .past_trunk = sizes.action}),
        optimizer_(mlps_.parameters(), {.learning_rate = sizes.learning_rate}) {}

  Score score(const at::Tensor& s, const at::Tensor& a) const override {
    const at::Tensor known = bins_.values().index_select(0, bins_.nearest(a).flatten()).view_as(a);
    std::vector<at::Tensor> logits;
    for (int64_t i = 0; i < action_; ++i) logits.push_back(member(i, s, known));
    return bins_.score(at::stack(logits, 1), a);
  }

  at::Tensor center(const at::Tensor& s) const override { return choose(s, nullptr); }

  at::Tensor sample(const at::Tensor& s, const NoiseSource& noise) const override {
    return choose(s, &noise);
  }

  void learn(const at::Tensor& loss, std::vector<Adam*> others) override {
    others.push_back(&optimizer_);
    minimize(loss, others);
  }

  void state(StateList& list) override {
    list.add("bins", mlps_);
    list.add("bins", optimizer_);
  }

 private:
  // The logits of number i, [B, K]; of a [B, A] it reads the first i numbers.
  at::Tensor member(int64_t i, const at::Tensor& s, const at::Tensor& a) const {
    const at::Tensor unknown = at::zeros_like(a.slice(1, i));
    return mlps_.member(i, at::cat({s, a.slice(1, 0, i), unknown}, 1));
  }

  at::Tensor choose(const at::Tensor& s, const NoiseSource* noise) const {
    const at::NoGradGuard no_grad;
    at::Tensor a = at::zeros({s.size(0), action_}, s.options());
    for (int64_t i = 0; i < action_; ++i) {
      a.select(1, i).copy_(bins_.choose(member(i, s, a), noise));
    }
    return a;
  }

  const Bins bins_;
  const int64_t action_;
  EnsembleMlp mlps_;
  Adam optimizer_;
};

class HeadActor final : public Actor {
 public:
  HeadActor(const PolicyHead& head, std::function<at::Tensor(const TensorMap& obs)> encode,
            at::Device device, bool explores, uint64_t seed)
      : head_(head),
        encode_(std::move(encode)),
        explores_(explores),
        rng_(seed),
        noise_(device, 0) {}

  Decision act(const TensorMap& obs) override {
    const at::NoGradGuard no_grad;
    const at::Tensor s = encode_(obs);
    if (!explores_) return {head_.center(s).cpu()};
    noise_.reseed(rng_.next_uint64());
    return {head_.sample(s, noise_).cpu()};
  }

  void state(StateList& list) override { list.add("rng", rng_); }

 private:
  const PolicyHead& head_;
  const std::function<at::Tensor(const TensorMap& obs)> encode_;
  const bool explores_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every step
};

}  // namespace

std::unique_ptr<PolicyHead> gaussian_head(const PolicyHeadSizes& sizes,
                                          const PolicyHeadOptions& options, Rng& rng,
                                          at::Device device) {
  return std::make_unique<GaussianHead>(sizes, options.deviation == "dependent", rng, device);
}

std::unique_ptr<PolicyHead> binned_head(const PolicyHeadSizes& sizes,
                                        const PolicyHeadOptions& options, Rng& rng,
                                        at::Device device) {
  if (options.autoregressive) {
    return std::make_unique<AutoregressiveHead>(sizes, options.bins, rng, device);
  }
  return std::make_unique<BinnedHead>(sizes, options.bins, rng, device);
}

std::unique_ptr<Actor> head_actor(const PolicyHead& head, StatesOf encode, at::Device device,
                                  const Acting& acting, uint64_t seed) {
  return std::make_unique<HeadActor>(head, std::move(encode), device,
                                     acting.mode == ActMode::kExplore, seed);
}

ActionDensity density_of(const PolicyHead& head, StatesOf encode) {
  if (!head.has_density()) return {};
  return {.log_prob =
              [&head, encode = std::move(encode)](const TensorMap& obs, const at::Tensor& action) {
                return head.score(encode(obs), action).log_prob;
              },
          .beyond_bounds = true};
}

}  // namespace reverie
