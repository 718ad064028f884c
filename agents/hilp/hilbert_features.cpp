#include "agents/hilp/hilbert_features.h"

#include "nn/ensemble_mlp.h"
#include "nn/pch.h"

namespace reverie::hilp {
namespace {

constexpr double kLeastSquare = 1e-6;  // below it the square root's gradient would explode

Shapes shapes(const Sizes& n) {
  Shapes shapes;
  EnsembleLinear::declare(shapes, "0", 2, n.goal, n.hidden);
  EnsembleNorm::declare(shapes, "1", 2, n.hidden);
  EnsembleLinear::declare(shapes, "3", 2, n.hidden, n.hidden);
  shapes.push_back({"5.weight", {2, n.features, n.hidden}});
  return shapes;
}

}  // namespace

HilbertFeatures::HilbertFeatures(const Sizes& sizes, Rng& rng, at::Device device)
    : parameters_(shapes(sizes), device) {
  reset_ensemble(parameters_, rng);
}

at::Tensor HilbertFeatures::operator()(const at::Tensor& g) const {
  const at::Tensor h =
      at::tanh(EnsembleNorm(parameters_, "1")(EnsembleLinear(parameters_, "0")(g)));
  const at::Tensor last = at::relu(EnsembleLinear(parameters_, "3")(h));
  return at::bmm(last, parameters_.at("5.weight").transpose(1, 2));
}

at::Tensor HilbertFeatures::first(const at::Tensor& g) const {
  const at::Tensor h = at::tanh(
      EnsembleNorm(parameters_, "1").member(0, EnsembleLinear(parameters_, "0").member(0, g)));
  const at::Tensor last = at::relu(EnsembleLinear(parameters_, "3").member(0, h));
  return at::linear(last, parameters_.at("5.weight")[0]);
}

at::Tensor distance_value(const at::Tensor& phi_s, const at::Tensor& phi_g) {
  return -(phi_s - phi_g).square().sum(2).clamp_min(kLeastSquare).sqrt();
}

}  // namespace reverie::hilp
