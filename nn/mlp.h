#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/layers.h"
#include "nn/parameters.h"

namespace reverie {

struct MlpOptions {
  // The first layer is a Trunk (nn/layers.h) instead of Linear -> ReLU.
  bool normalized_trunk = false;

  // So many of the inputs, the last ones, join the output of that trunk: what a critic reads beside
  // a large state. Without a trunk it has no effect.
  int64_t past_trunk = 0;

  // A layer norm behind the ReLU of each hidden layer (not of the trunk, which has its own).
  bool layer_norm = false;
};

// Declares the trunk of a network, if the options want one, and takes its width from the front of
// `hidden`. Returns the number of inputs of the layer behind it, or `inputs`. Throws Error when no
// width is left or one is below 1.
int64_t declare_trunk(Shapes& shapes, const std::string& name, int64_t inputs,
                      std::span<const int64_t>& hidden, const MlpOptions& options);

// A multi-layer perceptron: linear layers with ReLU between them and a linear output; with
// `layer_norm` the hidden layers are Linear -> ReLU -> LayerNorm.
class Mlp {
 public:
  // inputs -> hidden[0] -> ... -> outputs. Weights and biases are drawn from U(-k, k) with
  // k = 1/sqrt(fan in), PyTorch's default for nn.Linear, so that published hyper-parameters carry
  // over; a layer norm begins with gain 1 and bias 0. Throws Error unless every width is at least
  // 1, and for a normalised trunk without a hidden layer.
  Mlp(int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs, Rng& rng,
      at::Device device, MlpOptions options = {});

  // x: [B, inputs] float32. Returns [B, outputs].
  at::Tensor operator()(const at::Tensor& x) const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  void state(StateList& list) { parameters_.state(list); }

 private:
  MlpOptions options_;
  Parameters parameters_;
};

}  // namespace reverie
