#pragma once

#include <atomic>
#include <exception>

namespace reverie {

// How a person or a scheduler stops a program: SIGINT (Ctrl-C), SIGTERM, or SIGHUP (a closed
// terminal). The first one is noted, and whatever runs stops where nothing is half-written; a
// second one ends the program at once.

// Thrown where work was given up because the program is to stop. Not an Error: nothing is wrong.
class Interrupted final : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// From now on such a signal is noted; without this call it ends the program as ever.
void catch_stop_signals();

// Whether one came, for loops that save what they have and stop.
const std::atomic<bool>& stop_requested();

// Throws Interrupted if one came. For loops that have nothing to save: what they were writing is
// removed on the way out.
void throw_if_interrupted();

// The exit status of a program that was stopped: what shells make of one that Ctrl-C has ended.
inline constexpr int kInterruptedStatus = 130;

}  // namespace reverie
