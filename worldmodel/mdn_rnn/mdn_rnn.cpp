#include "worldmodel/mdn_rnn/mdn_rnn.h"

#include <fmt/ranges.h>

#include "nn/pch.h"

namespace reverie {

void MdnRnnOptions::describe(ConfigFields& f) {
  f.add("memory_size", memory_size, "units of the LSTM", between(1, 1 << 16));
  f.add("components", components, "Gaussians in the mixture of each latent number",
        between(1, 1 << 10));
  f.add("predict_reward", predicts_reward, "a head that predicts rewards");
  f.add("predict_end", predicts_end, "a head that predicts where episodes end");
}

Shapes MdnRnn::shapes(const MdnRnnOptions& options, int64_t latent_size, int64_t action_size) {
  REVERIE_CHECK(
      latent_size >= 1 && action_size >= 1 && options.components >= 1,
      "mdn-rnn: latents of {} numbers, actions of {} and {} components, expected at least "
      "1 each",
      latent_size, action_size, options.components);
  const int64_t size = options.memory_size;
  Shapes out;
  RecurrentLayer::declare(out, "lstm", RecurrentKind::kLstm, latent_size + action_size, size,
                          /*second_bias=*/false);
  Linear::declare(out, "mixtures", size,
                  latent_size * GaussianMixture::size(options.components, 1));
  if (options.predicts_reward) Linear::declare(out, "reward", size, 1);
  if (options.predicts_end) Linear::declare(out, "end", size, 1);
  return out;
}

MdnRnn::MdnRnn(const MdnRnnOptions& options, int64_t latent_size, int64_t action_size, Rng& rng,
               at::Device device)
    : Network(shapes(options, latent_size, action_size), device),
      options_(options),
      latent_size_(latent_size),
      action_size_(action_size),
      lstm_(parameters(), "lstm", RecurrentKind::kLstm),
      mixtures_(parameters(), "mixtures") {
  if (options.predicts_reward) reward_ = Linear(parameters(), "reward");
  if (options.predicts_end) end_ = Linear(parameters(), "end");
  reset_parameters(parameters(), rng);
  const int64_t size = options.memory_size;  // gates in the order i, f, g, o
  parameters().at("lstm.bias_ih_l0").detach().narrow(0, size, size).add_(1.0);
}

at::Tensor MdnRnn::initial_memory(int64_t worlds) const {
  return at::zeros({worlds, 2 * options_.memory_size}, parameters().flat().options());
}

at::Tensor MdnRnn::inputs(const at::Tensor& z, const at::Tensor& action) const {
  REVERIE_CHECK(
      z.size(-1) == latent_size_ && action.size(-1) == action_size_,
      "mdn-rnn: latents of {} numbers and actions of {}, expected {} and {}: those it was "
      "made for",
      z.size(-1), action.size(-1), latent_size_, action_size_);
  return at::cat({z, action}, -1);
}

at::Tensor MdnRnn::read(const at::Tensor& z, const at::Tensor& action, const at::Tensor& memory,
                        const at::Tensor& started) const {
  return lstm_(inputs(z, action), memory, started);
}

at::Tensor MdnRnn::step(const at::Tensor& z, const at::Tensor& action,
                        const at::Tensor& memory) const {
  return lstm_.step(inputs(z, action), memory);
}

MdnRnn::Prediction MdnRnn::next(const at::Tensor& h) const {
  const int64_t numbers = GaussianMixture::size(options_.components, 1);
  return {.next = GaussianMixture(mixtures_(h).view({-1, numbers}), options_.components, 1),
          .latent_size = latent_size_};
}

at::Tensor MdnRnn::Prediction::log_prob(const at::Tensor& z) const {
  return next.log_prob(z.reshape({-1, 1})).view({-1, latent_size}).sum(1);
}

at::Tensor MdnRnn::Prediction::mean() const { return next.mean().view({-1, latent_size}); }

at::Tensor MdnRnn::Prediction::draw(const NoiseSource& noise, double temperature) const {
  const at::NoGradGuard no_grad;
  return next.at_temperature(temperature).draw(1, noise).view({-1, latent_size});
}

at::Tensor MdnRnn::Prediction::at_noise(const at::Tensor& choice, const at::Tensor& normal,
                                        double temperature) const {
  return next.at_temperature(temperature)
      .at_noise(choice.flatten(), normal.reshape({-1, 1}))
      .view({-1, latent_size});
}

at::Tensor MdnRnn::reward(const at::Tensor& h) const {
  REVERIE_CHECK(options_.predicts_reward,
                "mdn-rnn: a model without a reward head; train it with --predict-reward true");
  return reward_(h).squeeze(-1);
}

at::Tensor MdnRnn::end_logit(const at::Tensor& h) const {
  REVERIE_CHECK(options_.predicts_end,
                "mdn-rnn: a model without a termination head; train it with --predict-end true");
  return end_(h).squeeze(-1);
}

LatentState MdnRnn::predict(const LatentState& state, const at::Tensor& action) {
  const at::Tensor memory = step(state.z, action, state.h);
  return {next(output(memory)).mean(), memory};
}

}  // namespace reverie
