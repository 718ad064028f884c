#pragma once

#include <atomic>
#include <exception>

namespace reverie {

// Stops a program on SIGINT (Ctrl-C), SIGTERM or SIGHUP (a closed terminal). The first signal is
// noted, and the running work stops at a point where nothing is half-written. A second one ends the
// program at once.

// Thrown by work that stops because the program is to stop. Not an Error: nothing is wrong.
class Interrupted final : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// Notes such signals from now on. Without this call they end the program at once.
void catch_stop_signals();

// Whether a signal came. For loops that save their state before they stop.
const std::atomic<bool>& stop_requested();

// Throws Interrupted if a signal came. For loops with nothing to save: files they were writing are
// removed while the stack unwinds.
void throw_if_interrupted();

// The exit status of a stopped program: the one that shells report after Ctrl-C.
inline constexpr int kInterruptedStatus = 130;

}  // namespace reverie
