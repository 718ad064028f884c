#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "core/spec.h"
#include "worldmodel/action_code.h"
#include "worldmodel/goal_space.h"
#include "worldmodel/heads.h"
#include "worldmodel/mdn_rnn/mdn_rnn.h"
#include "worldmodel/mdn_rnn/mdn_rnn_learner.h"
#include "worldmodel/vae/vae.h"
#include "worldmodel/world_model.h"

namespace reverie {

class StateList;

struct VisionMemoryOptions {
  VisionMemoryOptions() { memory.predicts_reward = memory.predicts_end = true; }

  VaeOptions vision;
  MdnRnnOptions memory;
  MdnRnnTrainingOptions memory_training;  // end_factor is part of what the end head means
};

// V and M of World Models (Ha & Schmidhuber 2018, arXiv:1803.10122): a VAE turns each picture into
// a latent z, and an MDN-RNN predicts the next one. Together they are a world to act in, real or
// imagined.
//
// As a WorldModel it remembers the last kHistory pictures, as Heads it expects the rewards and ends
// that M predicts, and as GoalSpace it compares latents. Predictions are the means of M's mixtures.
//
// Letters: N worlds, D latent numbers, H outputs of the LSTM, A numbers of an action or choices.
class VisionMemory final : public WorldModel, public GoalSpace, public Heads {
 public:
  // spec: a SpaceAdapter's. Throws Error(kInput) for an environment without pictures or with
  // stacked ones, for pictures that the VAE's layout cannot read, and for sizes out of range.
  VisionMemory(const EnvSpec& spec, const VisionMemoryOptions& options, Rng& rng,
               at::Device device);

  Vae& vision() { return vision_; }
  const Vae& vision() const { return vision_; }
  MdnRnn& memory() { return memory_; }
  const MdnRnn& memory() const { return memory_; }
  at::Device device() const { return vision_.device(); }

  // Actions as M reads them: [..., A] float32 in [-1, 1] as they are, [...] int64 as one-hot codes.
  at::Tensor action_code(const at::Tensor& action) const;

  // Pictures that a planner shows: memories that are longer begin with them.
  static constexpr int64_t kHistory = 8;

  LatentState encode(const TensorMap& obs, const at::Tensor& action) override;
  LatentState predict(const LatentState& state, const at::Tensor& action) override;
  bool differentiable() const override { return true; }
  int64_t history() const override { return kHistory; }
  const ActionCode& actions() const override { return actions_; }

  LatentState encode_goal(const TensorMap& obs) override;
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override;

  // Throws Error(kInput) where the model has no such heads. There is no head for values: 0.
  at::Tensor reward(const LatentState& state, const at::Tensor& action,
                    const LatentState& next) override;
  at::Tensor value(const LatentState& state) override;
  at::Tensor termination(const LatentState& state) override;

  // N worlds: what is seen, z [N, D], and what is remembered, [N, 2 H].
  struct Worlds {
    at::Tensor z, memory;
  };

  // Beginnings of episodes to dream from: the latents of first pictures, [S, D].
  const at::Tensor& starts() const { return starts_; }
  void set_starts(const at::Tensor& z);

  // Whether there are such beginnings and M has learnt (note_memory_update()).
  bool can_dream() const;
  void note_memory_update();

  // How many times more than other steps M learnt those that end an episode; saved with the
  // weights.
  double end_factor() const;

  // The random numbers of one step of dreams, each row independent: uniform in [0, 1) and standard
  // normal.
  struct DreamNoise {
    at::Tensor choice, normal;  // [N, D]: of the mixtures' components, and around them
    at::Tensor end;             // [N]
  };

  // One step of dreams: the next worlds, and of the step the reward [N] and whether it ended the
  // episode [N] bool, which it does with the predicted chance. temperature: of the mixtures, see
  // GaussianMixture::at_temperature(). Throws Error(kInput) where the model has no such heads.
  struct Dreamt {
    Worlds next;
    at::Tensor reward, ended;
  };
  Dreamt dream(const Worlds& worlds, const at::Tensor& action, const DreamNoise& noise,
               double temperature) const;

  // The chance that the step which led to h [N, H] ended the episode: [N]. Learning counts ends
  // end_factor times, which is taken out again.
  at::Tensor end_chance(const at::Tensor& h) const;

  // Lists the weights, the starts, and what end_factor() and can_dream() depend on.
  void state(StateList& list);

 private:
  int64_t choices_;     // of discrete actions; 0 = continuous
  ActionCode actions_;  // without statistics: as they are
  Vae vision_;
  MdnRnn memory_;
  at::Tensor starts_;                       // [kStarts, D]
  at::Tensor has_starts_;                   // [] 0 or 1
  at::Tensor memory_updates_, end_factor_;  // [] each
};

// N environments as a VisionMemory sees and remembers them.
class Perception {
 public:
  // The model must outlive it.
  Perception(const VisionMemory& model, int64_t num_envs);

  // Environments where the mask ([N] bool) is true begin a new episode, with nothing to remember.
  void begin(const at::Tensor& mask);

  // Their pictures are not looked at until they begin again: z stays what it was.
  void ignore(const at::Tensor& mask);

  // What is seen now and what is remembered: z [N, D] and h [N, H] on the model's device, without
  // gradient. pixels: [N, H, W, C] uint8.
  struct Seen {
    at::Tensor z, h;
    at::Tensor joined() const;  // [N, D + H]
  };
  Seen see(const at::Tensor& pixels);

  // Remembers the step from what was seen last. action: as in Decision.
  void act(const at::Tensor& action);

  // Lists what it remembers.
  void state(StateList& list);

  // The same as numbers, without what is ignored. Throws Error(kInput) for another length and
  // numbers that are not finite.
  std::vector<double> numbers() const;
  void set_numbers(std::span<const double> numbers);

 private:
  const VisionMemory& model_;
  at::Tensor z_, memory_;  // [N, D], [N, 2 H]
  at::Tensor is_ignored_;  // [N] bool on the CPU
};

}  // namespace reverie
