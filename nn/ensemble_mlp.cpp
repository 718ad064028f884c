#include "nn/ensemble_mlp.h"

#include <cmath>
#include <span>

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
    // A layer's weight, [E, outputs, inputs] or [outputs, inputs], comes before its bias.
    if (name.ends_with("weight")) {
      bound = 0.0;
      if (parameter.dim() == 1) {  // of a norm
        parameter.detach().fill_(1.0);
        continue;
      }
      bound = 1.0 / std::sqrt(static_cast<double>(parameter.size(-1)));
    }
    fill_uniform(parameter, bound, rng);
  }
}

namespace {

// Names as in PyTorch's nn.Sequential(Linear, ReLU, Linear, ...), which counts activations.
const std::string kTrunk = "trunk";

std::string ensemble_layer(size_t index) { return std::to_string(2 * index); }

Shapes ensemble_shapes(int64_t members, int64_t inputs, std::span<const int64_t> hidden,
                       int64_t outputs, const MlpOptions& options) {
  Shapes shapes;
  inputs = declare_trunk(shapes, kTrunk, inputs, hidden, options);
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
                         int64_t outputs, Rng& rng, at::Device device, MlpOptions options)
    : options_(options),
      layers_(hidden.size() + (options.normalized_trunk ? 0 : 1)),
      parameters_(ensemble_shapes(members, inputs, hidden, outputs, options), device) {
  reset_ensemble(parameters_, rng);
}

at::Tensor EnsembleMlp::input(const at::Tensor& x) const {
  return options_.normalized_trunk ? Trunk(parameters_, kTrunk)(x) : x;
}

at::Tensor EnsembleMlp::operator()(const at::Tensor& x) const {
  at::Tensor h = input(x);
  for (size_t i = 0; i < layers_; ++i) {
    if (i > 0) h = at::relu(h);
    h = EnsembleLinear(parameters_, ensemble_layer(i))(h);
  }
  return h;
}

at::Tensor EnsembleMlp::member(int64_t index, const at::Tensor& x) const {
  at::Tensor h = input(x);
  for (size_t i = 0; i < layers_; ++i) {
    if (i > 0) h = at::relu(h);
    h = EnsembleLinear(parameters_, ensemble_layer(i)).member(index, h);
  }
  return h;
}

}  // namespace reverie
