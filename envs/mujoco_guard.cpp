#include "envs/mujoco_guard.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <mujoco/mujoco.h>

namespace reverie {
namespace {

thread_local std::jmp_buf* guard = nullptr;
thread_local char engine_message[512];

void handle_error(const char* message) {
  std::snprintf(engine_message, sizeof(engine_message), "%s", message);
  if (guard != nullptr) std::longjmp(*guard, 1);
  std::fprintf(stderr, "reverie: MuJoCo engine error outside of a guard: %s\n", message);
  std::abort();  // MuJoCo does not expect a handler to return
}

}  // namespace

void install_mujoco_handlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    mju_user_warning = [](const char*) {};
    mju_user_error = handle_error;
  });
}

const char* detail::call_guarded(void (*work)(void*), void* argument) {
  install_mujoco_handlers();
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

}  // namespace reverie
