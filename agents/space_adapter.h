#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/action_scale.h"
#include "core/spec.h"
#include "envs/env_lane.h"

namespace reverie {

// The edge between N environments and whoever plays them. Learners see observations in float32
// where the environment has float64 (but for Field::is_exact), and give actions in [-1, 1], or
// int64: dtypes and bounds of the environment's own are known here and nowhere else.
class SpaceAdapter {
 public:
  // env: as the environments declare it. Throws Error(kInput) as ActionScale does.
  SpaceAdapter(const EnvSpec& env, int64_t num_envs);

  // The views that it returns point into it.
  SpaceAdapter(const SpaceAdapter&) = delete;
  SpaceAdapter& operator=(const SpaceAdapter&) = delete;

  // The environment as learners see it.
  static EnvSpec adapt(const EnvSpec& env);
  const EnvSpec& spec() const { return spec_; }

  // The same rows as learners see them. What need not be converted is not copied; the views stay
  // valid until the next call and as long as what they were made from.
  FieldViews observations(FieldViews obs);

  // The same of a step; final observations are converted where an episode ended.
  VectorStep step(const VectorStep& step);

  // Actions of an actor, [N, A] float32 or float64, or [N] int64, on the CPU, as rows of the
  // environment's field; valid until the next call. Throws Error(kInput) for another shape or
  // dtype.
  ConstFieldView actions(const at::Tensor& decided);

 private:
  // Rows of all fields as learners see them.
  struct Rows {
    FieldRows memory;  // of the fields that are converted
    std::vector<FieldView> views;
  };

  Rows make_rows(int64_t num_envs) const;
  void convert(FieldViews from, Rows& to, const VectorStep* ended) const;

  EnvSpec spec_;
  ActionScale scale_;
  Field action_field_;              // the environment's
  std::vector<Field> converted_;    // fields of spec_ that are float64 in the environment
  std::vector<bool> is_converted_;  // [fields]
  int64_t num_envs_;
  Rows obs_, final_obs_;
  std::vector<std::byte> action_memory_;
};

}  // namespace reverie
