#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"
#include "nn/normalizer.h"
#include "nn/state_list.h"
#include "nn/tensor_map.h"

namespace reverie {

// The input of a network on vector observations: every floating-point field of the environment,
// flattened and concatenated in the order of the spec, optionally standardised by running
// statistics.
class ObservationFeatures {
 public:
  // Throws Error when the environment has no floating-point field.
  ObservationFeatures(const EnvSpec& spec, bool normalize, at::Device device);

  int64_t size() const { return size_; }
  at::Device device() const { return device_; }

  // obs: [B, ...] of every field. Returns [B, size()] float32 on the device: normalized(joined()).
  at::Tensor operator()(const TensorMap& obs) const { return normalized(joined(obs)); }

  // The numbers of the fields as they are, and rows of such numbers standardised: [B, size()].
  at::Tensor joined(const TensorMap& obs) const;
  at::Tensor normalized(const at::Tensor& x) const { return normalize_ ? normalizer_(x) : x; }

  // The inverse of normalized().
  at::Tensor restored(const at::Tensor& x) const {
    return normalize_ ? normalizer_.restored(x) : x;
  }

  // Adds the observations to the running statistics; does nothing without normalisation.
  void observe(const TensorMap& obs);

  // Lists the running statistics as "observation.*".
  void state(StateList& list);

 private:
  std::vector<std::string> names_;
  int64_t size_ = 0;
  at::Device device_;
  bool normalize_;
  Normalizer normalizer_;
};

}  // namespace reverie
