#pragma once

#include <ATen/core/TensorBody.h>

#include "nn/layers.h"
#include "nn/parameters.h"
#include "nn/tensor_map.h"

namespace reverie {

// A network with its parameters and buffers (running statistics): an exchangeable part of a model.
// Its layers refer to both, so it must not move.
class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  // Lists parameters and buffers under their names, as weights.
  void state(StateList& list);

 protected:
  Network(const Shapes& shapes, at::Device device) : parameters_(shapes, device) {}

  TensorMap& buffers() { return buffers_; }

 private:
  Parameters parameters_;
  TensorMap buffers_;  // handles
};

}  // namespace reverie
