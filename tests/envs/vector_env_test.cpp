#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "envs/registry.h"
#include "envs/threaded_vector_env.h"
#include "tests/envs/allocation_counter.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/fake_env.h"

namespace reverie {
namespace {

using test::allocations;
using test::fake;
using test::FakeEnv;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kSeed = 11;

EnvMaker maze(const std::string& max_steps = "300") {
  return TestEnv::maker("maze2d-umaze", {{"max_steps", max_steps}});
}

// Uniform actions for N environments, the same for the same round.
class Actions {
 public:
  explicit Actions(const ThreadedVectorEnv& env)
      : field_(action_field(env.spec().action)),
        values_(static_cast<size_t>(env.num_envs() * field_.numel())) {}

  ConstFieldView round(uint64_t number) {
    Rng rng(mix_seed({99, number}));
    for (float& value : values_) value = 2.0F * rng.random_float() - 1.0F;
    return view();
  }
  ConstFieldView view() const {
    return {&field_, reinterpret_cast<const std::byte*>(values_.data()),
            static_cast<int64_t>(values_.size()) / field_.numel()};
  }
  std::vector<float>& values() { return values_; }

 private:
  Field field_;
  std::vector<float> values_;
};

bool same(const Episode& a, const Episode& b) {
  return a.env == b.env && a.index == b.index && a.seed == b.seed &&
         a.episode_return == b.episode_return && a.length == b.length &&
         a.terminated == b.terminated && a.metrics.size() == b.metrics.size() &&
         a.metrics.back().second == b.metrics.back().second;
}

// All results of a step, byte by byte.
struct Told {
  std::vector<std::byte> bytes;
  std::vector<Episode> finished;

  bool operator==(const Told& other) const {
    return bytes == other.bytes && finished.size() == other.finished.size() &&
           std::equal(finished.begin(), finished.end(), other.finished.begin(), same);
  }
};

Told told(const ThreadedVectorEnv& env, const VectorStep& step) {
  Told out;
  const auto append = [&](std::span<const std::byte> more) {
    out.bytes.insert(out.bytes.end(), more.begin(), more.end());
  };
  const auto append_row = [&](const FieldView& view, int64_t i) {
    append({view.row(i).data, view.field->bytes()});
  };
  append(std::as_bytes(step.reward));
  append(std::as_bytes(step.terminated));
  append(std::as_bytes(step.truncated));
  for (int64_t i = 0; i < env.num_envs(); ++i) {
    const auto n = static_cast<size_t>(i);
    for (const FieldView& view : step.obs) append_row(view, i);
    if (step.terminated[n] == 0 && step.truncated[n] == 0) continue;
    for (const FieldView& view : step.final_obs) append_row(view, i);
  }
  out.finished.assign(env.finished().begin(), env.finished().end());
  return out;
}

std::vector<Told> run(ThreadedVectorEnv& env, uint64_t first_round, uint64_t rounds,
                      bool async = false) {
  Actions actions(env);
  std::vector<Told> all;
  for (uint64_t round = first_round; round < first_round + rounds; ++round) {
    if (async) {
      env.step_async(actions.round(round));
      actions.round(0);  // the environment has its own copy
      all.push_back(told(env, env.wait()));
    } else {
      all.push_back(told(env, env.step(actions.round(round))));
    }
  }
  return all;
}

template <typename Function>
std::string message_of(Function&& function, ErrorKind expected) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), expected) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error";
  return "";
}

