#include "nn/ensemble_mlp.h"

#include <cmath>

#include "nn/pch.h"

namespace reverie {

void EnsembleLinear::declare(Shapes& shapes, const std::string& name, int64_t members,
                             int64_t inputs, int64_t outputs) {
  REVERIE_CHECK(members >= 1 && inputs >= 1 && outputs >= 1,
                "network: {} layers of {} x {}, expected at least 1 each", members, outputs,
                inputs);
  shapes.push_back({name + ".weight", {members, outputs, inputs}});
  shapes.push_back({name + ".bias", {members, outputs}});
}

EnsembleLinear::EnsembleLinear(const Parameters& parameters, const std::string& name)
    : weight_(parameters.at(name + ".weight")), bias_(parameters.at(name + ".bias")) {}

at::Tensor EnsembleLinear::operator()(const at::Tensor& x) const {
  if (x.dim() == 3) return at::baddbmm(bias_.unsqueeze(1), x, weight_.transpose(1, 2));
  // One wide layer: [B, E outputs], then [E, B, outputs].
  const at::Tensor y = at::linear(x, weight_.flatten(0, 1), bias_.flatten());
  return y.view({x.size(0), weight_.size(0), weight_.size(1)}).transpose(0, 1);
}

at::Tensor EnsembleLinear::member(int64_t index, const at::Tensor& x) const {
  return at::linear(x, weight_.select(0, index), bias_.select(0, index));
}

void reset_ensemble(Parameters& parameters, Rng& rng) {
  double bound = 0.0;
  for (const auto& [name, parameter] : parameters.named()) {
    // A layer's weight [E, outputs, inputs] comes before its bias [E, outputs].
    if (parameter.dim() == 3) bound = 1.0 / std::sqrt(static_cast<double>(parameter.size(2)));
    const at::Tensor values = at::empty(parameter.sizes(), at::kFloat);
    auto* data = values.mutable_data_ptr<float>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      data[i] = static_cast<float>(rng.uniform(-bound, bound));
    }
    parameter.detach().copy_(values);
  }
}

namespace {

// Names as in PyTorch's nn.Sequential(Linear, ReLU, Linear, ...), which counts activations.
std::string ensemble_layer(size_t index) { return std::to_string(2 * index); }

Shapes ensemble_shapes(int64_t members, int64_t inputs, const std::vector<int64_t>& hidden,
                       int64_t outputs) {
  Shapes shapes;
  size_t layer = 0;
  for (const int64_t width : hidden) {
    EnsembleLinear::declare(shapes, ensemble_layer(layer++), members, inputs, width);
    inputs = width;
  }
  EnsembleLinear::declare(shapes, ensemble_layer(layer), members, inputs, outputs);
  return shapes;
}

}  // namespace

EnsembleMlp::EnsembleMlp(int64_t members, int64_t inputs, const std::vector<int64_t>& hidden,
                         int64_t outputs, Rng& rng, at::Device device)
    : layers_(hidden.size() + 1),
      parameters_(ensemble_shapes(members, inputs, hidden, outputs), device) {
  reset_ensemble(parameters_, rng);
}

at::Tensor EnsembleMlp::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (size_t i = 0; i < layers_; ++i) {
    if (i > 0) h = at::relu(h);
    h = EnsembleLinear(parameters_, ensemble_layer(i))(h);
  }
  return h;
}

at::Tensor EnsembleMlp::member(int64_t index, const at::Tensor& x) const {
  at::Tensor h = x;
  for (size_t i = 0; i < layers_; ++i) {
    if (i > 0) h = at::relu(h);
    h = EnsembleLinear(parameters_, ensemble_layer(i)).member(index, h);
  }
  return h;
}

}  // namespace reverie
