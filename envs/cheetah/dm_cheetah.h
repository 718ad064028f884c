#pragma once

#include <string>
#include <vector>

#include "envs/env.h"

namespace reverie::cheetah {

// One cheetah task of dm_control's suite: the quantity that its reward rises with, and the target.
//
//   r = clip(value / target, 0, 1)
struct DmTask {
  std::string id;
  std::string summary;
  bool flip = false;       // value: angular momentum about y [kg m^2/s], else speed along x [m/s]
  double direction = 1.0;  // -1: backwards
  double target = 10.0;    // value with reward 1
};

// `cheetah-run` of dm_control and the tasks that ExoRL adds: run-backward, walk, flip and
// flip-backward. Control at 100 Hz, 1000 steps, float64 actions; never terminates.
//
// reset(seed) equals the reference's with np.random.RandomState(seed modulo 2^32): joint angles
// uniform within their limits, then 200 steps to settle. Source: dm_control suite/cheetah.py at
// 985d094 and controllable_agent url_benchmark/custom_dmc_tasks/cheetah.py at a3c808c; differs:
// none.
const std::vector<DmTask>& dm_tasks();

EnvEntry dm_cheetah(const DmTask& task);

}  // namespace reverie::cheetah
