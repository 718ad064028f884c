#include "envs/thread_pool.h"

#include <algorithm>
#include <system_error>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/error.h"

namespace reverie {
namespace {

// Rounds of spinning before a thread sleeps in the kernel: about 20 microseconds, the time that the
// kernel needs to wake it.
constexpr int kSpins = 600;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Returns once `value` differs from `old`.
template <typename T>
void wait_for_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  REVERIE_CHECK(threads >= 1 && threads <= 4096, "thread pool: {} threads, expected 1 to 4096",
                threads);
  workers_.reserve(static_cast<size_t>(threads) - 1);
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { worker_loop(); });
  } catch (const std::system_error& error) {
    const size_t made = workers_.size() + 1;
    stop();
    fail_run("thread pool: the system gave {} of {} threads ({}); ask for fewer", made, threads,
             error.code().message());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::start(int64_t n, void (*run)(void*, int64_t), void* context) {
  run_ = run;
  context_ = context;
  n_ = n;
  // Four blocks a thread even out episodes that end (and reset) in one block and not in another.
  block_ = std::max<int64_t>(1, n / (int64_t{4} * threads()));
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void ThreadPool::work() {
  for (;;) {
    const int64_t begin = next_.fetch_add(block_, std::memory_order_relaxed);
    if (begin >= n_) return;
    const int64_t end = std::min(begin + block_, n_);
    for (int64_t i = begin; i < end; ++i) run_(context_, i);
  }
}

void ThreadPool::wait() {
  work();
  for (int left = busy_.load(std::memory_order_acquire); left != 0;
       left = busy_.load(std::memory_order_acquire)) {
    wait_for_change(busy_, left);
  }
}

void ThreadPool::worker_loop() {
  for (uint64_t seen = 0;;) {
    wait_for_change(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    work();
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace reverie
