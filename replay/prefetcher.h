#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace reverie {

// Draws the next batch on a separate thread while the caller works on this one:
//
//   Prefetcher<Batch> batches([&](Rng& rng) { return replay.sample(256, spec, rng); }, rng);
//   batches.request(updates);
//   for (int64_t i = 0; i < updates; ++i) agent.update(batches.next());
//
// The batches are those that draw() would have returned with the same generator in the same order.
// Whatever draw() reads must not change while remaining() > 0.
//
// Used by one thread; holds at most one finished batch beside the one being drawn.
template <typename Sample>
class Prefetcher {
 public:
  using Draw = std::function<Sample(Rng&)>;

  // Draws nothing before request().
  Prefetcher(Draw draw, const Rng& rng)
      : draw_(std::move(draw)), drawing_(rng), returned_(rng), thread_([this] { work(); }) {}

  // Waits for the running draw; batches not fetched are lost.
  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Allows `count` more batches to be drawn, count >= 0.
  void request(int64_t count) {
    REVERIE_CHECK(count >= 0, "prefetch: {} batches, expected at least 0", count);
    {
      const std::lock_guard lock(mutex_);
      undrawn_ += count;
    }
    remaining_ += count;
    wake_.notify_all();
  }

  // The next batch, as soon as it is ready. Throws what draw() threw, then and on every later call;
  // throws Error when all requested batches have been returned.
  Sample next() {
    REVERIE_CHECK(remaining_ > 0, "prefetch: next() without a request()");
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return ready_ || error_; });
    if (!ready_) std::rethrow_exception(error_);
    std::pair<Sample, Rng> taken = std::move(*ready_);
    ready_.reset();
    lock.unlock();
    wake_.notify_all();
    --remaining_;
    returned_ = taken.second;
    return std::move(taken.first);
  }

  int64_t remaining() const { return remaining_; }  // requested and not returned yet

  // The generator's state after the last batch returned, whatever has been drawn ahead. Continuing
  // from it gives the batches that follow.
  const Rng& rng() const { return returned_; }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stop_ || undrawn_ > 0; });
      if (stop_) return;
      --undrawn_;
      lock.unlock();
      std::optional<Sample> drawn;
      std::exception_ptr error;
      try {
        drawn = draw_(drawing_);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      wake_.wait(lock, [this] { return stop_ || !ready_; });
      if (stop_) return;
      if (error) {
        error_ = error;
      } else {
        ready_.emplace(std::move(*drawn), drawing_);
      }
      wake_.notify_all();
      if (error_) return;
    }
  }

  Draw draw_;
  Rng drawing_;   // the thread's
  Rng returned_;  // the caller's, as is remaining_
  int64_t remaining_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Under the mutex:
  int64_t undrawn_ = 0;
  bool stop_ = false;
  std::optional<std::pair<Sample, Rng>> ready_;
  std::exception_ptr error_;
  std::thread thread_;  // the last member: it reads all the others
};

}  // namespace reverie
