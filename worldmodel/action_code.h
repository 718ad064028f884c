#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"
#include "nn/tensor_map.h"
#include "worldmodel/planning/planner.h"

namespace reverie {

class StateList;

// Converts blocks of k actions to a model's form, and back. Continuous actions are standardised:
// each of the A numbers by the mean and standard deviation of the data. The k actions of a block
// are concatenated. Discrete actions become one-hot vectors of n numbers. M = k A, or k n.
class ActionCode {
 public:
  // Throws Error for actions that are neither a vector of floats nor a discrete choice.
  ActionCode(const ActionSpace& space, int64_t block, at::Device device);

  int64_t block() const { return block_; }            // k
  int64_t model_size() const { return model_size_; }  // M

  // actions: [..., k, A] as the environment takes them, or [..., k] int64. NaN, which some datasets
  // hold at the end of an episode, becomes 0 after standardisation; infinities stay and show in
  // every later result. Returns [..., M] float32. Throws Error(kInput) for other shapes, as the two
  // functions below do, and for choices that do not exist. On a device other than the CPU, where
  // checking would wait for it, such choices become NaN and show in every later result.
  at::Tensor to_model(const at::Tensor& actions) const;

  // Converts [..., M], or for discrete actions [..., k] int64 as planners make them, to [..., k, A]
  // or [..., k] in the environment's dtype on the CPU, within its bounds.
  at::Tensor to_environment(const at::Tensor& planned) const;

  // Converts a planner's numbers to the input of predict(): one-hot for choices.
  at::Tensor from_plan(const at::Tensor& planned) const;

  // The actions that planners may choose.
  ActionLimits limits() const;

  // [A] each; standard deviations of 0 count as 1. Throws Error for another size, values that are
  // not finite, and standard deviations below 0.
  void set_statistics(const at::Tensor& mean, const at::Tensor& std);

  // Lists "action.mean" and "action.std" as weights. Loading throws as set_statistics() does.
  void state(StateList& list);

 private:
  int64_t block_;
  int64_t choices_ = 0;  // n, 0 for continuous actions
  int64_t size_ = 1;     // A
  int64_t model_size_ = 0;
  c10::ScalarType dtype_;  // of the environment's actions
  at::Tensor low_, high_;  // [A] in the environment's units
  at::Tensor mean_, std_;  // [A]
};

}  // namespace reverie
