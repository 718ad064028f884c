#include "agents/rnd/random_network_distillation.h"

#include "nn/pch.h"

namespace reverie {

RandomNetworkDistillation::RandomNetworkDistillation(int64_t features,
                                                     const DistillationOptions& options, Rng& rng,
                                                     at::Device device)
    : clip_(options.observation_clip),
      observation_(features, device),
      error_(1, device),
      target_(features, options.hidden_sizes, options.embedding_size, rng, device),
      predictor_(features, options.hidden_sizes, options.embedding_size, rng, device),
      optimizer_(predictor_.parameters(), {.learning_rate = options.learning_rate}) {
  target_.parameters().requires_grad(false);
}

at::Tensor RandomNetworkDistillation::errors(const at::Tensor& x) const {
  const at::Tensor seen = observation_(x).clamp(-clip_, clip_);
  return (predictor_(seen) - target_(seen)).square().mean(1);
}

at::Tensor RandomNetworkDistillation::update(const at::Tensor& x) {
  const at::Tensor error = errors(x);
  const at::Tensor loss = error.mean();
  optimizer_.zero_grad();
  loss.backward();
  optimizer_.step();
  error_.update(error.detach().unsqueeze(1));
  return loss.detach();
}

at::Tensor RandomNetworkDistillation::novelty(const at::Tensor& x) const {
  const at::NoGradGuard no_grad;
  return error_.scaled(errors(x).unsqueeze(1)).squeeze(1);
}

void RandomNetworkDistillation::state(StateList& list) {
  list.add("target", target_);
  list.add("predictor", predictor_);
  list.add("predictor", optimizer_);
  list.add("observation", observation_);
  list.add("error", error_);
}

}  // namespace reverie
