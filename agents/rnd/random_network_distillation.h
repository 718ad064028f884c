#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/normalizer.h"
#include "nn/state_list.h"
#include "nn/tensor_map.h"

namespace reverie {

struct DistillationOptions {
  std::vector<int64_t> hidden_sizes = {1024, 1024};  // of predictor and target
  int64_t embedding_size = 512;                      // numbers that are predicted
  double learning_rate = 1e-4;                       // Adam's, of the predictor
  double observation_clip = 5.0;                     // [standard deviations]
};

// Measures the novelty of an observation: the error with which a trained network g predicts the
// output of a fixed random network f. g is trained on the observations seen, so the error is small
// there and large elsewhere.
//
//   e(x) = mean_k (g_k(x') - f_k(x'))^2,   x' = clip((x - mean) / deviation, -c, c)
//   novelty(x) = e(x) / deviation of e
//
// Means and deviations are running statistics: of all observations, and of all errors that g was
// trained on.
//
// Source: Burda et al. 2018, "Exploration by random network distillation"; sizes and step size of
// rll-research/url_benchmark, agent/rnd.py and rnd.yaml @710c3eb. differs: observations are
// standardised over everything gathered, as in Burda et al., where url_benchmark uses each batch;
// weights are initialised as in Mlp, not orthogonally.
class RandomNetworkDistillation {
 public:
  RandomNetworkDistillation(int64_t features, const DistillationOptions& options, Rng& rng,
                            at::Device device);

  // x: [B, features]. Adds to the running statistics of observations.
  void observe(const at::Tensor& x) { observation_.update(x); }

  // One step of the predictor on x; also updates the statistics of its error. Returns the mean
  // error before the step, a scalar without gradient.
  at::Tensor update(const at::Tensor& x);

  // x: [B, features]. Returns [B] without gradient, about 1 for observations of average novelty.
  at::Tensor novelty(const at::Tensor& x) const;

  // Lists networks, statistics and the optimiser's moments.
  void state(StateList& list);

 private:
  at::Tensor errors(const at::Tensor& x) const;

  double clip_;
  Normalizer observation_;  // [features]
  Normalizer error_;        // [1]
  Mlp target_, predictor_;
  Adam optimizer_;
};

}  // namespace reverie
