#pragma once

#include <type_traits>

#include "core/error.h"

namespace reverie {

// Replaces MuJoCo's error and warning handlers, once per process. MuJoCo's own handlers write a log
// file and, for errors, end the process. Warnings are read from mjData's counters instead.
void install_mujoco_handlers();

namespace detail {
const char* call_guarded(void (*work)(void*), void* argument);
}  // namespace detail

// Runs `work`, which calls MuJoCo. Returns null, or MuJoCo's error message, valid until the
// thread's next call. Memory that `work` had allocated through MuJoCo is then lost. `work` must
// hold nothing that needs a destructor and must not throw: an error jumps out of it, because an
// exception cannot unwind C frames.
template <typename Work>
const char* try_mujoco(Work work) {
  static_assert(std::is_trivially_destructible_v<Work>);
  return detail::call_guarded([](void* argument) { (*static_cast<Work*>(argument))(); }, &work);
}

// Likewise, but throws Error(kRun) with the message.
template <typename Work>
void guard_mujoco(Work work) {
  const char* message = try_mujoco(work);
  REVERIE_CHECK_RUN(message == nullptr, "MuJoCo: {}", message);
}

}  // namespace reverie
