#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/dqn/dqn.h"

namespace reverie {

// What the K numbers that a Q-network gives for an action mean, and how they learn.
class ReturnHead {
 public:
  virtual ~ReturnHead() = default;

  virtual int64_t numbers() const = 0;  // K

  // Q of the numbers x: [..., K] to [...].
  virtual at::Tensor value(const at::Tensor& x) const = 0;

  // The loss of each of B transitions. x: [B, K], of (s, a), with gradient; next: [B, K], of
  // (s', a*), without; reward and discount: [B]. Returns [B].
  virtual at::Tensor loss(const at::Tensor& x, const at::Tensor& next, const at::Tensor& reward,
                          const at::Tensor& discount) const = 0;
};

// The head of config.distribution, see DqnConfig.
std::unique_ptr<ReturnHead> make_return_head(const DqnConfig& config, at::Device device);

}  // namespace reverie
