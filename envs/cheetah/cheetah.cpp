#include "envs/cheetah/cheetah.h"

#include "envs/cheetah/dm_cheetah.h"
#include "envs/cheetah/half_cheetah.h"

namespace reverie::cheetah {

std::vector<EnvEntry> environments() {
  std::vector<EnvEntry> entries = {half_cheetah()};
  for (const DmTask& task : dm_tasks()) entries.push_back(dm_cheetah(task));
  return entries;
}

}  // namespace reverie::cheetah
