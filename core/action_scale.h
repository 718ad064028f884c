#pragma once

#include <vector>

#include "core/spec.h"

namespace reverie {

// The map between the actions of an environment and those that learners work with:
//
//   action = centre + half_range * unit,   unit in [-1, 1]
//
// for a Box, element by element and in double precision; discrete actions stay as they are.
class ActionScale {
 public:
  // Throws Error(kInput) for a Box that is not of float32 or float64, or whose bounds are missing,
  // not finite or empty: it has no centre.
  explicit ActionScale(const ActionSpace& space);

  // The actions as learners see them: float32 with the bounds -1 and 1, or the discrete ones.
  const ActionSpace& unit_space() const { return unit_space_; }

  // Rows of `unit` (float32 or float64; int64 for discrete actions) to as many rows of the
  // environment's field. Values beyond [-1, 1] lead beyond the bounds, which is the environment's
  // to clip. Throws Error(kInput) for another size or dtype.
  void to_environment(ConstFieldView unit, FieldView action) const;

  // The way back, to rows of float32 or float64 (int64).
  void to_unit(ConstFieldView action, FieldView unit) const;

 private:
  ActionSpace unit_space_;
  Field field_;                        // the environment's
  std::vector<double> centre_, half_;  // [A]; empty for discrete actions
};

}  // namespace reverie
