#include "envs/thread_pool.h"

#include <algorithm>
#include <system_error>

#include <pthread.h>
#include <sched.h>

#include "core/error.h"
#include "envs/spin_wait.h"

namespace reverie {

void pin_threads(std::span<std::thread> threads, std::span<const int> cpus) {
  for (size_t i = 0; i < threads.size() && !cpus.empty(); ++i) {
    const int cpu = cpus[i % cpus.size()];
    REVERIE_CHECK(cpu >= 0 && cpu < CPU_SETSIZE, "cpus: found {}, expected 0 to {}", cpu,
                  CPU_SETSIZE - 1);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    const int status = pthread_setaffinity_np(threads[i].native_handle(), sizeof(set), &set);
    REVERIE_CHECK(status == 0,
                  "cpus: the system refused CPU {} for thread {} ({}); expected one that this "
                  "process may use (taskset -cp $$)",
                  cpu, i, std::generic_category().message(status));
  }
}

ThreadPool::ThreadPool(int threads, std::span<const int> cpus) {
  REVERIE_CHECK(threads >= 1 && threads <= 4096, "thread pool: {} threads, expected 1 to 4096",
                threads);
  ranges_ = std::vector<WorkRange>(static_cast<size_t>(threads));
  workers_.reserve(static_cast<size_t>(threads) - 1);
  try {
    for (size_t i = 1; i < ranges_.size(); ++i) {
      workers_.emplace_back([this, i] { worker_loop(i); });
    }
    pin_threads(workers_, cpus);
  } catch (const std::system_error& error) {
    const size_t made = workers_.size() + 1;
    stop();
    fail_run("thread pool: the system gave {} of {} threads ({}); ask for fewer", made, threads,
             error.code().message());
  } catch (const Error&) {
    stop();
    throw;
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
  const auto count = static_cast<int64_t>(ranges_.size());
  for (int64_t t = 0; t < count; ++t) {
    WorkRange& range = ranges_[static_cast<size_t>(t)];
    range.next.store(t * n / count, std::memory_order_relaxed);
    range.end = (t + 1) * n / count;
  }
  // Small enough that no thread waits long for the last block of another.
  block_ = std::max<int64_t>(1, n / (16 * count));
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void ThreadPool::work(size_t self) {
  for (size_t k = 0; k < ranges_.size(); ++k) {
    WorkRange& range = ranges_[(self + k) % ranges_.size()];
    for (;;) {
      const int64_t begin = range.next.fetch_add(block_, std::memory_order_relaxed);
      if (begin >= range.end) break;
      const int64_t end = std::min(begin + block_, range.end);
      for (int64_t i = begin; i < end; ++i) run_(context_, i);
    }
  }
}

void ThreadPool::wait() {
  work(0);
  for (int left = busy_.load(std::memory_order_acquire); left != 0;
       left = busy_.load(std::memory_order_acquire)) {
    wait_for_change(busy_, left, kSpinsForResults);
  }
}

void ThreadPool::worker_loop(size_t self) {
  for (uint64_t seen = 0;;) {
    wait_for_change(round_, seen, kSpinsForWork);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    work(self);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace reverie
