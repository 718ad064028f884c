#include "agents/training/environment_snapshot.h"

#include "nn/pch.h"

namespace reverie {

void save_environments(const VectorEnv& env, Checkpoint& checkpoint) {
  const VectorEnvSnapshot snapshot = env.snapshot();
  TensorMap& environments = checkpoint.group("environments");
  environments.add("state", copy_to_tensor<double>(snapshot.state));
  environments.add("observations", copy_to_tensor<uint8_t>(snapshot.observations));
}

void restore_environments(VectorEnv& env, const Checkpoint& saved) {
  const TensorMap& environments = saved.group("environments");
  const at::Tensor state = environments.at("state").to(at::kDouble).contiguous();
  const at::Tensor observations = environments.at("observations").to(at::kByte).contiguous();
  const auto* numbers = state.const_data_ptr<double>();
  const auto* bytes = observations.const_data_ptr<uint8_t>();
  env.restore({.state = {numbers, numbers + state.numel()},
               .observations = {bytes, bytes + observations.numel()}});
}

}  // namespace reverie
