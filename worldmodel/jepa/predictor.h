#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "nn/noise_source.h"
#include "worldmodel/network.h"

namespace reverie {

// Letters: B sequences, T frames, D latent numbers, A numbers of an action, C of its embedding.

// Maps actions to embeddings, one by one: a linear layer that mixes the numbers of one action
// block, then linear, SiLU, linear.
class ActionEncoder final : public Network {
 public:
  ActionEncoder(int64_t inputs, int64_t mixed, int64_t hidden, int64_t outputs, Rng& rng,
                at::Device device);

  at::Tensor operator()(const at::Tensor& actions) const;  // [B, T, A] to [B, T, C]

 private:
  at::Tensor mix_weight_, mix_bias_;
  Linear input_, output_;
};

struct PredictorOptions {
  int64_t frames = 3;         // the longest history
  int64_t latent_size = 192;  // D, and C
  int64_t width = 192;        // of the blocks
  int64_t depth = 6;          // blocks
  int64_t heads = 16;
  int64_t head_size = 64;
  int64_t hidden_size = 2048;  // of the blocks' multi-layer perceptrons
  double dropout = 0.1;        // in training: of attention, and after attention and perceptron
};

// Predicts the latent of each next frame from the frames up to it: a causal transformer that feeds
// the action into its blocks by adaptive layer norms initialised to zero (AdaLN-zero, Peebles & Xie
// 2023), so that initially every block returns its input.
class Predictor final : public Network {
 public:
  Predictor(const PredictorOptions& options, Rng& rng, at::Device device);

  const PredictorOptions& options() const { return options_; }

  // z: [B, T, D] latents, actions: [B, T, C] embeddings of the actions taken at each, T <= frames.
  // Returns [B, T, D]: the latent after each. dropout: its source of noise in training; null: no
  // dropout.
  at::Tensor operator()(const at::Tensor& z, const at::Tensor& actions,
                        const NoiseSource* dropout = nullptr) const;

  // A step of a rollout, with the memory that makes the next one cheaper.
  struct Step {
    at::Tensor next;    // [B, D], the latent after the last frame, as operator() gives it
    at::Tensor memory;  // for the step after it, whose history is z and `next` without what is more
                        // than `frames`: [B, min(T, frames - 1), C or more]
  };

  // For inference only; it skips work needed only for other frames' outputs. z: [B, T, D] latents,
  // action: [B, C] the action at the last of them, memory: [B, T - 1, C] the actions at those
  // before, or the memory that the previous step returned; undefined if T = 1. While the history
  // grows, the memory also holds keys and values of every block: frames keep their positions then,
  // and none sees a later one. Throws Error(kInput) for a memory of another shape.
  Step step(const at::Tensor& z, const at::Tensor& memory, const at::Tensor& action) const;

 private:
  struct Block {
    LayerNorm attention_norm, perceptron_norm;  // of the attention and the perceptron themselves
    Linear query_key_value, attention_output;
    Linear perceptron_input, perceptron_output;
    Linear modulation;
  };

  // One pass over a history, or over frames that follow others with known keys and values.
  struct Pass {
    int64_t outputs;  // for the last so many frames
    const NoiseSource* dropout = nullptr;
    at::Tensor known = {};  // [B, P, depth * 2 * inner()] of the P previous frames
    std::vector<at::Tensor>* kept =
        nullptr;  // takes each block's keys and values [B, T, 2 inner()]
  };

  int64_t inner() const { return options_.heads * options_.head_size; }
  at::Tensor attend(size_t block, const at::Tensor& x, int64_t queries, const Pass& pass) const;
  at::Tensor run_block(size_t index, const at::Tensor& x, const at::Tensor& condition,
                       const Pass& pass) const;
  at::Tensor run(const at::Tensor& z, const at::Tensor& actions, const Pass& pass) const;

  PredictorOptions options_;
  at::Tensor position_;                // [1, frames, D]
  Linear input_, condition_, output_;  // if the width differs from the latents'
  std::vector<Block> blocks_;
  LayerNorm plain_norm_;  // before the modulation
  LayerNorm final_norm_;
};

}  // namespace reverie
