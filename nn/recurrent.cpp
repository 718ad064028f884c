#include "nn/recurrent.h"

#include <vector>

#include "nn/pch.h"

namespace reverie {
namespace {

// 0 where a sequence begins anew, 1 elsewhere: [..., B, 1].
at::Tensor keeps(const at::Tensor& started, const at::Tensor& like) {
  return started.logical_not().to(like.scalar_type()).unsqueeze(-1);
}

// Whether no sequence begins anew after the first step. False on a device, where reading the answer
// would wait.
bool goes_on(const at::Tensor& started) {
  return started.device().is_cpu() && !started.narrow(0, 1, started.size(0) - 1).any().item<bool>();
}

}  // namespace

void RecurrentLayer::declare(Shapes& shapes, const std::string& name, RecurrentKind kind,
                             int64_t inputs, int64_t size, bool second_bias) {
  REVERIE_CHECK(inputs >= 1 && size >= 1,
                "network: a recurrent layer of {} x {}, expected sizes of at least 1", size,
                inputs);
  const int64_t rows = (kind == RecurrentKind::kLstm ? 4 : 3) * size;
  shapes.push_back({name + ".weight_ih_l0", {rows, inputs}});
  shapes.push_back({name + ".weight_hh_l0", {rows, size}});
  shapes.push_back({name + ".bias_ih_l0", {rows}});
  if (second_bias) shapes.push_back({name + ".bias_hh_l0", {rows}});
}

RecurrentLayer::RecurrentLayer(const Parameters& parameters, const std::string& name,
                               RecurrentKind kind)
    : kind_(kind),
      input_weight_(parameters.at(name + ".weight_ih_l0")),
      recurrent_weight_(parameters.at(name + ".weight_hh_l0")),
      input_bias_(parameters.at(name + ".bias_ih_l0")),
      recurrent_bias_(parameters.named().contains(name + ".bias_hh_l0")
                          ? parameters.at(name + ".bias_hh_l0")
                          : at::zeros_like(input_bias_.detach())) {}

at::Tensor RecurrentLayer::step(const at::Tensor& x, const at::Tensor& state) const {
  const State next = advance(input_part(x), unpack(state));
  return kind_ == RecurrentKind::kLstm ? at::cat({next.h, next.c}, 1) : next.h;
}

at::Tensor RecurrentLayer::operator()(const at::Tensor& x, const at::Tensor& state,
                                      const at::Tensor& started) const {
  State now = unpack(state);
  if (!started.defined()) return unbroken(x, now);
  const std::vector<at::Tensor> keep = keeps(started, x).unbind(0);
  if (goes_on(started)) return unbroken(x, now.times(keep[0]));
  const std::vector<at::Tensor> inputs = input_part(x).unbind(0);
  std::vector<at::Tensor> outputs;
  for (size_t t = 0; t < inputs.size(); ++t) {
    now = advance(inputs[t], now.times(keep[t]));
    outputs.push_back(now.h);
  }
  return at::stack(outputs);
}

RecurrentLayer::State RecurrentLayer::State::times(const at::Tensor& factor) const {
  return {h * factor, c.defined() ? c * factor : c};
}

RecurrentLayer::State RecurrentLayer::unpack(const at::Tensor& state) const {
  if (kind_ == RecurrentKind::kGru) return {state, {}};
  const std::vector<at::Tensor> parts = state.chunk(2, 1);
  return {parts[0], parts[1]};
}

at::Tensor RecurrentLayer::input_part(const at::Tensor& x) const {
  // A GRU's second bias belongs to what its reset gate multiplies.
  const bool lstm = kind_ == RecurrentKind::kLstm;
  return at::linear(x, input_weight_, lstm ? input_bias_ + recurrent_bias_ : input_bias_);
}

RecurrentLayer::State RecurrentLayer::advance(const at::Tensor& input_part,
                                              const State& state) const {
  if (kind_ == RecurrentKind::kLstm) {
    const std::vector<at::Tensor> gates =
        at::addmm(input_part, state.h, recurrent_weight_.t()).chunk(4, 1);
    const at::Tensor i = gates[0].sigmoid(), f = gates[1].sigmoid();
    const at::Tensor g = gates[2].tanh(), o = gates[3].sigmoid();
    const at::Tensor c = f * state.c + i * g;
    return {o * c.tanh(), c};
  }
  const std::vector<at::Tensor> from_x = input_part.chunk(3, 1);
  const std::vector<at::Tensor> from_h =
      at::linear(state.h, recurrent_weight_, recurrent_bias_).chunk(3, 1);
  const at::Tensor r = (from_x[0] + from_h[0]).sigmoid(), z = (from_x[1] + from_h[1]).sigmoid();
  const at::Tensor n = (from_x[2] + r * from_h[2]).tanh();
  return {n + z * (state.h - n), {}};
}

at::Tensor RecurrentLayer::unbroken(const at::Tensor& x, const State& state) const {
  const std::vector<at::Tensor> parameters = {input_weight_, recurrent_weight_, input_bias_,
                                              recurrent_bias_};
  const at::Tensor h = state.h.unsqueeze(0).contiguous();
  // Trailing arguments: biases, layers, dropout, training, both directions, batch first.
  if (kind_ == RecurrentKind::kGru) {
    return std::get<0>(at::gru(x, h, parameters, true, 1, 0.0, true, false, false));
  }
  const at::Tensor c = state.c.unsqueeze(0).contiguous();
  return std::get<0>(at::lstm(x, {h, c}, parameters, true, 1, 0.0, true, false, false));
}

}  // namespace reverie
