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

void EnsembleNorm::declare(Shapes& shapes, const std::string& name, int64_t members, int64_t size) {
  shapes.push_back({name + ".gain", {members, size}});
  shapes.push_back({name + ".bias", {members, size}});
}

EnsembleNorm::EnsembleNorm(const Parameters& parameters, const std::string& name)
    : gain_(parameters.at(name + ".gain")), bias_(parameters.at(name + ".bias")) {}

at::Tensor EnsembleNorm::operator()(const at::Tensor& x) const {
  return at::addcmul(bias_.unsqueeze(1), at::layer_norm(x, {x.size(-1)}), gain_.unsqueeze(1));
}

at::Tensor EnsembleNorm::member(int64_t index, const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, gain_.select(0, index), bias_.select(0, index));
}

void reset_ensemble(Parameters& parameters, Rng& rng) {
  double bound = 0.0;
  for (const auto& [name, parameter] : parameters.named()) {
    if (name.ends_with("gain")) {  // of a norm; its bias follows
      bound = 0.0;
      parameter.detach().fill_(1.0);
      continue;
    }
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

// Of the linear layer `index`; its norm follows behind the activation.
size_t layer_number(size_t index, const MlpOptions& options) {
  return (options.layer_norm ? 3 : 2) * index;
}

Shapes ensemble_shapes(int64_t members, int64_t inputs, std::span<const int64_t> hidden,
                       int64_t outputs, const MlpOptions& options) {
  Shapes shapes;
  inputs = declare_trunk(shapes, kTrunk, inputs, hidden, options);
  size_t layer = 0;
  for (const int64_t width : hidden) {
    const size_t number = layer_number(layer++, options);
    EnsembleLinear::declare(shapes, std::to_string(number), members, inputs, width);
    if (options.layer_norm) {
      EnsembleNorm::declare(shapes, std::to_string(number + 2), members, width);
    }
    inputs = width;
  }
  EnsembleLinear::declare(shapes, std::to_string(layer_number(layer, options)), members, inputs,
                          outputs);
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

// All members, or one of them.
at::Tensor EnsembleMlp::forward(const at::Tensor& x, std::optional<int64_t> member) const {
  const auto apply = [&](const auto& layer, const at::Tensor& h) {
    return member ? layer.member(*member, h) : layer(h);
  };
  at::Tensor h = options_.normalized_trunk ? Trunk(parameters_, kTrunk)(x) : x;
  for (size_t i = 0; i < layers_; ++i) {
    const size_t number = layer_number(i, options_);
    h = apply(EnsembleLinear(parameters_, std::to_string(number)), h);
    if (i + 1 == layers_) break;
    h = at::relu(h);
    if (options_.layer_norm) h = apply(EnsembleNorm(parameters_, std::to_string(number + 2)), h);
  }
  return h;
}

at::Tensor EnsembleMlp::operator()(const at::Tensor& x) const { return forward(x, std::nullopt); }

at::Tensor EnsembleMlp::member(int64_t index, const at::Tensor& x) const {
  return forward(x, index);
}

}  // namespace reverie
