#include "nn/adam.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

// Adam and AdamW have the same signature.
using FusedUpdate = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                             at::TensorList, at::TensorList, const at::Tensor&, double, double,
                             double, double, bool, bool, const std::optional<at::Tensor>&,
                             const std::optional<at::Tensor>&);

// The CPU kernel computes with the learning rate in double, the GPU kernel reads it as float.
at::TensorOptions learning_rate_options(at::Device device) {
  return at::TensorOptions(device.is_cpu() ? at::kDouble : at::kFloat).device(device);
}

}  // namespace

Adam::Adam(Parameters& parameters, const AdamOptions& options)
    : parameters_(parameters),
      options_(options),
      learning_rate_(
          at::full({}, options.learning_rate, learning_rate_options(parameters.flat().device()))),
      m_(at::zeros_like(parameters.flat())),
      v_(at::zeros_like(parameters.flat())),
      step_(at::zeros({}, parameters.flat().options())) {}

void Adam::set_learning_rate(double learning_rate) { learning_rate_.fill_(learning_rate); }

void Adam::step(const at::Tensor& skip) {
  step_.add_(1);
  if (skip.defined()) step_.sub_(skip);
  const std::optional<at::Tensor> found_inf =
      skip.defined() ? std::optional<at::Tensor>(skip) : std::nullopt;
  const auto update = options_.decoupled_weight_decay ? static_cast<FusedUpdate>(at::_fused_adamw_)
                                                      : static_cast<FusedUpdate>(at::_fused_adam_);
  // The kernel expects lists; ours have one entry.
  update({parameters_.flat()}, {parameters_.flat_grad()}, {m_}, {v_}, {}, {step_}, learning_rate_,
         options_.beta1, options_.beta2, options_.weight_decay, options_.epsilon, /*amsgrad=*/false,
         /*maximize=*/false, /*grad_scale=*/{}, found_inf);
}

void Adam::state(StateList& list) {
  list.add_learning("m", m_);
  list.add_learning("v", v_);
  list.add_learning("step", step_);
}

void minimize(const at::Tensor& loss, const std::vector<Adam*>& optimizers) {
  for (Adam* optimizer : optimizers) {
    if (optimizer != nullptr) optimizer->zero_grad();
  }
  loss.backward();
  for (Adam* optimizer : optimizers) {
    if (optimizer != nullptr) optimizer->step();
  }
}

}  // namespace reverie
