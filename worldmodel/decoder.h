#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "worldmodel/network.h"

namespace reverie {

// Turns latents into pictures for people to look at. It is trained afterwards on the latents of a
// model that stays unchanged (Maes et al. 2026, arXiv:2603.19312, section on visualisation; theirs
// is a transformer, this one is for two CPU cores).
//
// A perceptron makes cells of 16 x 16 pixels. Four convolutions each double the sides by turning
// four channels into 2 x 2 pixels (Shi et al. 2016, arXiv:1609.05158). The output is the difference
// from the mean picture, so parts that never move need no capacity.
//
// Letters: N latents of D numbers, pictures H x W of C channels.
class Decoder final : public Network {
 public:
  // The sides of a picture that it can draw are multiples of this [px].
  static constexpr int64_t kCell = 16;
  static bool can_draw(const std::vector<int64_t>& picture);

  // picture: [H, W, C]. Throws Error(kInput) unless can_draw(). The same generator gives the same
  // weights.
  Decoder(int64_t latent_size, const std::vector<int64_t>& picture, Rng& rng, at::Device device);

  // Sets the reference of all drawings: mean and scale of each latent number, the mean picture and
  // one scale of the deviations from it. Latent numbers that never vary have scale 1, and pictures
  // that never vary are drawn unchanged. latents: [N, D], pixels: [N, H, W, C] uint8. Call it
  // before training.
  void set_statistics(const at::Tensor& latents, const at::Tensor& pixels);

  // [N, D] to [N, C, H, W], where 1.0 is white; not limited to [0, 1].
  at::Tensor operator()(const at::Tensor& latents) const;

  // The mean squared error against pixels [N, H, W, C] uint8, a scalar. Pixels that differ from the
  // mean picture have a larger weight; otherwise small moving parts would be ignored.
  at::Tensor loss(const at::Tensor& latents, const at::Tensor& pixels) const;

  // The pictures, [N, H, W, C] uint8 on the CPU, without gradient.
  at::Tensor pictures(const at::Tensor& latents) const;

  // Writes one safetensors file, with the training step of the model whose latents it draws.
  // Atomic.
  void save_file(const std::filesystem::path& file, int64_t model_step);

  // Returns that step. Throws Error(kInput) with one message that names the file and every missing,
  // unexpected and mis-shaped tensor.
  int64_t load_file(const std::filesystem::path& file);

 private:
  at::Tensor as_input(const at::Tensor& pixels) const;

  std::vector<int64_t> picture_;
  Linear hidden_, cells_;
  std::vector<Conv2d> layers_;
  at::Tensor latent_mean_, latent_scale_;    // [D]
  at::Tensor picture_mean_, picture_scale_;  // [C, H, W], []
};

}  // namespace reverie