TEST(VectorEnv, EqualsSingleEnvironmentsDrivenByHand) {
  constexpr int64_t kNum = 5;
  ThreadedVectorEnv env(fake(), kNum, 2);
  Actions actions(env);
  struct Single {
    FakeEnv env{0, {}};
    std::array<double, 2> x{};
    int64_t step = 0;
    int64_t episode = 0;
    double sum = 0.0;
    std::vector<FieldView> views;
  };
  std::vector<Single> singles(kNum);
  const auto seed_of = [](int64_t i, int64_t episode) {
    return mix_seed({kSeed, static_cast<uint64_t>(i), static_cast<uint64_t>(episode)});
  };
  const auto expect_row = [&](FieldViews views, int64_t i, const Single& single) {
    const auto n = static_cast<size_t>(i);
    EXPECT_EQ(views[0].as<double>()[2 * n], single.x[0]);
    EXPECT_EQ(views[0].as<double>()[2 * n + 1], single.x[1]);
    EXPECT_EQ(views[1].as<int64_t>()[n], single.step);
  };

  const VectorStep first = env.reset(kSeed);
  for (int64_t i = 0; i < kNum; ++i) {
    Single& single = singles[static_cast<size_t>(i)];
    single.views = {
        {&single.env.spec().observation[0], reinterpret_cast<std::byte*>(&single.x), 1},
        {&single.env.spec().observation[1], reinterpret_cast<std::byte*>(&single.step), 1}};
    single.env.reset(seed_of(i, 0), single.views);
    expect_row(first.obs, i, single);
  }
  int64_t terminations = 0;
  int64_t truncations = 0;
  for (uint64_t round = 0; round < 40; ++round) {
    const VectorStep step = env.step(actions.round(round));
    size_t reported = 0;
    for (int64_t i = 0; i < kNum; ++i) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", environment " << i);
      const auto n = static_cast<size_t>(i);
      Single& single = singles[n];
      const StepResult expected = single.env.step(actions.view().row(i), single.views);
      single.sum += expected.reward;
      EXPECT_EQ(step.reward[n], expected.reward);
      EXPECT_EQ(step.terminated[n], expected.terminated ? 1 : 0);
      EXPECT_EQ(step.truncated[n], expected.truncated ? 1 : 0);
      terminations += expected.terminated ? 1 : 0;
      truncations += expected.truncated ? 1 : 0;
      if (expected.terminated || expected.truncated) {
        expect_row(step.final_obs, i, single);
        ASSERT_LT(reported, env.finished().size());
        const Episode& episode = env.finished()[reported++];
        EXPECT_EQ(episode.env, i);
        EXPECT_EQ(episode.index, single.episode);
        EXPECT_EQ(episode.seed, seed_of(i, single.episode));
        EXPECT_EQ(episode.episode_return, single.sum);
        EXPECT_EQ(episode.length, single.step);
        EXPECT_EQ(episode.terminated, expected.terminated);
        EXPECT_EQ(episode.metrics, single.env.metrics());
        single.sum = 0.0;
        single.env.reset(seed_of(i, ++single.episode), single.views);
        EXPECT_EQ(single.step, 0);
      }
      expect_row(step.obs, i, single);
      EXPECT_EQ(env.observations()[0].data, step.obs[0].data);
    }
    EXPECT_EQ(reported, env.finished().size());
  }
  EXPECT_GT(terminations, 5);
  EXPECT_GT(truncations, 5);
}

TEST(VectorEnv, IsTheSameForAnyNumberOfThreadsAndInHalves) {
  const EnvMaker pixels = TestEnv::maker("pointmaze-umaze", {{"observation", "both"},
                                                             {"image_size", "20x16"},
                                                             {"frame_stack", "2"},
                                                             {"sticky_actions", "0.2"},
                                                             {"time_limit", "25"}});
  for (const auto& make : {fake(), maze("20"), pixels}) {
    ThreadedVectorEnv one(make, 7, 1);
    one.reset(kSeed);
    const std::vector<Told> expected = run(one, 1, 100);
    for (const int threads : {1, 2, 3, 7}) {
      for (const bool async : {false, true}) {
        ThreadedVectorEnv env(make, 7, threads);
        EXPECT_EQ(env.threads(), threads);
        env.reset(kSeed);
        EXPECT_TRUE(run(env, 1, 100, async) == expected)
            << one.spec().id << ", " << threads << " threads, in halves: " << async;
      }
    }
  }
}

TEST(VectorEnv, ResetStartsAfreshWhateverCameBefore) {
  ThreadedVectorEnv env(fake(), 4, 2);
  env.reset(kSeed);
  const std::vector<Told> first = run(env, 0, 20);
  env.reset(kSeed + 1);
  EXPECT_FALSE(run(env, 0, 20) == first);
  env.reset(kSeed);
  EXPECT_TRUE(env.finished().empty());
  EXPECT_TRUE(run(env, 0, 20) == first);
}

TEST(VectorEnv, SnapshotContinuesBitEqual) {
  for (const auto& make : {fake(), maze("30")}) {
    ThreadedVectorEnv env(make, 5, 2);
    env.reset(kSeed);
    run(env, 0, 44);  // the mazes are in their second episode
    const VectorEnvSnapshot snapshot = env.snapshot();
    const std::vector<std::byte> before(
        env.observations()[0].data,
        env.observations()[0].data + 5 * env.observations()[0].field->bytes());
    const std::vector<Told> expected = run(env, 44, 60);

    ThreadedVectorEnv other(make, 5, 1);
    other.restore(snapshot);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), other.observations()[0].data));
    EXPECT_TRUE(other.finished().empty());
    EXPECT_TRUE(run(other, 44, 60) == expected) << env.spec().id;
    env.restore(snapshot);
    EXPECT_TRUE(run(env, 44, 60) == expected) << env.spec().id << ", the same instance";
  }
}

