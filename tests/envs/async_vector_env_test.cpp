#include "envs/async_vector_env.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "envs/threaded_vector_env.h"
#include "tests/envs/allocation_counter.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/fake_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::allocations;
using test::fake;
using test::input_error;
using test::run_error;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kSeed = 11;

// The action of one environment in one of its steps, whenever that step happens.
void fill_action(std::span<float> action, int64_t env, int64_t step) {
  Rng rng(mix_seed({static_cast<uint64_t>(env), static_cast<uint64_t>(step)}));
  for (float& value : action) value = 2.0F * rng.random_float() - 1.0F;
}

// Rows of actions for the named environments.
class Actions {
 public:
  explicit Actions(const EnvSpec& spec) : field_(action_field(spec.action)) {}

  ConstFieldView of(std::span<const int64_t> env_ids, std::vector<int64_t>& steps) {
    const auto width = static_cast<size_t>(field_.numel());
    values_.resize(width * env_ids.size());
    for (size_t k = 0; k < env_ids.size(); ++k) {
      fill_action(std::span(values_).subspan(k * width, width), env_ids[k],
                  steps[static_cast<size_t>(env_ids[k])]++);
    }
    return {&field_, reinterpret_cast<const std::byte*>(values_.data()),
            static_cast<int64_t>(env_ids.size())};
  }
  std::vector<float>& values() { return values_; }

 private:
  Field field_;
  std::vector<float> values_;
};

// Everything reported about one environment, step by step.
struct History {
  std::vector<std::byte> observations;
  std::vector<double> rewards;
  std::vector<uint8_t> flags;
  std::vector<uint64_t> seeds;  // of the episodes that ended
  std::vector<double> returns;

  void append(const VectorStep& step, size_t row) {
    const auto append_row = [&](FieldViews views) {
      for (const FieldView& view : views) {
        const std::byte* data = view.row(static_cast<int64_t>(row)).data;
        observations.insert(observations.end(), data, data + view.field->bytes());
      }
    };
    append_row(step.obs);
    rewards.push_back(step.reward[row]);
    flags.push_back(static_cast<uint8_t>(2 * step.terminated[row] + step.truncated[row]));
    if (flags.back() != 0) append_row(step.final_obs);
  }
  void append(const Episode& episode) {
    seeds.push_back(episode.seed);
    returns.push_back(episode.episode_return);
  }
  bool operator==(const History&) const = default;
};

std::vector<int64_t> all_ids(int64_t n) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < n; ++i) ids.push_back(i);
  return ids;
}

std::vector<History> histories_of_vector_env(const EnvMaker& make, int64_t n, int64_t rounds) {
  ThreadedVectorEnv env(make, n, 1);
  Actions actions(env.spec());
  std::vector<int64_t> steps(static_cast<size_t>(n));
  std::vector<History> histories(static_cast<size_t>(n));
  const std::vector<int64_t> ids = all_ids(n);
  VectorStep step = env.reset(kSeed);
  for (int64_t round = 0; round <= rounds; ++round) {
    for (size_t i = 0; i < histories.size(); ++i) histories[i].append(step, i);
    for (const Episode& episode : env.finished()) {
      histories[static_cast<size_t>(episode.env)].append(episode);
    }
    if (round < rounds) step = env.step(actions.of(ids, steps));
  }
  return histories;
}

// The first `rounds` steps of each environment, in any order.
std::vector<History> histories_of(AsyncVectorEnv& env, int64_t rounds) {
  const auto n = static_cast<size_t>(env.num_envs());
  const auto enough = static_cast<size_t>(rounds) + 1;
  Actions actions(env.spec());
  std::vector<int64_t> steps(n);
  std::vector<History> histories(n);
  env.reset(kSeed);
  for (size_t done = 0; done < n;) {
    const AsyncStep step = env.recv();
    size_t next_episode = 0;
    for (size_t row = 0; row < step.env_id.size(); ++row) {
      History& history = histories[static_cast<size_t>(step.env_id[row])];
      const bool ended = step.terminated[row] != 0 || step.truncated[row] != 0;
      const size_t episode = next_episode;
      next_episode += ended ? 1 : 0;
      if (history.rewards.size() == enough) continue;
      history.append(step, row);
      if (ended) history.append(step.finished[episode]);
      done += history.rewards.size() == enough ? 1 : 0;
    }
    EXPECT_EQ(next_episode, step.finished.size());
    env.send(actions.of(step.env_id, steps), step.env_id);
  }
  return histories;
}

