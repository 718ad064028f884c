#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/spec.h"
#include "worldmodel/action_code.h"
#include "worldmodel/goal_space.h"
#include "worldmodel/jepa/encoder.h"
#include "worldmodel/jepa/predictor.h"
#include "worldmodel/jepa/projector.h"
#include "worldmodel/world_model.h"

namespace reverie {

// One line of `reverie list worldmodels`.
struct JepaArchitecture {
  std::string name;  // "lewm"
  std::string summary;
};
const std::vector<JepaArchitecture>& jepa_architectures();

// The parts of a JEPA. 0 means the architecture's value.
struct JepaOptions {
  std::string architecture = "jepa-small";
  int64_t latent_size = 0;
  int64_t history = 3;
  int64_t action_block = 5;
  std::vector<int64_t> encoder_channels = {32, 64, 128};
  int64_t predictor_width = 0;
  int64_t predictor_depth = 0;
  double dropout = 0.1;

  void describe(ConfigFields& fields);
};

// A joint-embedding predictive architecture. Pictures become latents, and the latent of the next
// picture is predicted from the previous latents and the actions between them. No pixel is ever
// predicted.
//
//   z_t    = projector(encoder(picture_t))
//   z'_t+1 = projector'(predictor(z_t-2 .. z_t, a_t-2 .. a_t))
//
// `lewm` is LeWorldModel's (Maes et al. 2026, arXiv:2603.19312): 224 x 224 pictures, ViT-tiny/14,
// 303 tensors with the reference's names and shapes, so that its weights load. `jepa-small` is for
// two CPU cores: 64 x 64 pictures, a convolutional encoder, a small predictor of the same kind.
//
// Letters: B sequences, F frames, H x W pixels, D latent numbers, M numbers of an action block.
class Jepa final : public WorldModel, public GoalSpace {
 public:
  // pixels: the environment's field [H, W, C] uint8. Throws Error(kInput) for pictures or actions
  // that the architecture does not support. The same generator gives the same weights.
  Jepa(const JepaOptions& options, const Field& pixels, const ActionSpace& action, Rng& rng,
       at::Device device);

  // Implements WorldModel; of obs it reads `pixels`, [B, F, H, W, C]. action: [B, F - 1, k, A] as
  // the environment takes them, undefined if F = 1. Only the most recent frames up to the model's
  // history are used. Throws Error(kInput) for other shapes. State: z [B, K, D] the last K <=
  // history latents, h [B, K - 1, ...] what Predictor::step() remembers of the steps between them.
  LatentState encode(const TensorMap& obs, const at::Tensor& action) override;

  // action: [B, M], or [B, k] int64 where actions are discrete.
  LatentState predict(const LatentState& state, const at::Tensor& action) override;

  bool differentiable() const override { return true; }
  int64_t history() const override { return options_.history; }
  const ActionCode& actions() const override { return actions_; }

  // Implements GoalSpace: reads `goal_pixels`; the distance is the squared distance to the latest
  // latent, summed over its numbers.
  LatentState encode_goal(const TensorMap& obs) override;
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override;

  // The latents of single pictures: [N, H, W, C] uint8 to [N, D]. Throws Error(kInput) for pictures
  // of another size.
  at::Tensor latents(const at::Tensor& pixels, ForwardMode mode = ForwardMode::kInference);

  // z: [B, F, D], action_blocks: [B, F, M]. Returns [B, F, D], the latents predicted to follow
  // each. dropout: its source of noise; null: no dropout.
  at::Tensor predict_next(const at::Tensor& z, const at::Tensor& action_blocks, ForwardMode mode,
                          const NoiseSource* dropout = nullptr);

  // Sets mean and standard deviation of the environment's actions, see ActionCode.
  void set_action_statistics(const at::Tensor& mean, const at::Tensor& std) {
    actions_.set_statistics(mean, std);
  }

  const JepaOptions& options() const { return options_; }
  at::Device device() const { return device_; }

  // AdamW's peak learning rate by default: 5e-5 for LeWorldModel, 5e-4 for jepa-small.
  double default_learning_rate() const;

  // Every parameter block to optimise, with the name that its tensors are saved under.
  std::vector<std::pair<std::string, Parameters*>> parameters();

  // Lists the networks' tensors by the reference's names, and the actions' statistics.
  void state(StateList& list);

  // Reads only the networks from a safetensors file: published weights, or a run's model, whose
  // action statistics are then ignored. Throws Error(kInput) with one message that names every
  // missing, unexpected and mis-shaped tensor; then nothing is changed.
  void load_weights(const std::filesystem::path& file);

 private:
  std::vector<std::pair<std::string, Network*>> networks() const;
  at::Tensor pictures(const at::Tensor& pixels) const;

  JepaOptions options_;
  std::vector<int64_t> image_shape_;  // [H, W, C]
  at::Device device_;
  ActionCode actions_;
  int64_t latent_size_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Predictor> predictor_;
  std::unique_ptr<ActionEncoder> action_encoder_;
  std::unique_ptr<Projector> projector_, prediction_projector_;
  at::Tensor pixel_scale_, pixel_shift_;  // [C, 1, 1]
};

}  // namespace reverie
