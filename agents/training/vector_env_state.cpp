#include "agents/training/vector_env_state.h"

#include "nn/pch.h"

namespace reverie {

void list_state(StateList& list, VectorEnv& env) {
  const auto save = [&env](TensorMap& out) {
    const VectorEnvSnapshot snapshot = env.snapshot();
    out.add("state", copy_to_tensor<double>(snapshot.state));
    out.add("observations", copy_to_tensor<uint8_t>(snapshot.observations));
  };
  const auto load = [&env](const TensorReader& saved) {
    const at::Tensor state = saved.read("state").to(at::kDouble);
    const at::Tensor observations = saved.read("observations").to(at::kByte);
    const auto* numbers = state.const_data_ptr<double>();
    const auto* bytes = observations.const_data_ptr<uint8_t>();
    env.restore({.state = {numbers, numbers + state.numel()},
                 .observations = {bytes, bytes + observations.numel()}});
  };
  list.add_group({.name = "environments", .save = save, .load = load});
}

}  // namespace reverie
