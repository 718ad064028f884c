#pragma once

#include <atomic>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace reverie {

// Rounds of spinning before a thread sleeps in the kernel. While waiting for new work: about 30
// microseconds, the time that the kernel needs to wake a thread. At the end of a round: longer than
// the last steps of other threads take, because the caller waits for their results.
inline constexpr int kSpinsForWork = 600;
inline constexpr int kSpinsForResults = 10000;

// Returns once `value` differs from `old`: spins for a while, then sleeps until the thread that
// changed it notifies.
template <typename T>
void wait_for_change(const std::atomic<T>& value, T old, int spins = kSpinsForWork) {
  for (int i = 0; i < spins; ++i) {
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
