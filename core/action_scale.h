#pragma once

#include <vector>

#include "core/spec.h"

namespace reverie {

// Maps between an environment's actions and the actions that learners work with:
//
//   action = centre + half_range * unit,   unit in [-1, 1]
//
// for a Box, element by element and in double precision. Discrete actions are unchanged.
class ActionScale {
 public:
  // Throws Error(kInput) for a Box that is not float32 or float64, or whose bounds are missing, not
  // finite or empty: such a Box has no centre.
  explicit ActionScale(const ActionSpace& space);

  // The actions as learners see them: float32 with bounds -1 and 1, or the discrete actions
  // unchanged.
  const ActionSpace& unit_space() const { return unit_space_; }

  // Converts rows of `unit` (float32 or float64; int64 for discrete actions) to the same number of
  // rows of the environment's field. Values outside [-1, 1] give actions outside the bounds; the
  // environment clips them. Throws Error(kInput) for a wrong size or dtype.
  void to_environment(ConstFieldView unit, FieldView action) const;

  // The inverse map, to rows of float32 or float64 (int64 for discrete actions).
  void to_unit(ConstFieldView action, FieldView unit) const;

 private:
  ActionSpace unit_space_;
  Field field_;                        // the environment's
  std::vector<double> centre_, half_;  // [A]; empty for discrete actions
};

}  // namespace reverie
