#include "agents/zero_shot/orthonormality.h"

#include "nn/pch.h"

namespace reverie::zero_shot {

at::Tensor diagonal_mean(const at::Tensor& x) { return x.diagonal(0, 1, 2).mean(1).sum(); }

at::Tensor off_diagonal_mean(const at::Tensor& x) {
  const auto n = static_cast<double>(x.size(1));
  return (x.sum({1, 2}) - x.diagonal(0, 1, 2).sum(1)).sum() / (n * (n - 1.0));
}

at::Tensor orthonormality_loss(const at::Tensor& e) {
  const at::Tensor gram = at::mm(e, e.t()).unsqueeze(0);
  return off_diagonal_mean(gram.square()) - 2.0 * diagonal_mean(gram);
}

}  // namespace reverie::zero_shot
