#pragma once

#include <atomic>

namespace reverie {

// From now on the first SIGINT, SIGTERM or SIGHUP (a closed terminal) sets the flag that is
// returned, for a loop to save and stop; a second one ends the program at once.
const std::atomic<bool>& catch_stop_signals();

}  // namespace reverie
