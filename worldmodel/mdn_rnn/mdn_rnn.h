#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/random.h"
#include "nn/gaussian_mixture.h"
#include "nn/layers.h"
#include "nn/noise_source.h"
#include "nn/recurrent.h"
#include "worldmodel/dynamics.h"
#include "worldmodel/network.h"

namespace reverie {

struct MdnRnnOptions {
  int64_t memory_size = 256;  // H, of the LSTM
  int64_t components = 5;     // K, of the mixture of each latent number
  bool predicts_reward = false;
  bool predicts_end = false;  // whether an episode terminates

  // Flags --memory-size, --components, --predict-reward, --predict-end.
  void describe(ConfigFields& fields);
};

// A recurrent world model of latents: an LSTM reads latent and action, and its output h gives what
// may come next,
//
//   h_t, c_t = LSTM([z_t, a_t], h_(t-1), c_(t-1))
//   p(z_(t+1) | h_t) = product over the D numbers of a mixture of K Gaussians each
//   reward_t ~ w h_t + b,   P(the episode ends behind step t) = sigmoid(v h_t + d)
//
// The mixtures of the numbers are independent: each has its own weights. The LSTM has one bias, as
// TensorFlow's: with 32 latent numbers, 3 actions and without heads it has the paper's 422,368
// parameters.
//
// As Dynamics it predicts the mean of the mixtures, with gradients to the actions. A state's z is
// [B, D], and its h [B, 2 H] the LSTM's h followed by c.
//
// Source: Ha & Schmidhuber 2018, "World Models", arXiv:1803.10122, and its code (rnn.py,
// doomrnn.py); differs: PyTorch's initialisation with a forget gate open at first (bias 1, their
// forget_bias), log deviations are clipped to [-5, 2].
//
// Letters: T steps, B worlds, D latent numbers, A numbers of an action.
class MdnRnn final : public Network, public Dynamics {
 public:
  // Throws Error(kInput) for sizes below 1. The same generator gives the same weights.
  MdnRnn(const MdnRnnOptions& options, int64_t latent_size, int64_t action_size, Rng& rng,
         at::Device device);

  const MdnRnnOptions& options() const { return options_; }
  int64_t latent_size() const { return latent_size_; }
  int64_t action_size() const { return action_size_; }
  at::Device device() const { return parameters().flat().device(); }

  // The memory at the beginning of an episode: 0, [B, 2 H].
  at::Tensor initial_memory(int64_t worlds) const;

  // The outputs h of sequences: [T, B, H]. z: [T, B, D], action: [T, B, A]; memory and started as
  // in RecurrentLayer. Throws Error(kInput) for other sizes.
  at::Tensor read(const at::Tensor& z, const at::Tensor& action, const at::Tensor& memory,
                  const at::Tensor& started = {}) const;

  // The memory behind one step. z: [B, D], action: [B, A], memory: [B, 2 H].
  at::Tensor step(const at::Tensor& z, const at::Tensor& action, const at::Tensor& memory) const;

  // h of a memory, [B, H]: what a controller reads beside z.
  at::Tensor output(const at::Tensor& memory) const { return lstm_.output(memory); }

  // What h [N, H] says of the next step.
  struct Prediction {
    GaussianMixture next;  // N D rows of K mixtures over one number: those of row 0 first
    int64_t latent_size;   // D

    at::Tensor log_prob(const at::Tensor& z) const;  // [N, D] to [N], summed over the numbers
    at::Tensor mean() const;                         // [N, D]

    // One draw for each row, without gradient: [N, D]. temperature: see
    // GaussianMixture::at_temperature().
    at::Tensor draw(const NoiseSource& noise, double temperature = 1.0) const;

    // The draw that these random numbers [N, D] stand for: GaussianMixture::at_noise().
    at::Tensor at_noise(const at::Tensor& choice, const at::Tensor& normal,
                        double temperature = 1.0) const;
  };
  Prediction next(const at::Tensor& h) const;

  // [N], of h [N, H]. Throw Error(kInput) where the model has no such head.
  at::Tensor reward(const at::Tensor& h) const;
  at::Tensor end_logit(const at::Tensor& h) const;

  LatentState predict(const LatentState& state, const at::Tensor& action) override;
  bool differentiable() const override { return true; }

 private:
  static Shapes shapes(const MdnRnnOptions& options, int64_t latent_size, int64_t action_size);

  // [..., D + A].
  at::Tensor inputs(const at::Tensor& z, const at::Tensor& action) const;

  MdnRnnOptions options_;
  int64_t latent_size_, action_size_;
  RecurrentLayer lstm_;
  Linear mixtures_;
  Linear reward_, end_;  // undefined without such a head
};

}  // namespace reverie
