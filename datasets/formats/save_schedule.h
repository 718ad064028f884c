#pragma once

#include <algorithm>
#include <cstdint>

namespace reverie {

// When a growing file is handed to the system (Hdf5File::save_progress()): what a killed process
// loses at most, and a few thousand steps that have not filled a chunk. The first times come early,
// each after as many steps again as there are.
class SaveSchedule {
 public:
  // Whether it is time, after `written` steps in all; then the next time is counted from here.
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
