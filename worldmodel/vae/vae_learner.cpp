#include "worldmodel/vae/vae_learner.h"

#include "core/random.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

TensorMap metrics(const Vae::Loss& loss, const Vae& model) {
  return {{"loss/total", loss.total.detach()},
          {"loss/reconstruction", loss.reconstruction.detach()},
          {"loss/kl", loss.kl.detach()},
          {"output_std", model.output_std()}};
}

}  // namespace

void VaeTrainingOptions::describe(ConfigFields& f) {
  f.add("vae_learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("vae_minibatch", minibatch, "pictures per update", between(1, 1 << 20));
}

VaeLearner::VaeLearner(Vae& model, const VaeTrainingOptions& options, uint64_t seed)
    : model_(model),
      options_(options),
      noise_(model.device(), seed),
      adam_(model.parameters(), {.learning_rate = options.learning_rate}),
      seed_(static_cast<int64_t>(seed)) {}

TensorMap VaeLearner::update(const at::Tensor& pixels) {
  // Seeded by the step, so that a resumed run draws the same.
  noise_.reseed(mix_seed({static_cast<uint64_t>(seed_), static_cast<uint64_t>(step_)}));
  const Vae::Loss loss = model_.loss(pixels, noise_);
  TensorMap out = metrics(loss, model_);
  minimize(loss.total, {&adam_});
  ++step_;
  return out;
}

TensorMap VaeLearner::validate(const at::Tensor& pixels, uint64_t seed) const {
  const at::NoGradGuard no_grad;
  return metrics(model_.loss(pixels, NoiseSource(model_.device(), seed)), model_);
}

void VaeLearner::state(StateList& list) {
  list.add("adam", adam_);
  list.add("learner.step", step_);
  list.add("learner.seed", seed_);
}

}  // namespace reverie
