#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"

namespace reverie {

// A multi-layer perceptron: linear layers with ReLU between them and a linear output.
class Mlp {
 public:
  // inputs -> hidden[0] -> ... -> outputs. Weights and biases are drawn from U(-k, k) with
  // k = 1/sqrt(fan in), PyTorch's default for nn.Linear, so that published hyper-parameters carry
  // over. Throws Error unless every width is at least 1.
  Mlp(int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs, Rng& rng,
      at::Device device);

  // x: [B, inputs] float32. Returns [B, outputs].
  at::Tensor operator()(const at::Tensor& x) const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  Parameters parameters_;
};

}  // namespace reverie
