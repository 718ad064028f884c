#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

class StateList;

// The parameters of one network in one block of memory, and their gradients in another. Each named
// parameter is a view of the block, so optimisers, target updates and norms are single operations
// instead of loops over many small tensors.
class Parameters {
 public:
  struct Shape {
    std::string name;            // "0.weight"
    std::vector<int64_t> shape;  // {256, 4}
  };

  // All zero; the network's constructor initialises them.
  Parameters(const std::vector<Shape>& shapes, at::Device device);

  // A copy has its own memory, equal values and zero gradients: a target network.
  Parameters(const Parameters& other);
  Parameters& operator=(const Parameters&) = delete;

  const at::Tensor& flat() const { return flat_; }            // [P] float32
  const at::Tensor& flat_grad() const { return flat_grad_; }  // [P] float32
  const TensorMap& named() const { return named_; }           // views of flat(), leaves of autograd
  const at::Tensor& at(std::string_view name) const { return named_.at(name); }
  int64_t numel() const;

  void zero_grad() { flat_grad_.zero_(); }

  // theta <- (1 - tau) theta + tau online: Polyak averaging of a target network. tau = 1 copies.
  void soft_update(const Parameters& online, double tau);

  // Whether backward() computes gradients of these parameters. Turn it off (Frozen, for a while)
  // where another network is trained through this one (an actor through its critic), to save
  // gradients that nobody reads.
  void requires_grad(bool required);

  // Lists every parameter under its name, as weights.
  void state(StateList& list);

 private:
  void make_views(const std::vector<Shape>& shapes);

  at::Tensor flat_, flat_grad_;
  TensorMap named_;
};

// While it lives, backward() computes no gradients of these blocks.
class Frozen {
 public:
  explicit Frozen(std::initializer_list<Parameters*> blocks);
  ~Frozen();
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  std::vector<Parameters*> blocks_;
};

// Scales the gradients of all blocks together so that their joint Euclidean norm is at most
// `limit`. Returns the norm before scaling, a scalar on the device.
at::Tensor clip_gradients(const std::vector<Parameters*>& blocks, double limit);

}  // namespace reverie