TEST(AsyncVectorEnv, EachEnvironmentsEpisodesAreThoseOfAVectorEnv) {
  const EnvMaker pixels = TestEnv::maker(
      "pointmaze-umaze", {{"observation", "both"}, {"image_size", "20x16"}, {"time_limit", "9"}});
  constexpr int64_t kNum = 6;
  constexpr int64_t kRounds = 50;
  for (const EnvMaker& make : {fake(), pixels}) {
    const std::vector<History> expected = histories_of_vector_env(make, kNum, kRounds);
    ASSERT_GT(expected[0].seeds.size(), 3U);
    for (const int threads : {1, 2, 7}) {
      for (const int64_t batch : {1, 2, 4, 6}) {
        AsyncVectorEnv env(make, {.num_envs = kNum, .threads = threads, .batch = batch});
        EXPECT_EQ(env.batch(), batch);
        EXPECT_EQ(env.threads(), std::min(threads, 6));
        for (int again = 0; again < 2; ++again) {
          EXPECT_TRUE(histories_of(env, kRounds) == expected)
              << env.spec().id << ", " << threads << " threads, batch " << batch;
        }
      }
    }
  }
}

TEST(AsyncVectorEnv, ASlowEnvironmentHoldsUpNobody) {
  std::atomic<bool> open{false};
  AsyncVectorEnv env(fake({.env = 1, .in_step = [&] { open.wait(false); }}),
                     {.num_envs = 4, .threads = 2, .batch = 3});
  Actions actions(env.spec());
  std::vector<int64_t> steps(4);
  env.reset(kSeed);
  bool sent = false;
  for (int round = 0; round < 200; ++round) {
    const AsyncStep step = env.recv();
    const bool there = std::ranges::count(step.env_id, 1) > 0;
    EXPECT_FALSE(there && sent) << "it cannot be done";
    sent |= there;
    env.send(actions.of(step.env_id, steps), step.env_id);
  }
  ASSERT_TRUE(sent);
  open = true;
  open.notify_all();
  bool back = false;
  for (int round = 0; round < 100000 && !back; ++round) {
    const AsyncStep step = env.recv();
    back = std::ranges::count(step.env_id, 1) > 0;
    env.send(actions.of(step.env_id, steps), step.env_id);
  }
  EXPECT_TRUE(back);
}

TEST(AsyncVectorEnv, AFailureIsNamedOnceAndTheOthersGoOn) {
  for (const int threads : {1, 3}) {
    for (const bool standard : {false, true}) {
      AsyncVectorEnv env(fake({.env = 2, .step = 2, .standard_exception = standard}),
                         {.num_envs = 4, .threads = threads, .batch = 1});
      Actions actions(env.spec());
      std::vector<int64_t> steps(4);
      env.reset(kSeed);
      int failures = 0;
      std::map<int64_t, int> seen;
      // Runs until it has failed, and 100 rounds more.
      for (int left = 100; left > 0; left -= failures) {
        try {
          const AsyncStep step = env.recv();
          ++seen[step.env_id[0]];
          env.send(actions.of(step.env_id, steps), step.env_id);
        } catch (const Error& error) {
          ++failures;
          EXPECT_EQ(error.kind(), ErrorKind::kRun);
          EXPECT_THAT(error.what(),
                      AllOf(HasSubstr("environment 2 of 4"),
                            HasSubstr(fmt::format("seed {}", mix_seed({kSeed, 2, 0}))),
                            HasSubstr("step 1"), HasSubstr("the wheel came off")));
        }
      }
      EXPECT_EQ(failures, 1);
      EXPECT_EQ(seen[2], 2) << "its reset and its first step";
      EXPECT_GT(seen[0] + seen[1] + seen[3], 90);
      const int64_t two[] = {2};
      EXPECT_THAT(run_error([&] { env.send(actions.of(two, steps), two); }),
                  AllOf(HasSubstr("environment 2 of 4"), HasSubstr("needs a reset")));
      env.reset_envs(two, 99);
      for (int round = 0; round < 1000000 && seen[2] < 10; ++round) {
        const AsyncStep step = env.recv();
        ++seen[step.env_id[0]];
        env.send(actions.of(step.env_id, steps), step.env_id);
      }
      EXPECT_EQ(seen[2], 10);
    }
  }
}