TEST(VectorEnv, RestoreRefusesWhatIsNoSnapshotOfIts) {
  ThreadedVectorEnv env(fake(), 3, 1);
  env.reset(kSeed);
  run(env, 0, 4);
  const VectorEnvSnapshot good = env.snapshot();
  std::vector<std::pair<const char*, VectorEnvSnapshot>> bad;
  const auto add = [&](const char* what, const auto& damage) {
    bad.emplace_back(what, good);
    damage(bad.back().second);
  };
  add("nothing", [](auto& s) { s = {}; });
  add("one number less", [](auto& s) { s.state.pop_back(); });
  add("one number more", [](auto& s) { s.state.push_back(0.0); });
  add("one byte less", [](auto& s) { s.observations.pop_back(); });
  add("one byte more", [](auto& s) { s.observations.push_back(0); });
  add("a seed that is none", [](auto& s) { s.state[0] = -1.0; });
  add("a seed of 33 bits", [](auto& s) { s.state[1] = 4294967296.0; });
  add("half an episode", [](auto& s) { s.state[4] = 0.5; });
  add("a length that is not a number", [](auto& s) { s.state[5] = std::nan(""); });
  add("a state longer than the file", [](auto& s) { s.state[7] = 1e9; });
  add("a state of another length", [](auto& s) { s.state[7] = 3.0; });
  for (const auto& [what, snapshot] : bad) {
    EXPECT_THROW(env.restore(snapshot), Error) << what;
  }
  ThreadedVectorEnv larger(fake(), 4, 1);
  EXPECT_THROW(larger.restore(good), Error);
  env.restore(good);
  EXPECT_EQ(env.snapshot().state, good.state);
}

// Half of the snapshot was read, so continuing would mix two runs.
TEST(VectorEnv, NeedsResetAfterARefusedSnapshot) {
  ThreadedVectorEnv env(fake(), 3, 1);
  env.reset(kSeed);
  VectorEnvSnapshot snapshot = env.snapshot();
  snapshot.state.push_back(0.0);
  EXPECT_THROW(env.restore(snapshot), Error);
  Actions actions(env);
  EXPECT_THROW(env.step(actions.round(0)), Error);
  env.reset(kSeed);
  env.step(actions.round(0));
}

TEST(VectorEnv, NamesTheEnvironmentOfABadActionAndMovesNone) {
  for (const auto& make : {fake(), maze()}) {
    ThreadedVectorEnv env(make, 5, 2);
    env.reset(kSeed);
    run(env, 0, 2);
    const VectorEnvSnapshot before = env.snapshot();
    Actions actions(env);
    actions.round(2);
    const size_t width = actions.values().size() / 5;
    for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      actions.values()[3 * width] = bad;
      EXPECT_THAT(
          message_of([&] { env.step(actions.view()); }, ErrorKind::kInput),
          AllOf(HasSubstr("environment 3 of 5"), HasSubstr(env.spec().id), HasSubstr("action[0]")));
      EXPECT_EQ(env.snapshot().state, before.state);
    }
    run(env, 2, 3);
  }
}

TEST(VectorEnv, RefusesActionsOfTheWrongShape) {
  ThreadedVectorEnv env(fake(), 3, 1);
  env.reset(kSeed);
  const std::vector<double> values(6);
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  const Field wide{.name = "action", .shape = {2}};
  const Field doubles{.name = "action", .shape = {1}, .dtype = DType::kFloat64};
  const Field right = action_field(env.spec().action);
  EXPECT_THROW(env.step({&wide, bytes, 3}), Error);
  EXPECT_THROW(env.step({&doubles, bytes, 3}), Error);
  EXPECT_THROW(env.step({&right, bytes, 2}), Error);
  EXPECT_THROW(env.step({&right, bytes, 4}), Error);
  EXPECT_THROW(env.step({&right, bytes, 0}), Error);
  env.step({&right, bytes, 3});
}

