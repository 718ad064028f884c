#include "envs/vector_env.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "envs/registry.h"

namespace {
std::atomic<int64_t> allocations{0};
}

// Counts what this program allocates, for the promise that a step allocates nothing. Not inlined:
// GCC would take the pair of malloc and delete for a mistake.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace reverie {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kSeed = 11;

// What may go wrong in one instance, counted in the order they were made.
struct Sabotage {
  int64_t env = -1;
  int64_t step = -1;  // of its first episode; 0 = in reset()
  bool standard_exception = false;
};

// x' = 0.9 x + a, observed beside the step number. The seed decides how long an episode takes
// (3 to 7 steps) and whether it terminates (even) or is truncated (odd).
class FakeEnv final : public Env {
 public:
  FakeEnv(int64_t instance, Sabotage sabotage) : sabotage_(sabotage) {
    if (instance != sabotage.env) sabotage_.step = -1;
    spec_.id = "fake";
    spec_.observation = {{.name = "x", .shape = {2}, .dtype = DType::kFloat64},
                         {.name = "step", .shape = {}, .dtype = DType::kInt64}};
    spec_.action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}};
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    sabotage(0);
    seed_ = seed;
    steps_ = 0;
    x_ = Rng(seed).random();
    observe(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    sabotage(steps_ + 1);
    x_ = 0.9 * x_ + static_cast<double>(action.as<float>()[0]);
    ++steps_;
    observe(obs);
    const bool ended = steps_ == 3 + static_cast<int64_t>(seed_ % 5);
    return {
        .reward = x_, .terminated = ended && seed_ % 2 == 0, .truncated = ended && seed_ % 2 == 1};
  }

  std::vector<double> state() const override {
    return {x_, static_cast<double>(steps_), static_cast<double>(seed_ >> 32),
            static_cast<double>(seed_ & 0xffffffffU)};
  }

  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == 4, "fake: {} numbers, expected 4", state.size());
    x_ = state[0];
    steps_ = static_cast<int64_t>(state[1]);
    seed_ = static_cast<uint64_t>(state[2]) << 32 | static_cast<uint64_t>(state[3]);
  }

  void draw(Canvas&, View) const override {}
  Metrics metrics() const override { return {{"last_x", x_}}; }

 private:
  void observe(FieldViews obs) const {
    obs[0].as<double>()[0] = x_;
    obs[0].as<double>()[1] = -x_;
    obs[1].as<int64_t>()[0] = steps_;
  }

  void sabotage(int64_t step) {
    if (step != sabotage_.step) return;
    sabotage_.step = -1;  // once
    if (sabotage_.standard_exception) throw std::runtime_error("the wheel came off");
    fail_run("the wheel came off");
  }

  EnvSpec spec_;
  Sabotage sabotage_;
  double x_ = 0.0;
  int64_t steps_ = 0;
  uint64_t seed_ = 0;
};

EnvMaker fake(Sabotage sabotage = {}) {
  return [sabotage, made = std::make_shared<int64_t>(0)] {
    return std::make_unique<FakeEnv>((*made)++, sabotage);
  };
}

EnvMaker maze(const std::string& max_steps = "300") {
  const auto config = find_env("maze2d-umaze").config();
  ConfigFields fields;
  config->describe(fields);
  ConfigFields::set(*fields.find("max_steps"), max_steps, "max_steps");
  return config->maker();
}

// Uniform actions for N environments, the same for the same round.
class Actions {
 public:
  explicit Actions(const VectorEnv& env)
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

// All that a step tells, byte by byte.
struct Told {
  std::vector<std::byte> bytes;
  std::vector<Episode> finished;

