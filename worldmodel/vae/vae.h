#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/random.h"
#include "nn/gaussian_code.h"
#include "nn/layers.h"
#include "nn/noise_source.h"
#include "worldmodel/network.h"

namespace reverie {

struct VaeOptions {
  int64_t latent_size = 32;                            // D
  std::vector<int64_t> channels = {32, 64, 128, 256};  // of the encoder's convolutions

  // How the sizes of pictures shrink and grow (Vae below).
  std::string layout = "paper";

  double beta = 1.0;  // weight of the KL term (Higgins et al. 2017)

  // A picture's KL is not pushed below so many nats for each latent number.
  double free_nats = 0.5;

  // The standard deviation of pixels around the decoder's picture, where white is 1: fixed, or
  // learnt from this start, one for all pixels (Rybkin et al. 2021, arXiv:2006.13202). sqrt(1/2)
  // makes the loss of a picture its sum of squared errors.
  bool learn_output_std = false;
  double output_std = 0.70710678118654752;

  // Flags --latent-size, --vae-channels, --vae-layout, --beta, --free-nats, --learn-output-std,
  // --output-std.
  void describe(ConfigFields& fields);
};

// A variational autoencoder of pictures (Kingma & Welling 2014, arXiv:1312.6114): an encoder gives
// each picture x a code q(z|x) = N(mean, diag(exp(log_variance))) of D numbers, and a decoder a
// picture of each z. The loss of a picture is
//
//   L = -log p(x|z) + beta max(KL(q(z|x) || N(0, I)), free_nats D),   z ~ q(z|x)
//
// with independent pixels p(x|z) = N(decoder(z), output_std^2).
//
// Convolutions with ReLU, a linear layer of the code, a linear layer back, transposed convolutions
// with ReLU, and a sigmoid:
//
//   paper   64 x 64 pictures and 4 convolutions: 4x4 / 2 without padding (31, 14, 6, 2), back from
//           1 x 1 by 5x5, 5x5, 6x6 and 6x6 / 2 (5, 13, 30, 64). With the default channels and 3
//           colours it is the network of World Models: 4,348,547 parameters with 32 latent numbers
//           and 4,446,915 with 64.
//   mirror  any size and number of convolutions: 4x4 / 2 without padding, back by the same kernels;
//           rows and columns that the encoder did not reach repeat their neighbours.
//
// Defaults are those of the paper's car racing.
//
// Source: Ha & Schmidhuber 2018, "World Models", arXiv:1803.10122, and its code (vae.py); differs:
// PyTorch's initialisation.
//
// Letters: N pictures of H x W and C channels, D latent numbers.
class Vae final : public Network {
 public:
  // picture: [H, W, C]. Throws Error(kInput) for pictures that the layout cannot read, and for
  // options out of range. The same generator gives the same weights.
  Vae(const VaeOptions& options, const std::vector<int64_t>& picture, Rng& rng, at::Device device);

  const VaeOptions& options() const { return options_; }
  const std::vector<int64_t>& picture() const { return picture_; }  // [H, W, C]
  at::Device device() const { return device_; }

  // Pictures are [N, H, W, C] uint8, on any device, everywhere. Throw Error(kInput) for another
  // size or type, naming both.

  // The codes of pictures, with gradient.
  GaussianCode code(const at::Tensor& pixels) const;

  // Their means, for acting: [N, D] float32, without noise and gradient.
  at::Tensor encode(const at::Tensor& pixels) const;

  // Pictures of latents [N, D], with gradient: [N, C, H, W] in (0, 1), where 1 is white.
  at::Tensor decode(const at::Tensor& z) const;

  // For people: [N, H, W, C] uint8 on the CPU, without gradient.
  at::Tensor pictures(const at::Tensor& z) const;

  struct Loss {
    at::Tensor total;           // [], with gradient
    at::Tensor reconstruction;  // [], mean -log p(x|z), without constants
    at::Tensor kl;              // [], mean KL [nats], above and below the free ones
  };
  Loss loss(const at::Tensor& pixels, const NoiseSource& noise) const;

  // log p(x|z) at z = mean, in nats, without gradient: [N]. Pictures unlike those that it learnt
  // from have a low one: the negative is an outlier score.
  at::Tensor log_likelihood(const at::Tensor& pixels) const;

  // output_std, as a scalar on the device.
  at::Tensor output_std() const;

 private:
  static Shapes shapes(const VaeOptions& options, const std::vector<int64_t>& picture);

  at::Tensor as_input(const at::Tensor& pixels) const;  // [N, C, H, W] in [0, 1]
  at::Tensor features(const at::Tensor& input) const;   // [N, F]
  at::Tensor log_std() const;                           // []
  at::Tensor squared_errors(const at::Tensor& drawn, const at::Tensor& seen) const;  // [N]

  VaeOptions options_;
  std::vector<int64_t> picture_;
  at::Device device_;
  std::vector<Conv2d> encoder_;
  GaussianLayer code_;
  Linear cells_;
  std::vector<ConvTranspose2d> decoder_;
};

}  // namespace reverie
