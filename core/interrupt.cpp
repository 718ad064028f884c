#include "core/interrupt.h"

#include <csignal>

namespace reverie {
namespace {

std::atomic<bool> is_stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int signal) {
  is_stop_requested.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // A signal that was ignored before (nohup) stays ignored.
    if (std::signal(signal, on_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

const std::atomic<bool>& stop_requested() { return is_stop_requested; }

void throw_if_interrupted() {
  if (is_stop_requested.load(std::memory_order_relaxed)) throw Interrupted();
}

}  // namespace reverie
