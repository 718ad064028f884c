#include "agents/zero_shot/networks.h"

#include <cmath>

#include "nn/ensemble_mlp.h"
#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie::zero_shot {
namespace {

// Two branches whose outputs are joined to H numbers.
void declare_branch(Shapes& shapes, const std::string& name, int64_t inputs, int64_t hidden) {
  Trunk::declare(shapes, name, inputs, hidden);
  Linear::declare(shapes, name + ".3", hidden, hidden / 2);
}

at::Tensor branch(const Parameters& parameters, const std::string& name, const at::Tensor& x) {
  return at::relu(Linear(parameters, name + ".3")(Trunk(parameters, name)(x)));
}

Shapes forward_shapes(const Sizes& n) {
  Shapes shapes;
  declare_branch(shapes, "state_action", n.state + n.action, n.hidden);
  declare_branch(shapes, "state_task", n.state + n.task, n.hidden);
  EnsembleLinear::declare(shapes, "heads.0", 2, n.hidden / 2 * 2, n.hidden);
  EnsembleLinear::declare(shapes, "heads.2", 2, n.hidden, n.outputs);
  return shapes;
}

// As in nn.Sequential, where activations count: the layer behind `layers` hidden ones.
std::string linear_name(int64_t layers) { return std::to_string(layers == 0 ? 0 : 2 * layers + 1); }

Shapes encoder_shapes(const EncoderSizes& n) {
  Shapes shapes;
  if (n.layers > 0) Trunk::declare(shapes, "", n.inputs, n.hidden);
  for (int64_t k = 1; k < n.layers; ++k) {
    Linear::declare(shapes, linear_name(k), n.hidden, n.hidden);
  }
  Linear::declare(shapes, linear_name(n.layers), n.layers == 0 ? n.inputs : n.hidden, n.outputs);
  return shapes;
}

Shapes policy_shapes(const Sizes& n) {
  Shapes shapes;
  declare_branch(shapes, "state", n.state, n.hidden);
  declare_branch(shapes, "state_task", n.state + n.task, n.hidden);
  Linear::declare(shapes, "head.0", n.hidden / 2 * 2, n.hidden);
  Linear::declare(shapes, "head.2", n.hidden, n.action);
  return shapes;
}

}  // namespace

at::Tensor on_sphere(const at::Tensor& x) {
  const double radius = std::sqrt(static_cast<double>(x.size(-1)));
  return x * (radius / x.norm(2, {-1}, true).clamp_min(1e-8));
}

Forward::Forward(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(forward_shapes(sizes), device) {
  reset_ensemble(parameters_, rng);
}

at::Tensor Forward::operator()(const at::Tensor& x, const at::Tensor& a,
                               const at::Tensor& z) const {
  const at::Tensor h = at::cat({branch(parameters_, "state_action", at::cat({x, a}, 1)),
                                branch(parameters_, "state_task", at::cat({x, z}, 1))},
                               1);
  return EnsembleLinear(parameters_,
                        "heads.2")(at::relu(EnsembleLinear(parameters_, "heads.0")(h)));
}

Policy::Policy(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(policy_shapes(sizes), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Policy::operator()(const at::Tensor& x, const at::Tensor& z) const {
  const at::Tensor h = at::cat(
      {branch(parameters_, "state", x), branch(parameters_, "state_task", at::cat({x, z}, 1))}, 1);
  return at::tanh(Linear(parameters_, "head.2")(at::relu(Linear(parameters_, "head.0")(h))));
}

Encoder::Encoder(const EncoderSizes& sizes, Rng& rng, at::Device device)
    : layers_(sizes.layers), parameters_(encoder_shapes(sizes), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Encoder::operator()(const at::Tensor& s) const {
  at::Tensor h = layers_ > 0 ? Trunk(parameters_, "")(s) : s;
  for (int64_t k = 1; k < layers_; ++k) h = at::relu(Linear(parameters_, linear_name(k))(h));
  return on_sphere(Linear(parameters_, linear_name(layers_))(h));
}

}  // namespace reverie::zero_shot