TEST(AsyncVectorEnv, AfterAResetOfSomeLaterEpisodesFollowTheSeedOfAll) {
  AsyncVectorEnv env(fake(), {.num_envs = 3, .threads = 2, .batch = 1});
  Actions actions(env.spec());
  std::vector<int64_t> steps(3);
  env.reset(kSeed);
  std::vector<uint64_t> seeds;  // of the ended episodes of environment 1
  bool reset = false;
  for (int round = 0; round < 1000 && seeds.size() < 3; ++round) {
    const AsyncStep step = env.recv();
    for (const Episode& episode : step.finished) {
      if (episode.env == 1) seeds.push_back(episode.seed);
    }
    if (!reset && step.env_id[0] == 1) {
      env.reset_envs(step.env_id, 99);
      reset = true;
    } else {
      env.send(actions.of(step.env_id, steps), step.env_id);
    }
  }
  EXPECT_EQ(seeds, (std::vector<uint64_t>{mix_seed({99, 1, 1}), mix_seed({kSeed, 1, 2}),
                                          mix_seed({kSeed, 1, 3})}));
}

// All other environments are stepping in a block that cannot be full without this one.
TEST(AsyncVectorEnv, AFailureEndsTheWait) {
  AsyncVectorEnv env(fake({.env = 0, .step = 0}), {.num_envs = 3, .threads = 2});
  env.reset(kSeed);
  EXPECT_THAT(run_error([&] { env.recv(); }), HasSubstr("environment 0 of 3"));
  EXPECT_THAT(input_error([&] { env.recv(); }), HasSubstr("2 environments are under way"));
  const int64_t zero[] = {0};
  env.reset_envs(zero, 1);
  EXPECT_EQ(env.recv().env_id.size(), 3U);
  env.reset(kSeed);
  EXPECT_EQ(env.recv().env_id.size(), 3U);
}

TEST(AsyncVectorEnv, ResetForgetsWhatIsUnderWay) {
  AsyncVectorEnv env(fake(), {.num_envs = 6, .threads = 2, .batch = 2});
  const std::vector<History> expected = histories_of(env, 11);
  Actions actions(env.spec());
  for (int rounds = 0; rounds < 20; ++rounds) {
    std::vector<int64_t> steps(6);
    env.reset(kSeed + 1);
    for (int round = 0; round < rounds; ++round) {
      const AsyncStep step = env.recv();
      env.send(actions.of(step.env_id, steps), step.env_id);
    }
    ASSERT_TRUE(histories_of(env, 11) == expected) << "after " << rounds;
  }
}

