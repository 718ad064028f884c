#include "nn/mlp.h"

#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Names as in PyTorch's nn.Sequential(Linear, ReLU, Linear, ...), so that state dicts load in both
// directions: activations count as an index, and so does the layer norm of nn.Sequential(Linear,
// LayerNorm, Tanh, Linear, ...).
std::vector<Parameters::Shape> layer_shapes(int64_t inputs, const std::vector<int64_t>& hidden,
                                            int64_t outputs, const MlpOptions& options) {
  REVERIE_CHECK(!options.normalized_trunk || !hidden.empty(),
                "network: a normalised trunk without a hidden layer, expected at least one");
  std::vector<int64_t> widths{inputs};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(outputs);
  std::vector<Parameters::Shape> shapes;
  size_t number = 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    REVERIE_CHECK(widths[i] >= 1 && widths[i + 1] >= 1,
                  "network: a layer of {} x {}, expected widths of at least 1", widths[i + 1],
                  widths[i]);
    shapes.push_back({fmt::format("{}.weight", number), {widths[i + 1], widths[i]}});
    shapes.push_back({fmt::format("{}.bias", number), {widths[i + 1]}});
    number += 2;
    if (i == 0 && options.normalized_trunk) {
      shapes.push_back({"1.weight", {widths[1]}});
      shapes.push_back({"1.bias", {widths[1]}});
      ++number;
    }
  }
  return shapes;
}

}  // namespace

Mlp::Mlp(int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs, Rng& rng,
         at::Device device, MlpOptions options)
    : options_(options), parameters_(layer_shapes(inputs, hidden, outputs, options), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Mlp::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  const TensorMap& layers = parameters_.named();
  bool trunk = options_.normalized_trunk;
  for (auto it = layers.begin(); it != layers.end();) {
    const at::Tensor& weight = (it++)->second;
    const at::Tensor& bias = (it++)->second;
    h = at::linear(h, weight, bias);
    if (trunk) {
      const at::Tensor& gain = (it++)->second;
      const at::Tensor& offset = (it++)->second;
      h = at::tanh(at::layer_norm(h, gain.sizes(), gain, offset));
      trunk = false;
    } else if (it != layers.end()) {
      h = at::relu(h);
    }
  }
  return h;
}

}  // namespace reverie
