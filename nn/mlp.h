#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"

namespace reverie {

struct MlpOptions {
  // The first layer is Linear -> LayerNorm -> Tanh instead of Linear -> ReLU, which bounds the
  // input of the later layers at any input scale (the `trunk` of Yarats et al. 2021, DrQ-v2).
  bool normalized_trunk = false;
};

// A multi-layer perceptron: linear layers with ReLU between them and a linear output.
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
