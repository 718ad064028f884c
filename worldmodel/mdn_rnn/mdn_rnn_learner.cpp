#include "worldmodel/mdn_rnn/mdn_rnn_learner.h"

#include <fmt/ranges.h>

#include "core/random.h"
#include "nn/gaussian_code.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

void check_shape(const at::Tensor& x, const char* name, at::IntArrayRef expected) {
  const std::vector<int64_t> found = x.defined() ? x.sizes().vec() : std::vector<int64_t>{};
  REVERIE_CHECK(x.defined() && x.sizes() == expected, "mdn-rnn: {} of {}, expected {}{}", name,
                found, expected.vec(), x.defined() ? "" : ": the sequences lack it");
}

// Over the steps that count. x: [T, B].
at::Tensor mean_over_steps(const at::Tensor& x, const at::Tensor& weight) {
  return weight.defined() ? (x * weight).sum() / weight.sum().clamp_min(1.0) : x.mean();
}

}  // namespace

void MdnRnnTrainingOptions::describe(ConfigFields& f) {
  f.add("rnn_learning_rate", learning_rate, "Adam's step size for the recurrent model", above(0));
  f.add("rnn_gradient_limit", gradient_limit, "largest element of its gradient", above(0));
  f.add("reward_weight", reward_weight, "weight of the reward head's loss", at_least(0));
  f.add("end_weight", end_weight, "weight of the termination head's loss", at_least(0));
  f.add("end_factor", end_factor, "how many times steps behind which an episode ends count",
        above(0));
  f.set_lifelong({"end_factor"});  // it is part of what the termination head means
}

MdnRnnLearner::MdnRnnLearner(MdnRnn& model, const MdnRnnTrainingOptions& options, uint64_t seed)
    : model_(model),
      options_(options),
      noise_(model.device(), seed),
      adam_(model.parameters(), {.learning_rate = options.learning_rate}),
      seed_(static_cast<int64_t>(seed)) {}

TensorMap MdnRnnLearner::losses(const LatentSequences& data, const NoiseSource& noise) const {
  REVERIE_CHECK(data.mean.dim() == 3 && data.mean.size(0) >= 2,
                "mdn-rnn: latents of {}, expected [steps + 1, sequences, numbers] of 2 frames or "
                "more",
                data.mean.sizes().vec());
  const int64_t steps = data.mean.size(0) - 1, sequences = data.mean.size(1);
  const int64_t size = model_.latent_size();
  check_shape(data.mean, "latents", {steps + 1, sequences, size});
  check_shape(data.action, "actions", {steps, sequences, model_.action_size()});
  if (data.log_variance.defined()) {
    check_shape(data.log_variance, "log variances", data.mean.sizes());
  }
  if (data.started.defined()) check_shape(data.started, "starts", {steps, sequences});
  if (data.weight.defined()) check_shape(data.weight, "weights", {steps, sequences});

  const at::Tensor z = data.log_variance.defined()
                           ? GaussianCode{data.mean, data.log_variance}.draw(noise)
                           : data.mean;
  const at::Tensor h = model_.read(z.narrow(0, 0, steps), data.action,
                                   model_.initial_memory(sequences), data.started);

  const at::Tensor log_p = model_.next(h.flatten(0, 1))
                               .log_prob(z.narrow(0, 1, steps).reshape({-1, size}))
                               .view({steps, sequences});
  const at::Tensor latent = mean_over_steps(-log_p / static_cast<double>(size), data.weight);
  TensorMap out{{"loss/latent", latent}};
  at::Tensor total = latent;
  if (model_.options().predicts_reward) {
    check_shape(data.reward, "rewards", {steps, sequences});
    const at::Tensor reward =
        mean_over_steps((model_.reward(h) - data.reward).square(), data.weight);
    out.add("loss/reward", reward);
    total = total + options_.reward_weight * reward;
  }
  if (model_.options().predicts_end) {
    check_shape(data.ended, "ends", {steps, sequences});
    const at::Tensor logit = model_.end_logit(h);
    const at::Tensor factor = 1.0 + (options_.end_factor - 1.0) * data.ended;
    const at::Tensor cross_entropy = factor * (at::softplus(logit) - data.ended * logit);
    const at::Tensor end = mean_over_steps(cross_entropy, data.weight);
    out.add("loss/end", end);
    total = total + options_.end_weight * end;
  }
  out.add("loss/total", total);
  return out;
}

TensorMap MdnRnnLearner::update(const LatentSequences& data) {
  // Seeded by the step, so that a resumed run draws the same.
  noise_.reseed(mix_seed({static_cast<uint64_t>(seed_), static_cast<uint64_t>(step_)}));
  TensorMap out = losses(data, noise_);
  adam_.zero_grad();
  out.at("loss/total").backward();
  model_.parameters().flat_grad().clamp_(-options_.gradient_limit, options_.gradient_limit);
  adam_.step();
  ++step_;
  for (auto& [name, value] : out) value = value.detach();
  return out;
}

TensorMap MdnRnnLearner::validate(const LatentSequences& data, uint64_t seed) const {
  const at::NoGradGuard no_grad;
  return losses(data, NoiseSource(model_.device(), seed));
}

void MdnRnnLearner::state(StateList& list) {
  list.add("adam", adam_);
  list.add("learner.step", step_);
  list.add("learner.seed", seed_);
}

}  // namespace reverie
