#include "envs/cheetah/cheetah.h"

#include "envs/cheetah/cheetah_env.h"
#include "envs/cheetah/dm_cheetah.h"
#include "envs/cheetah/half_cheetah.h"

namespace reverie::cheetah {

std::vector<EnvEntry> environments() {
  std::vector<EnvEntry> entries;
  entries.push_back({.id = "half-cheetah",
                     .summary = "planar cheetah, Gymnasium's HalfCheetah-v5, 1000 steps",
                     .config = &half_cheetah,
                     .benchmark = true,
                     .bare_step_rate = [](int threads, double seconds) {
                       return bare_step_rate(load_cheetah("half_cheetah.xml"), 5, threads, seconds);
                     }});
  for (const DmTask& task : dm_tasks()) {
    entries.push_back({.id = task.id,
                       .summary = task.summary + ", 1000 steps",
                       .config = [task] { return dm_cheetah(task); },
                       .benchmark = task.id == "cheetah-run",
                       .bare_step_rate =
                           [](int threads, double seconds) {
                             return bare_step_rate(load_cheetah("dm_cheetah.xml"), 1, threads,
                                                   seconds);
                           }});
  }
  return entries;
}

}  // namespace reverie::cheetah
