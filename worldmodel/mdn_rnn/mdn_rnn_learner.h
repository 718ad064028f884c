#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "nn/tensor_map.h"
#include "worldmodel/mdn_rnn/mdn_rnn.h"

namespace reverie {

class StateList;

// How an MDN-RNN is trained. Defaults are those of World Models.
struct MdnRnnTrainingOptions {
  double learning_rate = 1e-3;
  double gradient_limit = 1.0;  // of each element
  double reward_weight = 1.0;   // of the heads' losses beside the mixtures'
  double end_weight = 1.0;
  double end_factor =
      10.0;  // steps behind which an episode ends count so many times: they are rare

  // Flags --rnn-learning-rate, --rnn-gradient-limit, --reward-weight, --end-weight, --end-factor.
  void describe(ConfigFields& fields);
};

// T steps of B sequences, with the latents before and behind each step. Frame T closes the last
// step.
struct LatentSequences {
  // Of the codes of frames: [T + 1, B, D]. z is drawn from them anew for each update, so that the
  // model does not learn one draw by heart; an undefined log_variance stands for z = mean.
  at::Tensor mean, log_variance = {};
  at::Tensor action;        // [T, B, A]
  at::Tensor reward = {};   // [T, B]; only a reward head reads it
  at::Tensor ended = {};    // [T, B] float, 1 where the episode terminates; for a termination head
  at::Tensor started = {};  // [T, B] bool, where an episode begins; undefined: the first step alone
  // [T, B] float, 0 for steps that do not count, such as that from the last frame of an episode to
  // the first of the next one; undefined: all count.
  at::Tensor weight = {};
};

// One update of all parts together:
//
//   L = mean (-log p(z_(t+1) | h_t) / D) + reward_weight mean (r - r_t)^2
//       + end_weight mean (weighted cross entropy of the end)
//
// by Adam, each element of the gradient clipped. Means are over the steps that count.
class MdnRnnLearner {
 public:
  // The model must outlive it. seed: of the latents' noise.
  MdnRnnLearner(MdnRnn& model, const MdnRnnTrainingOptions& options, uint64_t seed);

  // One step. Returns "loss/total", "loss/latent", and of the heads that there are "loss/reward"
  // and "loss/end", on the model's device; nothing waits for them. Throws Error(kInput) where the
  // sequences lack what a head learns from, and for sizes that do not fit.
  TensorMap update(const LatentSequences& data);

  // The same without learning, with other noise for each `seed`.
  TensorMap validate(const LatentSequences& data, uint64_t seed) const;

  // Lists the optimiser's moments, the number of steps and the seed.
  void state(StateList& list);

 private:
  TensorMap losses(const LatentSequences& data, const NoiseSource& noise) const;

  MdnRnn& model_;
  MdnRnnTrainingOptions options_;
  NoiseSource noise_;
  Adam adam_;
  int64_t seed_;
  int64_t step_ = 0;
};

}  // namespace reverie
