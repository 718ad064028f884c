#include "nn/parameters.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

Parameters::Parameters(const std::vector<Shape>& shapes, at::Device device) {
  int64_t total = 0;
  for (const Shape& shape : shapes) total += c10::multiply_integers(shape.shape);
  flat_ = at::zeros({total}, at::TensorOptions().dtype(at::kFloat).device(device));
  make_views(shapes);
}

Parameters::Parameters(const Parameters& other) : flat_(other.flat_.clone()) {
  std::vector<Shape> shapes;
  for (const auto& [name, parameter] : other.named_) {
    shapes.push_back({name, parameter.sizes().vec()});
  }
  make_views(shapes);
}

void Parameters::make_views(const std::vector<Shape>& shapes) {
  flat_grad_ = at::zeros_like(flat_);
  int64_t offset = 0;
  for (const Shape& shape : shapes) {
    const int64_t size = c10::multiply_integers(shape.shape);
    // A detached view shares memory but is a leaf: its gradient accumulates into its own .grad,
    // which is a view of the gradient block.
    at::Tensor parameter = flat_.narrow(0, offset, size).view(shape.shape).detach();
    parameter.set_requires_grad(true);
    parameter.mutable_grad() = flat_grad_.narrow(0, offset, size).view(shape.shape);
    named_.add(shape.name, parameter);
    offset += size;
  }
}

int64_t Parameters::numel() const { return flat_.numel(); }

void Parameters::soft_update(const Parameters& online, double tau) {
  flat_.lerp_(online.flat_, tau);
}

void Parameters::requires_grad(bool required) {
  for (auto& [name, parameter] : named_) parameter.set_requires_grad(required);
}

void Parameters::state(StateList& list) {
  for (const auto& [name, parameter] : named_) list.add_weights(name, parameter);
}

Frozen::Frozen(std::initializer_list<Parameters*> blocks) : blocks_(blocks) {
  for (Parameters* block : blocks_) block->requires_grad(false);
}

Frozen::~Frozen() {
  for (Parameters* block : blocks_) block->requires_grad(true);
}

at::Tensor clip_gradients(const std::vector<Parameters*>& blocks, double limit) {
  std::vector<at::Tensor> gradients;
  for (const Parameters* block : blocks) gradients.push_back(block->flat_grad());
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
  // PyTorch's clip_grad_norm_ has the same small constant.
  const at::Tensor scale = at::clamp_max(limit / (norm + 1e-6), 1.0);
  for (at::Tensor& gradient : gradients) gradient.mul_(scale);
  return norm;
}

}  // namespace reverie
