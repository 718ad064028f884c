#pragma once

#include <string_view>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/parameters.h"

namespace reverie {

// Adam (Kingma & Ba 2015, algorithm 1) over all parameters of one network in one fused operation.
//
//   m <- b1 m + (1 - b1) g      v <- b2 v + (1 - b2) g^2
//   theta <- theta - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // L2 penalty added to the gradient
  // The decay shrinks the weights directly instead: AdamW (Loshchilov & Hutter 2019).
  bool decoupled_weight_decay = false;
};

class Adam {
 public:
  // Keeps a reference: the parameters must outlive the optimiser.
  Adam(Parameters& parameters, const AdamOptions& options);

  void zero_grad() { parameters_.zero_grad(); }
  void step() { step({}); }  // applies parameters.flat_grad()

  // Likewise, but changes nothing when `skip` ([] float32 on the device) is 1. For learning that
  // stops early by a condition on the device, without waiting for it. 0: as step().
  void step(const at::Tensor& skip);

  // step() reads the learning rate on the device: nothing waits, and a CUDA graph that has captured
  // step() continues with the new rate.
  void set_learning_rate(double learning_rate);

  // Lists the moments m and v and the number of steps, for learning.
  void state(StateList& list);

 private:
  Parameters& parameters_;
  AdamOptions options_;
  at::Tensor learning_rate_;  // []
  at::Tensor m_, v_, step_;
};

// One step of all the optimisers down the gradient of a loss, a scalar. Null stands for a network
// that does not exist.
void minimize(const at::Tensor& loss, const std::vector<Adam*>& optimizers);

}  // namespace reverie
