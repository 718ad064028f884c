#include "agents/continuous_actions.h"

#include <array>
#include <span>

#include "nn/pch.h"

namespace reverie {

int64_t continuous_action_size(const EnvSpec& spec) {
  const Field* box = std::get_if<Field>(&spec.action);
  REVERIE_CHECK(box != nullptr, "{} has discrete actions; this agent needs continuous ones",
                spec.id);
  REVERIE_CHECK(box->shape.size() == 1, "{}: an action has {} axes; this agent needs a vector",
                spec.id, box->shape.size());
  return box->numel();
}

at::Tensor normal_like(const at::Tensor& like, Rng& rng) {
  at::Tensor noise = at::empty(like.sizes(), at::kFloat);
  rng.fill_normal(
      std::span<float>(noise.mutable_data_ptr<float>(), static_cast<size_t>(noise.numel())));
  return noise;
}

Rng update_rng(uint64_t seed, uint64_t stream) {
  const std::array<uint64_t, 2> entropy{seed, stream};
  return Rng(std::span<const uint64_t>(entropy));
}

}  // namespace reverie
