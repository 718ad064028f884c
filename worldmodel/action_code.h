#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"
#include "nn/tensor_map.h"
#include "worldmodel/planning/planner.h"

namespace reverie {

class StateList;

// Blocks of k actions as a model takes them, and back. Continuous actions are standardised, each of
// its A numbers by the mean and standard deviation of the data, and the k actions of a block stand
// one behind the other; discrete ones become one of n numbers that is 1. M = k A, or k n.
class ActionCode {
 public:
  // Throws Error for actions that are no vector of floats and no discrete choice.
  ActionCode(const ActionSpace& space, int64_t block, at::Device device);

  int64_t block() const { return block_; }            // k
  int64_t model_size() const { return model_size_; }  // M

  // actions: [..., k, A] as the environment takes them, or [..., k] int64. NaN, which some datasets
  // hold where an episode ends, counts as 0 once standardised; infinities stay, and show in
  // whatever is made of them. Returns [..., M] float32. Throws Error(kInput) for other shapes, as
  // the two below do, and for choices that there are not; on another device than the CPU, where
  // looking would wait for it, those become NaN and show in whatever is made of them.
  at::Tensor to_model(const at::Tensor& actions) const;

  // [..., M], or for discrete actions [..., k] int64 as planners make them, to [..., k, A] or
  // [..., k] in the environment's dtype on the CPU, within its bounds.
  at::Tensor to_environment(const at::Tensor& planned) const;

  // What a planner's numbers become before predict(): one-hot where they are choices.
  at::Tensor from_plan(const at::Tensor& planned) const;

  // What planners may choose.
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