  bool operator==(const Told& other) const {
    return bytes == other.bytes && finished.size() == other.finished.size() &&
           std::equal(finished.begin(), finished.end(), other.finished.begin(), same);
  }
};

Told told(const VectorEnv& env, const VectorStep& step) {
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

std::vector<Told> run(VectorEnv& env, uint64_t first_round, uint64_t rounds, bool async = false) {
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
  VectorEnv env(fake(), kNum, 2);
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
  for (const auto& make : {fake(), maze("20")}) {
    VectorEnv one(make, 7, 1);
    one.reset(kSeed);
    const std::vector<Told> expected = run(one, 1, 100);
    for (const int threads : {1, 2, 3, 7}) {
      for (const bool async : {false, true}) {
        VectorEnv env(make, 7, threads);
        EXPECT_EQ(env.threads(), threads);
        env.reset(kSeed);
        EXPECT_TRUE(run(env, 1, 100, async) == expected)
            << one.spec().id << ", " << threads << " threads, in halves: " << async;
      }
    }
  }
}

TEST(VectorEnv, ResetStartsAfreshWhateverCameBefore) {
  VectorEnv env(fake(), 4, 2);
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
    VectorEnv env(make, 5, 2);
    env.reset(kSeed);
    run(env, 0, 44);  // the mazes are in their second episode
    const VectorEnvSnapshot snapshot = env.snapshot();
    const std::vector<std::byte> before(
        env.observations()[0].data,
        env.observations()[0].data + 5 * env.observations()[0].field->bytes());
    const std::vector<Told> expected = run(env, 44, 60);

    VectorEnv other(make, 5, 1);
    other.restore(snapshot);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), other.observations()[0].data));
    EXPECT_TRUE(other.finished().empty());
    EXPECT_TRUE(run(other, 44, 60) == expected) << env.spec().id;
    env.restore(snapshot);
    EXPECT_TRUE(run(env, 44, 60) == expected) << env.spec().id << ", the same instance";
  }
}

TEST(VectorEnv, RestoreRefusesWhatIsNoSnapshotOfIts) {
  VectorEnv env(fake(), 3, 1);
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
  VectorEnv larger(fake(), 4, 1);
  EXPECT_THROW(larger.restore(good), Error);
  env.restore(good);
  EXPECT_EQ(env.snapshot().state, good.state);
}

// Half of it was read: going on from there would mix two runs.
TEST(VectorEnv, NeedsResetAfterARefusedSnapshot) {
  VectorEnv env(fake(), 3, 1);
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
    VectorEnv env(make, 5, 2);
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
  VectorEnv env(fake(), 3, 1);
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
      VectorEnv env(fake({.env = 2, .step = 2, .standard_exception = standard}), 5, threads);
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
      VectorEnv sound(fake(), 5, 1);
      sound.reset(kSeed);
      EXPECT_TRUE(run(env, 0, 30) == run(sound, 0, 30));
    }
  }
}

TEST(VectorEnv, NamesTheEnvironmentThatCouldNotBeReset) {
  VectorEnv env(fake({.env = 4, .step = 0}), 5, 2);
  EXPECT_THAT(message_of([&] { env.reset(kSeed); }, ErrorKind::kRun),
              AllOf(HasSubstr("environment 4 of 5"), HasSubstr("the wheel came off")));
  Actions actions(env);
  EXPECT_THROW(env.step(actions.round(0)), Error);
  env.reset(kSeed);
  env.step(actions.round(0));
}

TEST(VectorEnv, RefusesCallsOutOfOrder) {
  VectorEnv env(fake(), 2, 2);
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
  for (const int64_t n : {0, -1}) EXPECT_THROW(VectorEnv(fake(), n, 1), Error) << n;
  for (const int threads : {0, -1}) EXPECT_THROW(VectorEnv(fake(), 2, threads), Error) << threads;
  EXPECT_EQ(VectorEnv(fake(), 2, 64).threads(), 2);
}

// A learner that throws unwinds over its actions while the environments still step.
TEST(VectorEnv, OutlivesTheActionsAndIsDestroyedDuringAStep) {
  for (int round = 0; round < 20; ++round) {
    VectorEnv env(maze(), 16, 3);
    env.reset(kSeed);
    const auto actions = std::make_unique<Actions>(env);
    env.step_async(actions->round(0));
  }
}

TEST(VectorEnv, StepAllocatesNothing) {
  VectorEnv env(maze("100000000"), 8, 2);
  env.reset(kSeed);
  Actions actions(env);
  const ConstFieldView view = actions.round(0);
  // A thread allocates the engine's data when it first takes part, which may be late on a busy
  // machine.
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(300)) env.step(view);
  const int64_t before = allocations;
  for (int i = 0; i < 1000; ++i) env.step(view);
  EXPECT_EQ(allocations - before, 0);
  ASSERT_GT(before, 0) << "nothing is counted";
}

}  // namespace
}  // namespace reverie
