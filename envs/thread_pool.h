#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace reverie {

// Pins thread i to CPU cpus[i % size]; does nothing when `cpus` is empty. Throws Error(kInput) that
// names the CPU when the system refuses it.
void pin_threads(std::span<std::thread> threads, std::span<const int> cpus);

// Persistent threads that run one function over the indices 0 .. n-1, round after round. The delay
// between rounds is small enough for physics steps of a microsecond: idle threads spin for a moment
// before they sleep. Which thread runs which index is not fixed, and functions must not depend on
// it. One round at a time; start() and wait() are called from one thread.
class ThreadPool {
 public:
  // threads >= 1 includes the caller of wait(), so threads - 1 are created, pinned to `cpus`.
  // Throws Error(kInput) outside [1, 4096] and for a refused CPU, and Error(kRun) when the system
  // has no more threads.
  explicit ThreadPool(int threads, std::span<const int> cpus = {});
  ~ThreadPool();  // a round without a wait() may stay unfinished
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Starts run(context, index) for index in [0, n) and returns at once. Each thread begins with the
  // same share of the indices in every round, so that their data stays in its caches, and then
  // helps the others. `run` must not throw. The context must live until wait() has returned.
  void start(int64_t n, void (*run)(void* context, int64_t index), void* context);

  // Takes part in the work and returns when all of it is done.
  void wait();

  // A round that is waited for on every path: if the caller throws meanwhile, no thread still works
  // on data that the clean-up destroys.
  class Round {
   public:
    // Calls start().
    Round(ThreadPool& pool, int64_t n, void (*run)(void* context, int64_t index), void* context)
        : pool_(&pool) {
      pool.start(n, run, context);
    }
    ~Round() { wait(); }
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;

    void wait() {
      if (pool_ != nullptr) std::exchange(pool_, nullptr)->wait();
    }

   private:
    ThreadPool* pool_;
  };

 private:
  // The indices that one thread begins with. On its own cache line, because all threads take from
  // it.
  struct alignas(64) WorkRange {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  void worker_loop(size_t self);
  void work(size_t self);
  void stop();

  std::vector<std::thread> workers_;
  void (*run_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  std::vector<WorkRange> ranges_;  // one per thread, the caller's first
  int64_t block_ = 1;
  std::atomic<bool> stopping_{false};
  // On separate cache lines: idle threads read `round_` while others write `busy_`.
  alignas(64) std::atomic<uint64_t> round_{0};
  alignas(64) std::atomic<int> busy_{0};
};

}  // namespace reverie
