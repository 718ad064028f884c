#pragma once

#include "envs/env.h"

namespace reverie::cheetah {

// `half-cheetah`: Gymnasium's HalfCheetah-v5 with its options,
//
//   r = forward_reward_weight (x' - x) / dt - ctrl_cost_weight |a|^2,  dt = 0.05 s
//
// It never terminates. On MuJoCo 4.0.0 the same seed and float32 actions give the reference's
// episode to the last bit. Source: Gymnasium envs/mujoco/half_cheetah_v5.py at 3f0476a; differs:
// actions beyond [-1, 1] are clipped before the control cost is computed, not after.
EnvEntry half_cheetah();

}  // namespace reverie::cheetah
