#include "envs/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/error.h"
#include "tests/errors.h"

namespace reverie {
namespace {

// Counts how often each index ran; neither atomic nor locked, so that ThreadSanitizer sees a round
// that overlaps the next.
struct Tally {
  std::vector<int> runs;

  static void run(void* self, int64_t index) {
    ++static_cast<Tally*>(self)->runs.at(static_cast<size_t>(index));
  }
};

class ThreadPoolTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 7));

TEST_P(ThreadPoolTest, RunsEveryIndexOncePerRound) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const int64_t n : {1, 2, 3, 5, 64, 1000}) {
    Tally tally{std::vector<int>(static_cast<size_t>(n))};
    constexpr int kRounds = 300;
    for (int round = 1; round <= kRounds; ++round) {
      pool.start(n, &Tally::run, &tally);
      pool.wait();
      for (const int runs : tally.runs) ASSERT_EQ(runs, round) << "of " << n;
    }
  }
}

TEST_P(ThreadPoolTest, RoundsOfNothing) {
  ThreadPool pool(GetParam());
  Tally tally{std::vector<int>(1)};
  for (int round = 0; round < 100; ++round) {
    pool.start(0, &Tally::run, &tally);
    pool.wait();
  }
  EXPECT_EQ(tally.runs[0], 0);
  pool.start(1, &Tally::run, &tally);
  pool.wait();
  EXPECT_EQ(tally.runs[0], 1);
}

TEST_P(ThreadPoolTest, WorksAfterItsThreadsFellAsleep) {
  ThreadPool pool(GetParam());
  Tally tally{std::vector<int>(20)};
  for (int round = 1; round <= 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.start(20, &Tally::run, &tally);
    pool.wait();
    for (const int runs : tally.runs) ASSERT_EQ(runs, round);
  }
}

TEST_P(ThreadPoolTest, IsDestroyedWhileARoundIsUnderWay) {
  for (int round = 0; round < 50; ++round) {
    std::vector<int> runs(100);
    ThreadPool pool(GetParam());
    pool.start(
        100,
        [](void* self, int64_t i) {
          ++(*static_cast<std::vector<int>*>(self))[static_cast<size_t>(i)];
        },
        &runs);
  }
}

// A worker takes part although the caller of wait() is late.
TEST(ThreadPool, WorkersStartBeforeWait) {
  ThreadPool pool(2);
  std::atomic<int> runs{0};
  pool.start(
      1, [](void* self, int64_t) { static_cast<std::atomic<int>*>(self)->fetch_add(1); }, &runs);
  for (int i = 0; i < 5000 && runs == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(runs, 1);
  pool.wait();
  EXPECT_EQ(runs, 1);
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

TEST(ThreadPool, KeepsItsThreadsOnTheirCpusAndTheCallerWhereItIs) {
  const std::vector<int> before = allowed_cpus();
  const int cpu = before.back();
  ThreadPool pool(3, std::vector<int>{cpu});
  EXPECT_EQ(allowed_cpus(), before);
  struct Seen {
    std::thread::id caller = std::this_thread::get_id();
    int cpu = -1;
    std::atomic<int> elsewhere{0};
  } seen;
  seen.cpu = cpu;
  for (int round = 0; round < 200; ++round) {
    pool.start(
        8,
        [](void* context, int64_t) {
          auto& all = *static_cast<Seen*>(context);
          if (std::this_thread::get_id() == all.caller) return;
          all.elsewhere += sched_getcpu() == all.cpu ? 0 : 1;
        },
        &seen);
    pool.wait();
  }
  EXPECT_EQ(seen.elsewhere, 0);
}

TEST(ThreadPool, NamesTheCpuThatIsRefused) {
  const std::vector<int> allowed = allowed_cpus();
  for (const int cpu : {-1, CPU_SETSIZE, CPU_SETSIZE - 1}) {
    if (std::find(allowed.begin(), allowed.end(), cpu) != allowed.end()) continue;
    const std::string message =
        test::input_error([&] { ThreadPool pool(2, std::vector<int>{cpu}); });
    EXPECT_NE(message.find(std::to_string(cpu)), std::string::npos) << message;
  }
}

TEST(ThreadPool, RefusesImpossibleCounts) {
  for (const int threads : {0, -1, 4097}) EXPECT_THROW(ThreadPool pool(threads), Error) << threads;
}

}  // namespace
}  // namespace reverie
