#include "nn/one_hot.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor one_hot_code(const at::Tensor& choices, int64_t count) {
  const at::Tensor all = at::arange(count, choices.options().dtype(at::kLong));
  return (choices.unsqueeze(-1) == all).to(at::kFloat);
}

}  // namespace reverie