TEST(VectorEnv, NamesTheEnvironmentThatFailedAndSurvives) {
  for (const int threads : {1, 3}) {
    for (const bool standard : {false, true}) {
      ThreadedVectorEnv env(fake({.env = 2, .step = 2, .standard_exception = standard}), 5,
                            threads);
      env.reset(kSeed);
      Actions actions(env);
      env.step(actions.round(0));
      env.step_async(actions.round(1));
      EXPECT_THAT(message_of([&] { env.wait(); }, ErrorKind::kRun),
                  AllOf(HasSubstr("environment 2 of 5"),
                        HasSubstr(fmt::format("seed {}", mix_seed({kSeed, 2, 0}))),
                        HasSubstr("step 1"), HasSubstr("the wheel came off")));
      EXPECT_THROW(env.step(actions.round(2)), Error);
      EXPECT_THROW(env.snapshot(), Error);

      env.reset(kSeed);
      ThreadedVectorEnv sound(fake(), 5, 1);
      sound.reset(kSeed);
      EXPECT_TRUE(run(env, 0, 30) == run(sound, 0, 30));
    }
  }
}

TEST(VectorEnv, NamesTheEnvironmentThatCouldNotBeReset) {
  ThreadedVectorEnv env(fake({.env = 4, .step = 0}), 5, 2);
  EXPECT_THAT(message_of([&] { env.reset(kSeed); }, ErrorKind::kRun),
              AllOf(HasSubstr("environment 4 of 5"), HasSubstr("the wheel came off")));
  Actions actions(env);
  EXPECT_THROW(env.step(actions.round(0)), Error);
  env.reset(kSeed);
  env.step(actions.round(0));
}

TEST(VectorEnv, RefusesCallsOutOfOrder) {
  ThreadedVectorEnv env(fake(), 2, 2);
  Actions actions(env);
  EXPECT_THROW(env.step(actions.round(0)), Error);
  EXPECT_THROW(env.wait(), Error);
  EXPECT_THROW(env.snapshot(), Error);
  env.reset(kSeed);
  const VectorEnvSnapshot snapshot = env.snapshot();
  EXPECT_THROW(env.wait(), Error);
  env.step_async(actions.round(0));
  EXPECT_THROW(env.step_async(actions.view()), Error);
  EXPECT_THROW(env.step(actions.view()), Error);
  EXPECT_THROW(env.reset(kSeed), Error);
  EXPECT_THROW(env.snapshot(), Error);
  EXPECT_THROW(env.restore(snapshot), Error);
  env.wait();
  env.step(actions.view());
}

TEST(VectorEnv, RefusesImpossibleSizes) {
  for (const int64_t n : {0, -1}) EXPECT_THROW(ThreadedVectorEnv(fake(), n, 1), Error) << n;
  for (const int threads : {0, -1})
    EXPECT_THROW(ThreadedVectorEnv(fake(), 2, threads), Error) << threads;
  EXPECT_EQ(ThreadedVectorEnv(fake(), 2, 64).threads(), 2);
}

constexpr auto kNextStep = AutoReset::kNextStep;
constexpr auto kOff = AutoReset::kOff;

// One environment stepped by hand, and a vector of one: how each mode shows the same episodes.
struct ByHand {
  explicit ByHand(uint64_t seed) : run_seed(seed) {
    views = {{&env.spec().observation[0], reinterpret_cast<std::byte*>(&x), 1},
             {&env.spec().observation[1], reinterpret_cast<std::byte*>(&step), 1}};
  }
  void reset() { env.reset(mix_seed({run_seed, 0, episode++}), views); }

  uint64_t run_seed;
  FakeEnv env{0, {}};
  std::array<double, 2> x{};
  int64_t step = 0;
  uint64_t episode = 0;
  std::vector<FieldView> views;
};

TEST(VectorEnv, NextStepIgnoresTheActionAfterAnEpisodesEnd) {
  ThreadedVectorEnv env(fake(), {.num_envs = 1, .autoreset = kNextStep});
  Actions actions(env);
  ByHand hand(kSeed);
  env.reset(kSeed);
  hand.reset();
  bool ended = false;
  int64_t episodes = 0;
  for (uint64_t round = 0; round < 60; ++round) {
    const VectorStep step = env.step(actions.round(round));
    StepResult expected;
    if (ended) {
      hand.reset();
    } else {
      expected = hand.env.step(actions.view(), hand.views);
    }
    ended = expected.terminated || expected.truncated;
    EXPECT_EQ(step.obs[0].as<double>()[0], hand.x[0]) << round;
    EXPECT_EQ(step.final_obs[0].as<double>()[0], hand.x[0]) << round;
    EXPECT_EQ(step.obs[1].as<int64_t>()[0], hand.step) << round;
    EXPECT_EQ(step.reward[0], expected.reward) << round;
    EXPECT_EQ(step.terminated[0], expected.terminated ? 1 : 0) << round;
    EXPECT_EQ(step.truncated[0], expected.truncated ? 1 : 0) << round;
    ASSERT_EQ(env.finished().size(), ended ? 1U : 0U) << round;
    if (ended) {
      EXPECT_EQ(env.finished()[0].index, episodes++);
    }
  }
  EXPECT_GT(episodes, 5);
}

