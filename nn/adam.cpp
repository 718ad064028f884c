#include "nn/adam.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

// Adam and AdamW have one signature.
using FusedUpdate = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                             at::TensorList, at::TensorList, double, double, double, double, double,
                             bool, bool, const std::optional<at::Tensor>&,
                             const std::optional<at::Tensor>&);

}  // namespace

Adam::Adam(Parameters& parameters, const AdamOptions& options)
    : parameters_(parameters),
      options_(options),
      m_(at::zeros_like(parameters.flat())),
      v_(at::zeros_like(parameters.flat())),
      step_(at::zeros({}, parameters.flat().options())) {}

void Adam::step() {
  step_.add_(1);
  const auto update = options_.decoupled_weight_decay ? static_cast<FusedUpdate>(at::_fused_adamw_)
                                                      : static_cast<FusedUpdate>(at::_fused_adam_);
  // The kernel wants lists; ours have one entry.
  update({parameters_.flat()}, {parameters_.flat_grad()}, {m_}, {v_}, {}, {step_},
         options_.learning_rate, options_.beta1, options_.beta2, options_.weight_decay,
         options_.epsilon, /*amsgrad=*/false, /*maximize=*/false, {}, {});
}

void Adam::state(StateList& list) {
  list.add_learning("m", m_);
  list.add_learning("v", v_);
  list.add_learning("step", step_);
}

}  // namespace reverie
