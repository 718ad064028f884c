#pragma once

#include <algorithm>
#include <cstdint>

namespace reverie {

// Decides when a growing file is handed to the system (Hdf5File::save_progress()). A killed process
// loses at most the steps since then and a few thousand that have not filled a chunk. Saves are
// frequent at first: each follows after as many steps as were written before it.
class SaveSchedule {
 public:
  // Whether it is time to save, after `written` steps in total. If so, the next interval starts
  // here.
  bool is_due(int64_t written) {
    if (written - saved_ < std::clamp(saved_, kSaveFirst, kSaveEvery)) return false;
    saved_ = written;
    return true;
  }

 private:
  static constexpr int64_t kSaveFirst = int64_t{1} << 12;  // [steps]
  static constexpr int64_t kSaveEvery = int64_t{1} << 16;  // [steps]

  int64_t saved_ = 0;
};

}  // namespace reverie
