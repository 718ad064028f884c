#include "replay/prefetcher.h"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nn/pch.h"

namespace reverie {
namespace {

using Drawn = std::vector<uint64_t>;

Drawn draw(Rng& rng) { return {rng.next_uint64(), rng.next_uint32()}; }

TEST(Prefetcher, GivesTheBatchesOfDirectDraws) {
  Rng direct(7);
  Prefetcher<Drawn> prefetched(draw, Rng(7));
  for (int64_t count : {1, 0, 3, 50, 1}) {
    prefetched.request(count);
    EXPECT_EQ(prefetched.remaining(), count);
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(prefetched.next(), draw(direct));
      EXPECT_EQ(prefetched.rng().state(), direct.state()) << "ahead of what was returned";
    }
  }
}

TEST(Prefetcher, DrawsNothingThatWasNotRequested) {
  std::atomic<int> drawn = 0;
  {
    Prefetcher<int> prefetched([&](Rng&) { return ++drawn; }, Rng(1));
    prefetched.request(2);
    EXPECT_EQ(prefetched.next(), 1);
    EXPECT_EQ(prefetched.next(), 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(drawn, 2);
    EXPECT_THROW(prefetched.next(), Error);
    EXPECT_THROW(prefetched.request(-1), Error);
  }
  EXPECT_EQ(drawn, 2);
}

TEST(Prefetcher, ErrorsArriveAfterTheBatchesBeforeThem) {
  int call = 0;
  const auto fail_third = [&](Rng&) {
    if (++call == 3) fail_run("the third draw failed");
    return call;
  };
  Prefetcher<int> prefetched(fail_third, Rng(1));
  prefetched.request(5);
  EXPECT_EQ(prefetched.next(), 1);
  EXPECT_EQ(prefetched.next(), 2);
  for (int again = 0; again < 2; ++again) {
    try {
      prefetched.next();
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), "the third draw failed");
    }
  }
}

TEST(Prefetcher, StopsWithBatchesLeft) {
  for (int i = 0; i < 50; ++i) {
    Prefetcher<Drawn> unused(draw, Rng(1));
    Prefetcher<Drawn> prefetched(draw, Rng(1));
    prefetched.request(1000);
    if (i % 2 == 0) prefetched.next();
  }
}

}  // namespace
}  // namespace reverie