TEST(VectorEnv, WithoutAutoResetTheCallerDecides) {
  ThreadedVectorEnv env(fake(), {.num_envs = 4, .threads = 2, .autoreset = kOff});
  ThreadedVectorEnv same_step(fake(), 4, 1);
  env.reset(kSeed);
  same_step.reset(kSeed);
  Actions actions(env);
  int64_t ends = 0;
  for (uint64_t round = 0; round < 30; ++round) {
    const VectorStep expected = same_step.step(actions.round(round));
    const VectorStep step = env.step(actions.view());
    std::vector<uint8_t> mask(4);
    for (size_t i = 0; i < 4; ++i) {
      mask[i] = step.terminated[i] | step.truncated[i];
      EXPECT_EQ(step.reward[i], expected.reward[i]);
      EXPECT_EQ(step.obs[0].as<double>()[2 * i],
                (mask[i] != 0 ? expected.final_obs : expected.obs)[0].as<double>()[2 * i]);
    }
    const int64_t ended = std::count(mask.begin(), mask.end(), 1);
    ASSERT_EQ(static_cast<int64_t>(env.finished().size()), ended);
    ends += ended;
    if (ended == 0) continue;
    EXPECT_THAT(message_of([&] { env.step(actions.view()); }, ErrorKind::kInput),
                AllOf(HasSubstr(fmt::format("environment {} of 4", env.finished()[0].env)),
                      HasSubstr("reset_envs()")));
    // The seeds of reset() and the next number give the episodes of kSameStep.
    const VectorStep started = env.reset_envs(mask, kSeed);
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(started.obs[0].as<double>()[i], expected.obs[0].as<double>()[i]);
    }
  }
  EXPECT_GT(ends, 10);
}

TEST(VectorEnv, AfterAResetOfSomeLaterEpisodesFollowTheSeedOfAll) {
  ThreadedVectorEnv env(fake(), 3, 2);
  env.reset(kSeed);
  run(env, 0, 1);
  const uint8_t mask[] = {0, 1, 0};
  env.reset_envs(mask, 5);
  Actions actions(env);
  std::vector<uint64_t> seeds;  // of the ended episodes of environment 1
  for (uint64_t round = 1; round < 40 && seeds.size() < 3; ++round) {
    env.step(actions.round(round));
    for (const Episode& episode : env.finished()) {
      if (episode.env == 1) seeds.push_back(episode.seed);
    }
  }
  EXPECT_EQ(seeds, (std::vector<uint64_t>{mix_seed({5, 1, 1}), mix_seed({kSeed, 1, 2}),
                                          mix_seed({kSeed, 1, 3})}));
}

TEST(VectorEnv, ResetEnvsLeavesTheOthersAlone) {
  ThreadedVectorEnv env(fake(), 3, 2);
  env.reset(kSeed);
  run(env, 0, 2);
  const std::vector<double> before = env.snapshot().state;
  const uint8_t mask[] = {0, 1, 0};
  const VectorStep step = env.reset_envs(mask, 5);
  EXPECT_EQ(step.obs[1].as<int64_t>()[0], 2);
  EXPECT_EQ(step.obs[1].as<int64_t>()[1], 0);
  const std::vector<double> after = env.snapshot().state;
  const size_t lane = (before.size() - 2) / 3;
  for (size_t k = 0; k < before.size(); ++k) {
    if (k < 2 + lane || k >= 2 + 2 * lane) {
      EXPECT_EQ(after[k], before[k]) << k;
    }
  }
  EXPECT_EQ(after[2 + lane + 2], 1) << "the number of its episode";
  EXPECT_THROW(env.reset_envs({mask, 2}, 5), Error);
  ThreadedVectorEnv fresh(fake(), 3, 1);
  EXPECT_THROW(fresh.reset_envs(mask, 5), Error);
}

