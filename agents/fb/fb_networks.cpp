#include "agents/fb/fb_networks.h"

#include <cmath>

#include "nn/ensemble_mlp.h"
#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie::fb {
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
  EnsembleLinear::declare(shapes, "heads.2", 2, n.hidden, n.task);
  return shapes;
}

Shapes backward_shapes(const Sizes& n) {
  Shapes shapes;
  Trunk::declare(shapes, "", n.goal, n.hidden);
  Linear::declare(shapes, "3", n.hidden, n.hidden);
  Linear::declare(shapes, "5", n.hidden, n.task);
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

at::Tensor Forward::operator()(const at::Tensor& s, const at::Tensor& a,
                               const at::Tensor& z) const {
  const at::Tensor h = at::cat({branch(parameters_, "state_action", at::cat({s, a}, 1)),
                                branch(parameters_, "state_task", at::cat({s, z}, 1))},
                               1);
  return EnsembleLinear(parameters_,
                        "heads.2")(at::relu(EnsembleLinear(parameters_, "heads.0")(h)));
}

Backward::Backward(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(backward_shapes(sizes), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Backward::operator()(const at::Tensor& g) const {
  const at::Tensor h = at::relu(Linear(parameters_, "3")(Trunk(parameters_, "")(g)));
  return on_sphere(Linear(parameters_, "5")(h));
}

Policy::Policy(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(policy_shapes(sizes), device) {
  reset_parameters(parameters_, rng);
}

at::Tensor Policy::operator()(const at::Tensor& s, const at::Tensor& z) const {
  const at::Tensor h = at::cat(
      {branch(parameters_, "state", s), branch(parameters_, "state_task", at::cat({s, z}, 1))}, 1);
  return at::tanh(Linear(parameters_, "head.2")(at::relu(Linear(parameters_, "head.0")(h))));
}

}  // namespace reverie::fb
