#include "agents/evolution/candidate_policies.h"

#include "agents/continuous_actions.h"
#include "nn/pch.h"

namespace reverie {

CandidatePolicies::CandidatePolicies(const EnvSpec& spec, int64_t features,
                                     const std::vector<int64_t>& hidden)
    : is_discrete_(std::holds_alternative<DiscreteSpace>(spec.action)) {
  std::vector<int64_t> widths = hidden;
  widths.push_back(is_discrete_ ? std::get<DiscreteSpace>(spec.action).n
                                : continuous_action_size(spec));
  int64_t inputs = features;
  for (const int64_t width : widths) {
    layers_.push_back({inputs, width});
    size_ += (inputs + 1) * width;
    inputs = width;
  }
}

at::Tensor CandidatePolicies::act(const at::Tensor& weights, const at::Tensor& features) const {
  const int64_t candidates = weights.size(0);
  at::Tensor x = features;
  int64_t at = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const auto [inputs, outputs] = layers_[i];
    const at::Tensor w =
        weights.narrow(1, at, inputs * outputs).view({candidates, outputs, inputs});
    const at::Tensor b = weights.narrow(1, at + inputs * outputs, outputs).unsqueeze(1);
    at += (inputs + 1) * outputs;
    x = at::baddbmm(b, x, w.transpose(1, 2));
    if (i + 1 < layers_.size() || !is_discrete_) x = at::tanh(x);
  }
  return is_discrete_ ? x.argmax(-1) : x;
}

at::Tensor CandidatePolicies::act_in_turn(const at::Tensor& weights,
                                          const at::Tensor& features) const {
  const at::NoGradGuard no_grad;
  const int64_t candidates = weights.size(0), each = features.size(0) / candidates;
  const at::Tensor actions =
      act(weights, features.view({each, candidates, features.size(1)}).transpose(0, 1));
  return actions.transpose(0, 1).flatten(0, 1).contiguous().cpu();
}

}  // namespace reverie
