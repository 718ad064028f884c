#pragma once

#include <type_traits>

#include "core/error.h"

namespace reverie {

namespace detail {
// Runs work(argument). Returns null, or MuJoCo's message, valid until the thread's next call.
const char* call_guarded(void (*work)(void*), void* argument);
}  // namespace detail

// Runs `work`, which calls MuJoCo, and throws Error(kRun) with MuJoCo's message where it reports an
// error; without this it would end the process. What `work` had allocated through MuJoCo until then
// is lost. It may hold nothing to destroy and must not throw: the error jumps out of it.
template <typename Work>
void guard_mujoco(Work work) {
  static_assert(std::is_trivially_destructible_v<Work>);
  const char* message =
      detail::call_guarded([](void* argument) { (*static_cast<Work*>(argument))(); }, &work);
  REVERIE_CHECK_RUN(message == nullptr, "MuJoCo: {}", message);
}

}  // namespace reverie
