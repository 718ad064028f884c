#include "agents/off_policy/critic_loss.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor with_action(const at::Tensor& s, const at::Tensor& a) { return at::cat({s, a}, 1); }

at::Tensor weighted_mean(const at::Tensor& losses, const Batch& batch) {
  return (batch.weight.defined() ? batch.weight * losses : losses).mean(-1).sum();
}

}  // namespace reverie
