#include "agents/dqn/q_network.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

QNetwork::QNetwork(const EnvSpec& spec, const DqnConfig& config, int64_t actions, int64_t numbers,
                   Rng& rng, at::Device device)
    : actions_(actions),
      numbers_(numbers),
      encoder_(spec, config.encoder, rng, device),
      advantage_(encoder_.size(), config.hidden_sizes, actions * numbers, rng, device) {
  if (config.dueling) value_.emplace(encoder_.size(), config.hidden_sizes, numbers, rng, device);
}

at::Tensor QNetwork::operator()(const TensorMap& obs) const {
  const at::Tensor s = encoder_(obs);
  const at::Tensor a = advantage_(s).view({-1, actions_, numbers_});
  if (!value_) return a;
  return (*value_)(s).unsqueeze(1) + a - a.mean(1, true);
}

std::vector<Parameters*> QNetwork::parameters() {
  std::vector<Parameters*> blocks = {&advantage_.parameters()};
  if (value_) blocks.push_back(&value_->parameters());
  if (encoder_.parameters() != nullptr) blocks.push_back(encoder_.parameters());
  return blocks;
}

void QNetwork::state(StateList& list) {
  list.add("advantage", advantage_);
  if (value_) list.add("value", *value_);
  encoder_.state(list);
}

}  // namespace reverie
