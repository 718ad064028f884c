#include "envs/mujoco_guard.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <mujoco/mujoco.h>

namespace reverie::detail {
namespace {

thread_local std::jmp_buf* guard = nullptr;
thread_local char engine_message[512];

using Handler = void (*)(const char*);
Handler previous = nullptr;

// An exception cannot unwind MuJoCo's C frames: jump over them.
void handle_error(const char* message) {
  if (guard != nullptr) {
    std::snprintf(engine_message, sizeof(engine_message), "%s", message);
    std::longjmp(*guard, 1);
  }
  if (previous != nullptr) previous(message);
  std::abort();  // MuJoCo does not expect a handler to return
}

// MuJoCo has one handler a process; errors outside of a guard go to the one that was there.
void install_handler() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (mju_user_error == handle_error) return;
  previous = mju_user_error;
  mju_user_error = handle_error;
}

}  // namespace

const char* call_guarded(void (*work)(void*), void* argument) {
  install_handler();
  std::jmp_buf here;
  guard = &here;
  if (setjmp(here) != 0) {
    guard = nullptr;
    return engine_message;
  }
  work(argument);
  guard = nullptr;
  return nullptr;
}

}  // namespace reverie::detail
