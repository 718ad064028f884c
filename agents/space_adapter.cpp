#include "agents/space_adapter.h"

#include "nn/pch.h"
#include "nn/tensor_map.h"

namespace reverie {
namespace {

bool needs_conversion(const Field& field) {
  return field.dtype == DType::kFloat64 && !field.is_exact;
}

}  // namespace

EnvSpec SpaceAdapter::adapt(const EnvSpec& env) {
  EnvSpec spec = env;
  for (Field& field : spec.observation) {
    if (needs_conversion(field)) field.dtype = DType::kFloat32;
  }
  spec.action = ActionScale(env.action).unit_space();
  return spec;
}

SpaceAdapter::SpaceAdapter(const EnvSpec& env, int64_t num_envs)
    : spec_(adapt(env)),
      scale_(env.action),
      action_field_(action_field(env.action)),
      num_envs_(num_envs),
      action_memory_(static_cast<size_t>(num_envs) * action_field_.bytes()) {
  for (size_t f = 0; f < env.observation.size(); ++f) {
    is_converted_.push_back(needs_conversion(env.observation[f]));
    if (is_converted_.back()) converted_.push_back(spec_.observation[f]);
  }
  obs_ = make_rows(num_envs);
  final_obs_ = make_rows(num_envs);
}

SpaceAdapter::Rows SpaceAdapter::make_rows(int64_t num_envs) const {
  Rows rows{.memory = FieldRows(converted_, num_envs), .views = {}};
  size_t next = 0;
  for (size_t f = 0; f < is_converted_.size(); ++f) {
    FieldView view{&spec_.observation[f], nullptr, num_envs};
    if (is_converted_[f]) view.data = rows.memory.all()[next++].data;
    rows.views.push_back(view);
  }
  return rows;
}

// ended: converts only the rows whose episode ended in that step; null: all.
void SpaceAdapter::convert(FieldViews from, Rows& to, const VectorStep* ended) const {
  for (size_t f = 0; f < from.size(); ++f) {
    if (!is_converted_[f]) {
      to.views[f].data = from[f].data;
      continue;
    }
    const auto values = ConstFieldView{from[f].field, from[f].data, num_envs_}.as<double>();
    const auto out = to.views[f].as<float>();
    const auto numel = static_cast<size_t>(from[f].field->numel());
    for (size_t row = 0; row < static_cast<size_t>(num_envs_); ++row) {
      if (ended != nullptr && ended->terminated[row] == 0 && ended->truncated[row] == 0) continue;
      for (size_t i = row * numel; i < (row + 1) * numel; ++i)
        out[i] = static_cast<float>(values[i]);
    }
  }
}

FieldViews SpaceAdapter::observations(FieldViews obs) {
  convert(obs, obs_, nullptr);
  return obs_.views;
}

VectorStep SpaceAdapter::step(const VectorStep& step) {
  VectorStep out = step;
  convert(step.obs, obs_, nullptr);
  convert(step.final_obs, final_obs_, &step);
  out.obs = obs_.views;
  out.final_obs = final_obs_.views;
  return out;
}

ConstFieldView SpaceAdapter::actions(const at::Tensor& decided) {
  Field field = action_field(spec_.action);
  if (decided.scalar_type() == at::kDouble) field.dtype = DType::kFloat64;
  const at::Tensor rows = decided.contiguous();
  const ConstFieldView view = view_of(field, rows);
  const FieldView out{&action_field_, action_memory_.data(), num_envs_};
  scale_.to_environment(view, out);
  return {&action_field_, action_memory_.data(), num_envs_};
}

}  // namespace reverie
