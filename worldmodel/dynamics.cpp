#include "worldmodel/dynamics.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor LatentState::latest() const { return z.dim() == 3 ? z.select(1, -1) : z; }

LatentState LatentState::repeat(int64_t times) const {
  const auto rows = [&](const at::Tensor& t) {
    return t.defined() ? t.repeat_interleave(times, 0) : t;
  };
  return {rows(z), rows(h)};
}

at::Tensor imagine(Dynamics& dynamics, const LatentState& start, const at::Tensor& actions) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> latents = {start.latest()};
  LatentState state = start;
  for (int64_t t = 0; t < actions.size(1); ++t) {
    state = dynamics.predict(state, actions.select(1, t));
    latents.push_back(state.latest());
  }
  return at::stack(latents, 1);
}

}  // namespace reverie
