#pragma once

#include <atomic>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace reverie {

// Returns once `value` differs from `old`: spins for about 20 microseconds, the time that the
// kernel needs to wake a thread, and then sleeps until somebody who changed it notifies.
template <typename T>
void wait_for_change(const std::atomic<T>& value, T old) {
  constexpr int kSpins = 600;
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__)
    _mm_pause();
#else
    std::this_thread::yield();
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace reverie
