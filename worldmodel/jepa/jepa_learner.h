#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/config.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "replay/batch.h"
#include "worldmodel/jepa/jepa.h"
#include "worldmodel/jepa/regulariser.h"

namespace reverie {

class StateList;

// How a JEPA is trained. Defaults are LeWorldModel's, except the learning rate, which depends on
// the architecture.
struct JepaTrainingOptions {
  RegulariserOptions regulariser;
  double regulariser_weight = 0.09;  // lambda
  double learning_rate = 0.0;        // 0 = Jepa::default_learning_rate()
  double weight_decay = 1e-3;
  double warmup = 0.01;         // fraction of the run
  double gradient_limit = 1.0;  // of the norm
  int64_t minibatch = 128;      // sequences

  void describe(ConfigFields& fields);
};

// One update of all parts together:
//
//   L = mean (predictor(z_t, a_t) - z_t+1)^2 + lambda R(z)
//
// Gradients also flow through the target z_t+1. There is no stop-gradient and no moving average:
// only the regulariser R keeps the latents apart. AdamW with warm-up and cosine schedule, gradients
// clipped.
//
// Source: LeWorldModel (Maes et al. 2026, arXiv:2603.19312) and its code, which is followed where
// the two differ: an element-wise mean, R of the encoder's latents alone.
class JepaLearner {
 public:
  // The model must outlive it. seed: for the dropout.
  JepaLearner(Jepa& model, const JepaTrainingOptions& options, uint64_t seed,
              DataParallel parallel = {});

  // What update() needs sampled: history + 1 frames and the blocks of actions between them.
  SampleSpec sample_spec() const;

  // One training step. progress: the fraction of training that is done, [0, 1]. Returns the loss
  // terms "loss/prediction", "loss/regulariser" and "loss/total", and "gradient/norm" before
  // clipping, on the model's device. Nothing waits for them, and a batch on that device stays
  // there.
  TensorMap update(const SequenceBatch& batch, double progress);

  // Returns the same terms without learning, and latent_statistics(), without the prefix
  // ("prediction", "effective_rank", ...). It uses the batch's own statistics as in training
  // (ForwardMode::kValidation): the running ones lag behind a fresh network, and latents would look
  // collapsed through them. The regulariser's statistic may grow with the number of samples, so it
  // is the mean over whole minibatches of the batch, or over the whole batch if that is smaller.
  TensorMap validate(const SequenceBatch& batch) const;

  // Lists the moments of the optimiser, the number of steps and the seed.
  void state(StateList& list);

 private:
  struct Forward {
    at::Tensor z;           // [B, F, D]
    at::Tensor prediction;  // the loss
  };
  Forward forward(const SequenceBatch& batch, ForwardMode mode, const NoiseSource* dropout) const;
  at::Tensor regularise(const at::Tensor& z) const;

  Jepa& model_;
  JepaTrainingOptions options_;
  double learning_rate_;
  int64_t seed_;
  NoiseSource dropout_;
  DataParallel parallel_;
  std::unique_ptr<Regulariser> regulariser_;
  std::vector<Parameters*> parameters_;
  std::vector<std::pair<std::string, Adam>> optimizers_;
  int64_t step_ = 0;
};

}  // namespace reverie
