#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace reverie {

// Pins thread i to CPU cpus[i % size]; none where `cpus` is empty. Throws Error(kInput) that names
// the CPU when the system refuses it.
void pin_threads(std::span<std::thread> threads, std::span<const int> cpus);

// Persistent threads that run the same function over the indices 0 .. n-1, again and again, with as
// little delay between the rounds as a physics step of a microsecond deserves: idle threads spin
// for a moment before they sleep. Which thread runs which index is not fixed; functions must not
// care. One round at a time; start() and wait() are called from one thread.
class ThreadPool {
 public:
  // threads >= 1 counts the caller of wait(), so threads - 1 are created, pinned to `cpus`. Throws
  // Error(kInput) outside [1, 4096] and for a CPU that is refused, and Error(kRun) when the system
  // has no more threads.
  explicit ThreadPool(int threads, std::span<const int> cpus = {});
  ~ThreadPool();  // a round that nobody waited for may stay undone
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Hands out run(context, index) for index in [0, n); returns at once. Each thread begins with the
  // same share of the indices in every round, so that what they stand for stays in its caches, and
  // helps the others when it is done. `run` must not throw. The context must live until wait() has
  // returned.
  void start(int64_t n, void (*run)(void* context, int64_t index), void* context);

  // Takes part in the work and returns when all of it is done.
  void wait();

  // A round from its start on, which is waited for on every path: when what the caller does
  // meanwhile throws, no thread still works on what the clean-up looks at.
  class Round {
   public:
    // As start().
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
  // The indices that one thread begins with. On a line of its own: all threads take from it.
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
  std::vector<WorkRange> ranges_;  // one a thread, the caller's first
  int64_t block_ = 1;
  std::atomic<bool> stopping_{false};
  // On lines of their own: idle threads read `round_` while others write `busy_`.
  alignas(64) std::atomic<uint64_t> round_{0};
  alignas(64) std::atomic<int> busy_{0};
};

}  // namespace reverie