TEST(VectorEnv, SnapshotsRememberEndedEpisodes) {
  ThreadedVectorEnv env(fake(), {.num_envs = 5, .threads = 2, .autoreset = kNextStep});
  env.reset(kSeed);
  uint64_t round = 0;
  do {
    run(env, round++, 1);
  } while (env.finished().empty());
  const VectorEnvSnapshot snapshot = env.snapshot();
  const std::vector<Told> expected = run(env, round, 40);
  ThreadedVectorEnv other(fake(), {.num_envs = 5, .autoreset = kNextStep});
  other.restore(snapshot);
  EXPECT_TRUE(run(other, round, 40) == expected);
  ThreadedVectorEnv same_step(fake(), 5, 1);
  EXPECT_THROW(same_step.restore(snapshot), Error);
}

TEST(VectorEnv, AFailureStaysWithItsEnvironment) {
  for (const int threads : {1, 3}) {
    ThreadedVectorEnv env(fake({.env = 2, .step = 2}), 5, threads);
    ThreadedVectorEnv sound(fake(), 5, 1);
    env.reset(kSeed);
    sound.reset(kSeed);
    Actions actions(env);
    env.step(actions.round(0));
    sound.step(actions.view());
    EXPECT_THROW(env.step(actions.round(1)), Error);
    const VectorStep expected = sound.step(actions.view());
    const VectorStep left = env.last_step();
    EXPECT_EQ(left.reward[2], 0.0);
    EXPECT_EQ(left.terminated[2] + left.truncated[2], 0);
    const auto expect_others_equal = [&](const VectorStep& ours) {
      for (const size_t i : {0, 1, 3, 4}) {
        EXPECT_EQ(ours.reward[i], expected.reward[i]) << i;
        EXPECT_EQ(ours.obs[0].as<double>()[2 * i], expected.obs[0].as<double>()[2 * i]) << i;
      }
    };
    expect_others_equal(left);
    EXPECT_THAT(message_of([&] { env.step(actions.round(2)); }, ErrorKind::kRun),
                AllOf(HasSubstr("environment 2 of 5"), HasSubstr("needs a reset")));
    expect_others_equal(env.last_step());

    const uint8_t others[] = {1, 0, 0, 0, 0};
    env.reset_envs(others, kSeed);
    EXPECT_THROW(env.step(actions.view()), Error) << "still the failed one";
    const uint8_t mask[] = {0, 0, 1, 0, 0};
    env.reset_envs(mask, kSeed);
    EXPECT_EQ(env.observations()[1].as<int64_t>()[2], 0);
    const VectorStep step = env.step(actions.round(2));
    const VectorStep after = sound.step(actions.view());
    for (const size_t i : {1, 3, 4}) EXPECT_EQ(step.reward[i], after.reward[i]) << i;
  }
}

TEST(VectorEnv, OptionsAreChecked) {
  EXPECT_THAT(
      message_of([] { ThreadedVectorEnv(fake(), {.num_envs = 4, .batch = 2}); }, ErrorKind::kInput),
      AllOf(HasSubstr("a batch of 2 of 4"), HasSubstr("AsyncVectorEnv")));
  EXPECT_THAT(
      message_of([] { ThreadedVectorEnv(fake(), {.num_envs = 4, .threads = 2, .cpus = {-1}}); },
                 ErrorKind::kInput),
      HasSubstr("cpus: found -1"));
}

// A learner that throws destroys its actions while the environments still step.
TEST(VectorEnv, OutlivesTheActionsAndIsDestroyedDuringAStep) {
  for (int round = 0; round < 20; ++round) {
    ThreadedVectorEnv env(maze(), 16, 3);
    env.reset(kSeed);
    const auto actions = std::make_unique<Actions>(env);
    env.step_async(actions->round(0));
  }
}

TEST(VectorEnv, StepAllocatesNothing) {
  ThreadedVectorEnv env(maze("100000000"), 8, 2);
  env.reset(kSeed);
  Actions actions(env);
  const ConstFieldView view = actions.round(0);
  // A thread allocates the engine's data when it first takes part, which may be late on a busy
  // machine. A step that allocates does so in every round.
  const int64_t first = allocations();
  int64_t least = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 50 && least > 0; ++round) {
    const int64_t before = allocations();
    for (int i = 0; i < 1000; ++i) env.step(view);
    least = std::min(least, allocations() - before);
  }
  EXPECT_EQ(least, 0);
  ASSERT_GT(first, 0) << "nothing is counted";
}

}  // namespace
}  // namespace reverie
