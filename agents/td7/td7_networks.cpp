#include "agents/td7/td7_networks.h"

#include "nn/ensemble_mlp.h"
#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie::td7 {
namespace {

Parameters initialized(const Shapes& shapes, Rng& rng, at::Device device) {
  Parameters parameters(shapes, device);
  reset_parameters(parameters, rng);
  return parameters;
}

Shapes embedding_shapes(const Sizes& n) {
  Shapes shapes;
  Linear::declare(shapes, "zs1", n.state, n.hidden);
  Linear::declare(shapes, "zs2", n.hidden, n.hidden);
  Linear::declare(shapes, "zs3", n.hidden, n.embedding);
  Linear::declare(shapes, "zsa1", n.embedding + n.action, n.hidden);
  Linear::declare(shapes, "zsa2", n.hidden, n.hidden);
  Linear::declare(shapes, "zsa3", n.hidden, n.embedding);
  return shapes;
}

Shapes critic_shapes(const Sizes& n) {
  Shapes shapes;
  EnsembleLinear::declare(shapes, "q0", 2, n.state + n.action, n.hidden);
  EnsembleLinear::declare(shapes, "q1", 2, 2 * n.embedding + n.hidden, n.hidden);
  EnsembleLinear::declare(shapes, "q2", 2, n.hidden, n.hidden);
  EnsembleLinear::declare(shapes, "q3", 2, n.hidden, 1);
  return shapes;
}

Shapes policy_shapes(const Sizes& n) {
  Shapes shapes;
  Linear::declare(shapes, "l0", n.state, n.hidden);
  Linear::declare(shapes, "l1", n.embedding + n.hidden, n.hidden);
  Linear::declare(shapes, "l2", n.hidden, n.hidden);
  Linear::declare(shapes, "l3", n.hidden, n.action);
  return shapes;
}

}  // namespace

at::Tensor avg_l1_norm(const at::Tensor& x) { return x / x.abs().mean(-1, true).clamp_min(1e-8); }

Embeddings::Embeddings(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(initialized(embedding_shapes(sizes), rng, device)) {}

at::Tensor Embeddings::state(const at::Tensor& s) const {
  const at::Tensor h = at::elu(Linear(parameters_, "zs1")(s));
  return avg_l1_norm(Linear(parameters_, "zs3")(at::elu(Linear(parameters_, "zs2")(h))));
}

at::Tensor Embeddings::state_action(const at::Tensor& z_s, const at::Tensor& a) const {
  const at::Tensor h = at::elu(Linear(parameters_, "zsa1")(at::cat({z_s, a}, 1)));
  return Linear(parameters_, "zsa3")(at::elu(Linear(parameters_, "zsa2")(h)));
}

Critics::Critics(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(critic_shapes(sizes), device) {
  reset_ensemble(parameters_, rng);
}

at::Tensor Critics::operator()(const at::Tensor& s, const at::Tensor& a, const at::Tensor& z_sa,
                               const at::Tensor& z_s) const {
  const at::Tensor q0 = avg_l1_norm(EnsembleLinear(parameters_, "q0")(at::cat({s, a}, 1)));
  const at::Tensor embeddings = at::cat({z_sa, z_s}, 1).expand({2, -1, -1});
  const at::Tensor h = at::elu(EnsembleLinear(parameters_, "q1")(at::cat({q0, embeddings}, 2)));
  return EnsembleLinear(parameters_, "q3")(at::elu(EnsembleLinear(parameters_, "q2")(h)))
      .squeeze(2);
}

Policy::Policy(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(initialized(policy_shapes(sizes), rng, device)) {}

at::Tensor Policy::operator()(const at::Tensor& s, const at::Tensor& z_s) const {
  return at::tanh(raw(s, z_s));
}

at::Tensor Policy::raw(const at::Tensor& s, const at::Tensor& z_s) const {
  const at::Tensor l0 = avg_l1_norm(Linear(parameters_, "l0")(s));
  const at::Tensor h = at::relu(Linear(parameters_, "l1")(at::cat({l0, z_s}, 1)));
  return Linear(parameters_, "l3")(at::relu(Linear(parameters_, "l2")(h)));
}

}  // namespace reverie::td7
