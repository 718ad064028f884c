#include "nn/mlp.h"

#include <iterator>

#include "nn/pch.h"

namespace reverie {
namespace {

// Names as in PyTorch's nn.Sequential(Linear, ReLU, Linear, ...), so that state dicts load in both
// directions: activations count as an index, and so does the layer norm of nn.Sequential(Linear,
// LayerNorm, Tanh, Linear, ...).
std::vector<Parameters::Shape> layer_shapes(int64_t inputs, const std::vector<int64_t>& hidden,
                                            int64_t outputs, const MlpOptions& options) {
  Shapes shapes;
  std::span<const int64_t> behind = hidden;
  std::vector<int64_t> widths{declare_trunk(shapes, "", inputs, behind, options)};
  widths.insert(widths.end(), behind.begin(), behind.end());
  widths.push_back(outputs);
  size_t number = options.normalized_trunk ? 3 : 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    REVERIE_CHECK(widths[i] >= 1 && widths[i + 1] >= 1,
                  "network: a layer of {} x {}, expected widths of at least 1", widths[i + 1],
                  widths[i]);
    Linear::declare(shapes, std::to_string(number), widths[i], widths[i + 1]);
    number += 2;
    if (!options.layer_norm || i + 2 == widths.size()) continue;
    LayerNorm::declare(shapes, std::to_string(number), widths[i + 1]);
    ++number;
  }
  return shapes;
}

}  // namespace

int64_t declare_trunk(Shapes& shapes, const std::string& name, int64_t inputs,
                      std::span<const int64_t>& hidden, const MlpOptions& options) {
  if (!options.normalized_trunk) return inputs;
  REVERIE_CHECK(!hidden.empty(),
                "network: a normalised trunk without a hidden layer, expected at least one");
  const int64_t width = hidden.front(), read = inputs - options.past_trunk;
  REVERIE_CHECK(width >= 1 && read >= 1,
                "network: a trunk of {} x {}, expected widths of at least 1", width, read);
  Trunk::declare(shapes, name, read, width);
  hidden = hidden.subspan(1);
  return width + options.past_trunk;
}

Mlp::Mlp(int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs, Rng& rng,
         at::Device device, MlpOptions options)
    : options_(options), parameters_(layer_shapes(inputs, hidden, outputs, options), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Mlp::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  const TensorMap& layers = parameters_.named();
  auto it = layers.begin();
  if (options_.normalized_trunk) {
    h = Trunk(parameters_, "")(h);
    std::advance(it, 4);
  }
  while (it != layers.end()) {
    const at::Tensor& weight = (it++)->second;
    const at::Tensor& bias = (it++)->second;
    h = at::linear(h, weight, bias);
    if (it == layers.end()) break;
    h = at::relu(h);
    if (!options_.layer_norm) continue;
    const at::Tensor& gain = (it++)->second;
    const at::Tensor& shift = (it++)->second;
    h = at::layer_norm(h, {h.size(-1)}, gain, shift);
  }
  return h;
}

}  // namespace reverie