TEST(AsyncVectorEnv, RefusesWhatCannotBe) {
  AsyncVectorEnv env(fake(), {.num_envs = 3, .threads = 2, .batch = 2});
  Actions actions(env.spec());
  std::vector<int64_t> steps(3);
  const auto send = [&](const std::vector<int64_t>& ids) {
    std::vector<int64_t> valid(ids.size(), 0);
    env.send(actions.of(valid, steps), ids);
  };
  EXPECT_THAT(input_error([&] { env.recv(); }), HasSubstr("before reset()"));
  EXPECT_THAT(input_error([&] { send({0}); }), HasSubstr("before reset()"));
  env.reset(kSeed);
  EXPECT_THAT(input_error([&] { send({0}); }), HasSubstr("environment 0 of 3 is under way"));
  const AsyncStep step = env.recv();
  const std::vector<int64_t> here(step.env_id.begin(), step.env_id.end());
  EXPECT_THAT(input_error([&] { env.recv(); }),
              AllOf(HasSubstr("1 environments are under way"), HasSubstr("a batch is 2")));
  EXPECT_THAT(input_error([&] {
                send({here[0], 3});
              }),
              HasSubstr("environment 3, expected 0 to 2"));
  EXPECT_THAT(input_error([&] { send({-1}); }), HasSubstr("environment -1"));
  EXPECT_THAT(input_error([&] { send({here[0], here[0]}); }), HasSubstr("under way already"));
  EXPECT_THAT(input_error([&] {
                env.reset_envs(std::vector<int64_t>{here[1], here[1]}, 1);
              }),
              HasSubstr("under way already"));
  const std::vector<int64_t> zeros(2);
  EXPECT_THAT(input_error([&] { env.send(actions.of(zeros, steps), std::span(here).first(1)); }),
              HasSubstr("2 actions for 1"));
  ConstFieldView bad = actions.of(zeros, steps);
  actions.values()[1] = std::nanf("");
  EXPECT_THAT(input_error([&] { env.send(bad, here); }),
              HasSubstr(fmt::format("environment {} of 3", here[1])));
  send(here);  // nothing was sent before
  EXPECT_EQ(env.recv().env_id.size(), 2U);
}

TEST(AsyncVectorEnv, RefusesImpossibleOptions) {
  const auto message = [](const VectorEnvOptions& options) {
    return input_error([&] { AsyncVectorEnv env(fake(), options); });
  };
  EXPECT_THAT(message({.num_envs = 0}), HasSubstr("0 environments"));
  EXPECT_THAT(message({.num_envs = 2, .threads = 0}), HasSubstr("0 threads"));
  EXPECT_THAT(message({.num_envs = 2, .batch = 3}), HasSubstr("a batch of 3, expected 1 to 2"));
  EXPECT_THAT(message({.num_envs = 2, .batch = -1}), HasSubstr("a batch of -1"));
  EXPECT_THAT(message({.num_envs = 2, .cpus = {-7}}), HasSubstr("found -7"));
  EXPECT_THAT(message({.num_envs = 2, .autoreset = AutoReset::kOff}), HasSubstr("AutoReset"));
}

TEST(AsyncVectorEnv, IsDestroyedWhileEnvironmentsAreUnderWay) {
  for (int round = 0; round < 20; ++round) {
    AsyncVectorEnv env(fake(), {.num_envs = 16, .threads = 3, .batch = 4});
    env.reset(kSeed);
    if (round % 2 == 0) env.recv();
  }
}

TEST(AsyncVectorEnv, SendAndReceiveAllocateNothing) {
  AsyncVectorEnv env(TestEnv::maker("maze2d-umaze", {{"max_steps", "100000"}}),
                     {.num_envs = 8, .threads = 2, .batch = 4});
  const Field field = action_field(env.spec().action);
  const std::vector<float> zeros(8);
  const ConstFieldView actions{&field, reinterpret_cast<const std::byte*>(zeros.data()), 4};
  env.reset(kSeed);
  // A thread allocates the engine's data when it first takes part, which may be late on a busy
  // machine. A step that allocates does so in every round.
  int64_t least = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 50 && least > 0; ++round) {
    const int64_t before = allocations();
    for (int i = 0; i < 1000; ++i) env.send(actions, env.recv().env_id);
    least = std::min(least, allocations() - before);
  }
  EXPECT_EQ(least, 0);
}

}  // namespace
}  // namespace reverie
