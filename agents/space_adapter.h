#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/action_scale.h"
#include "core/spec.h"
#include "envs/env_lane.h"

namespace reverie {

// Converts between N environments and their learners. Learners see observations in float32 where
// the environment has float64 (except for Field::is_exact), and give actions in [-1, 1], or int64.
// Only this class knows the environment's own dtypes and bounds.
class SpaceAdapter {
 public:
  // env: as the environments declare it. Throws Error(kInput) as ActionScale does.
  SpaceAdapter(const EnvSpec& env, int64_t num_envs);

  // The returned views point into this object.
  SpaceAdapter(const SpaceAdapter&) = delete;
  SpaceAdapter& operator=(const SpaceAdapter&) = delete;

  // The spec of the environment as learners see it.
  static EnvSpec adapt(const EnvSpec& env);
  const EnvSpec& spec() const { return spec_; }

  // Converts rows to the form that learners see. Fields that need no conversion are not copied; the
  // views are valid until the next call and as long as their source.
  FieldViews observations(FieldViews obs);

  // Likewise for a step; final observations are converted where an episode ended.
  VectorStep step(const VectorStep& step);

  // Converts an actor's actions, [N, A] float32 or float64, or [N] int64, on the CPU, to rows of
  // the environment's field; valid until the next call. Throws Error(kInput) for another shape or
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
