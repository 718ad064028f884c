// Each wrapper by itself around a small environment with known dynamics, and the options that add
// them to an environment of the registry.

#include <algorithm>
#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "drawing/canvas.h"
#include "envs/wrappers/disturbances.h"
#include "envs/wrappers/frames.h"
#include "envs/wrappers/pixel_observation.h"
#include "envs/wrappers/rewards_and_time.h"
#include "envs/wrappers/stall_limit.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A counter: step t observes (t, 10 t) and the last action, which is also the reward. Ends at
// `length`, terminated or truncated.
class CounterEnv final : public Env {
 public:
  struct Options {
    int64_t length = 10;
    bool terminates = false;
    ActionSpace action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {3.0F}};
  };

  explicit CounterEnv(const Options& options) : options_(options) {
    spec_.id = "counter";
    spec_.observation = {{.name = "observation",
                          .shape = {2},
                          .dtype = DType::kFloat64,
                          .low = {0.0F, 0.0F},
                          .high = {100.0F, 1000.0F}},
                         {.name = "action_seen", .shape = {}, .dtype = DType::kFloat32},
                         {.name = "step", .shape = {}, .dtype = DType::kInt64}};
    spec_.action = options.action;
    spec_.dt = 0.5;
    spec_.max_steps = options.length;
    spec_.reference = ReferenceReturns{0.0, 1.0};
    spec_.source = "none";
  }

  const EnvSpec& spec() const override { return spec_; }
  void reset(uint64_t /*seed*/, FieldViews obs) override {
    t_ = 0;
    last_ = 0.0;
    observe(obs);
  }
  StepResult step(ConstFieldView action, FieldViews obs) override {
    REVERIE_CHECK(t_ < options_.length, "counter: step() after the end");
    check_action(spec_.id, spec_.action, action);
    ++t_;
    last_ = std::holds_alternative<Field>(spec_.action)
                ? static_cast<double>(action.as<float>()[0])
                : static_cast<double>(action.as<int64_t>()[0]);
    observe(obs);
    const bool ended = t_ == options_.length;
    return {.reward = last_,
            .terminated = ended && options_.terminates,
            .truncated = ended && !options_.terminates};
  }
  std::vector<double> state() const override { return {static_cast<double>(t_), last_}; }
  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == 2 && std::isfinite(state[0] + state[1]), "counter: bad state");
    t_ = static_cast<int64_t>(state[0]);
    last_ = state[1];
  }
  // A grey level that shows the time.
  void draw(Canvas& canvas, View /*view*/) const override {
    ++draws;
    const auto level = static_cast<uint8_t>(10 * t_);
    canvas.clear({level, level, level});
    canvas.fill_rect(0, 0, 1, 1, {255, 0, 0});
  }
  Metrics metrics() const override { return {{"time", static_cast<double>(t_)}}; }
  PhysicsState* physics() override { return &physics_; }

  mutable int draws = 0;

 private:
  class Clock final : public PhysicsState {
   public:
    explicit Clock(CounterEnv& env) : env_(env) {}
    std::vector<Part> parts() const override { return {{"t", 1}}; }
    void get(std::string_view, std::span<double> out) const override {
      out[0] = static_cast<double>(env_.t_);
    }
    void set(std::string_view, std::span<const double> values) override {
      env_.t_ = static_cast<int64_t>(values[0]);
    }
    void observe(FieldViews obs) const override { env_.observe(obs); }
    std::optional<double> reward() const override { return env_.last_; }
    std::optional<StepResult> outcome(std::span<const double> achieved,
                                      std::span<const double> desired) const override {
      return StepResult{.reward = achieved[0] - desired[0], .terminated = achieved[0] == 1.0};
    }

   private:
    CounterEnv& env_;
  };

  void observe(FieldViews obs) const {
    const auto t = static_cast<double>(t_);
    obs[0].as<double>()[0] = t;
    obs[0].as<double>()[1] = 10.0 * t;
    obs[1].as<float>()[0] = static_cast<float>(last_);
    obs[2].as<int64_t>()[0] = t_;
  }

  Options options_;
  EnvSpec spec_;
  Clock physics_{*this};
  int64_t t_ = 0;
  double last_ = 0.0;
};

// A wrapper around a counter, with memory for its observation.
template <typename W, typename Option>
TestEnv around_counter(const Option& option, const CounterEnv::Options& options = {}) {
  return TestEnv(
      [&] { return std::make_unique<W>(std::make_unique<CounterEnv>(options), option); });
}

const std::vector<float> kOne = {1.0F};

TEST(FrameSkipTest, SumsRewardsAndShowsTheLastObservation) {
  TestEnv env = around_counter<FrameSkip>(int64_t{4});
  EXPECT_EQ(env->spec().dt, 2.0);
  EXPECT_EQ(env->spec().max_steps, 3);  // 10 = 4 + 4 + 2
  EXPECT_TRUE(env->spec().reference);
  EXPECT_THAT(env->spec().source, HasSubstr("wrapped: frame_skip 4"));
  env.reset(0);
  StepResult result = env.step(std::vector<float>{0.5F});
  EXPECT_EQ(result.reward, 2.0);
  EXPECT_THAT(env.observed(), ElementsAre(4.0, 40.0));
  env.step(kOne);
  result = env.step(kOne);
  EXPECT_EQ(result.reward, 2.0) << "the episode ended after two of the four";
  EXPECT_TRUE(result.truncated);
  EXPECT_FALSE(result.terminated);
  EXPECT_EQ(env.metric("time"), 10.0);
  EXPECT_THROW(env.step(kOne), Error);
}

TEST(FrameSkipTest, PicturesOfSkippedStepsAreNotDrawn) {
  const CounterEnv* counter = nullptr;
  TestEnv env([&] {
    auto inner = std::make_unique<CounterEnv>(CounterEnv::Options{});
    counter = inner.get();
    return std::make_unique<PixelObservation>(std::make_unique<FrameSkip>(std::move(inner), 4),
                                              PixelOptions{.image_size = {3, 2}});
  });
  env.reset(0);
  env.step(kOne);
  EXPECT_EQ(counter->draws, 2);
}

TEST(FrameStackTest, KeepsTheLastOnesOldestFirst) {
  TestEnv env = around_counter<FrameStack>(int64_t{3});
  const Field& field = env->spec().observation[0];
  EXPECT_THAT(field.shape, ElementsAre(3, 2));
  EXPECT_EQ(field.low.size(), 6U);
  EXPECT_THAT(field.high, ElementsAre(100.0F, 1000.0F, 100.0F, 1000.0F, 100.0F, 1000.0F));
  for (int episode = 0; episode < 2; ++episode) {
    env.reset(0);
    EXPECT_THAT(env.observed(), ElementsAre(0, 0, 0, 0, 0, 0));
    env.step(kOne);
    EXPECT_THAT(env.observed(), ElementsAre(0, 0, 0, 0, 1, 10));
    env.step(kOne);
    env.step(kOne);
    env.step(kOne);
    EXPECT_THAT(env.observed(), ElementsAre(2, 20, 3, 30, 4, 40));
    EXPECT_THAT(env.observed<int64_t>("step"), ElementsAre(4)) << "other fields stay";
  }
  const double there[] = {7.0};
  env->physics()->set("t", there);
  env->physics()->observe(env.views());
  EXPECT_THAT(env.observed(), ElementsAre(7, 70, 7, 70, 7, 70)) << "nothing came before it";
  env.step(kOne);
  EXPECT_THAT(env.observed(), ElementsAre(7, 70, 7, 70, 8, 80));
}

TEST(FrameStackTest, StacksPixelsWhereThereAreAny) {
  TestEnv env([] {
    auto pixels =
        std::make_unique<PixelObservation>(std::make_unique<CounterEnv>(CounterEnv::Options{}),
                                           PixelOptions{.image_size = {2, 1}, .keep_fields = true});
    return std::make_unique<FrameStack>(std::move(pixels), 2);
  });
  EXPECT_THAT(env->spec().field("pixels").shape, ElementsAre(2, 1, 2, 3));
  EXPECT_THAT(env->spec().field("observation").shape, ElementsAre(2));
  env.reset(0);
  env.step(kOne);
  env.step(kOne);
  EXPECT_THAT(env.observed<uint8_t>("pixels"),
              ElementsAre(255, 0, 0, 10, 10, 10, 255, 0, 0, 20, 20, 20));
}

// The action executed in each of n steps with the actions 0, 1, 2, ...
template <typename W, typename Option>
std::vector<double> executed(const Option& option, uint64_t seed, int64_t n) {
  TestEnv env = around_counter<W>(option, {.length = n, .action = DiscreteSpace{n}});
  env.reset(seed);
  std::vector<double> all;
  for (int64_t t = 0; t < n; ++t) all.push_back(env.step(std::vector<int64_t>{t}).reward);
  return all;
}

TEST(StickyActionsTest, RepeatsWhatWasExecutedWithProbability) {
  constexpr int64_t kSteps = 4000;
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<double> actions = executed<StickyActions>(0.25, seed, kSteps);
    EXPECT_EQ(actions[0], 0.0) << "there is none before the first";
    int64_t stuck = 0;
    for (size_t t = 1; t < actions.size(); ++t) {
      const bool given = actions[t] == static_cast<double>(t);
      EXPECT_TRUE(given || actions[t] == actions[t - 1]) << "at step " << t;
      stuck += given ? 0 : 1;
    }
    // A binomial's mean plus and minus five standard deviations.
    EXPECT_NEAR(static_cast<double>(stuck), 0.25 * kSteps, 5.0 * std::sqrt(0.1875 * kSteps));
    EXPECT_EQ(actions, executed<StickyActions>(0.25, seed, kSteps));
  }
  EXPECT_NE(executed<StickyActions>(0.25, 1, 100), executed<StickyActions>(0.25, 2, 100));
}

TEST(StickyActionsTest, TheFirstActionOfAnEpisodeIsCarriedOut) {
  TestEnv env = around_counter<StickyActions>(0.99, {.length = 5, .action = DiscreteSpace{100}});
  for (uint64_t seed = 0; seed < 30; ++seed) {
    env.reset(seed);
    const int64_t first = 10 + static_cast<int64_t>(seed);
    EXPECT_EQ(env.step(std::vector<int64_t>{first}).reward, static_cast<double>(first));
    env.step(std::vector<int64_t>{99});
  }
}

TEST(ActionNoiseTest, IsGaussianInHalfRangesAndStaysInsideTheBounds) {
  constexpr int kSteps = 4000;
  TestEnv env = around_counter<ActionNoise>(0.1, {.length = kSteps});
  EXPECT_FALSE(env->spec().reference);
  env.reset(5);
  double sum = 0.0;
  double squares = 0.0;
  for (int t = 0; t < kSteps; ++t) {
    const double noise = env.step(kOne).reward - 1.0;  // the middle of [-1, 3]
    sum += noise;
    squares += noise * noise;
  }
  const double expected = 0.1 * 2.0;
  EXPECT_NEAR(sum / kSteps, 0.0, 5.0 * expected / std::sqrt(kSteps));
  EXPECT_NEAR(std::sqrt(squares / kSteps), expected, 5.0 * expected / std::sqrt(2.0 * kSteps));
  env.reset(5);
  bool inner = false;
  for (int t = 0; t < 100; ++t) {
    const double action = env.step(std::vector<float>{1e30F}).reward;
    EXPECT_LE(action, 3.0);
    inner |= action < 3.0;
  }
  EXPECT_TRUE(inner) << "noise on a clipped action";
}

TEST(ActionNoiseTest, RefusesActionsWithoutARange) {
  const auto message = [](const ActionSpace& action) {
    return input_error([&] {
      ActionNoise(std::make_unique<CounterEnv>(CounterEnv::Options{.action = action}), 0.1);
    });
  };
  EXPECT_THAT(message(DiscreteSpace{3}), AllOf(HasSubstr("--action-noise"), HasSubstr("discrete")));
  EXPECT_THAT(message(Field{.name = "action", .shape = {1}}), HasSubstr("without finite bounds"));
}

TEST(ObservationNoiseTest, IsAddedToFloatsAlone) {
  TestEnv env = around_counter<ObservationNoise>(0.5, {.length = 3000});
  EXPECT_TRUE(env->spec().observation[0].low.empty()) << "noise has no bounds";
  double squares = 0.0, float_squares = 0.0;
  env.reset(3);
  for (int t = 1; t <= 3000; ++t) {
    env.step(kOne);
    const std::vector<double> seen = env.observed();
    squares += (seen[0] - t) * (seen[0] - t) + (seen[1] - 10.0 * t) * (seen[1] - 10.0 * t);
    const double error = env.observed<float>("action_seen")[0] - 1.0;
    float_squares += error * error;
    EXPECT_EQ(env.observed<int64_t>("step")[0], t);
  }
  EXPECT_NEAR(std::sqrt(squares / 6000), 0.5, 5.0 * 0.5 / std::sqrt(12000.0));
  EXPECT_NEAR(std::sqrt(float_squares / 3000), 0.5, 5.0 * 0.5 / std::sqrt(6000.0));
}

TEST(RewardTest, ScaleAndClip) {
  TestEnv scaled = around_counter<RewardScale>(-0.5);
  scaled.reset(0);
  EXPECT_EQ(scaled.step(std::vector<float>{3.0F}).reward, -1.5);
  TestEnv clipped = around_counter<RewardClip>(0.75);
  EXPECT_FALSE(clipped->spec().reference);
  clipped.reset(0);
  EXPECT_EQ(clipped.step(std::vector<float>{3.0F}).reward, 0.75);
  EXPECT_EQ(clipped.step(std::vector<float>{-1.0F}).reward, -0.75);
  EXPECT_EQ(clipped.step(std::vector<float>{0.5F}).reward, 0.5);
}

// The reward and the end of a step towards another goal.
StepResult outcome(TestEnv& env, double achieved, double desired) {
  const std::optional<StepResult> result =
      env->physics()->outcome(std::span(&achieved, 1), std::span(&desired, 1));
  EXPECT_TRUE(result);
  return result.value_or(StepResult{});
}

TEST(RewardTest, WhatAStepWouldBringIsScaledAndClippedInTheirOrder) {
  TestEnv scaled = around_counter<RewardScale>(-0.5);
  scaled.reset(0);
  EXPECT_EQ(scaled.step(std::vector<float>{3.0F}).reward, -1.5);
  EXPECT_EQ(scaled->physics()->reward(), -1.5);
  EXPECT_EQ(outcome(scaled, 1.0, -3.0).reward, -2.0);
  EXPECT_TRUE(outcome(scaled, 1.0, -3.0).terminated);
  EXPECT_FALSE(outcome(scaled, 2.0, -3.0).terminated);

  const auto around = [](bool clip_first) {
    return TestEnv([clip_first]() -> std::unique_ptr<Env> {
      std::unique_ptr<Env> env = std::make_unique<CounterEnv>(CounterEnv::Options{});
      if (clip_first) env = std::make_unique<RewardClip>(std::move(env), 1.5);
      env = std::make_unique<RewardScale>(std::move(env), 10.0);
      if (!clip_first) env = std::make_unique<RewardClip>(std::move(env), 1.5);
      return std::make_unique<TimeLimit>(std::move(env), 5);
    });
  };
  TestEnv scaled_first = around(false), clipped_first = around(true);
  for (TestEnv* env : {&scaled_first, &clipped_first}) {
    env->reset(0);
    for (const float action : {-1.0F, 0.1F, 0.5F, 3.0F}) {
      const double reward = env->step(std::vector<float>{action}).reward;  // before it is asked for
      EXPECT_EQ(reward, (*env)->physics()->reward()) << action;
    }
  }
  EXPECT_EQ(outcome(scaled_first, 0.5, 0.0).reward, 1.5);
  EXPECT_EQ(outcome(clipped_first, 0.5, 0.0).reward, 5.0);
  EXPECT_EQ(outcome(clipped_first, -2.0, 1.0).reward, -15.0);
}

TEST(FrameSkipTest, TellsNoRewardOfOneState) {
  TestEnv env = around_counter<FrameSkip>(int64_t{2});
  env.reset(0);
  env.step(kOne);
  const double here = 1.0;
  EXPECT_FALSE(env->physics()->reward());
  EXPECT_FALSE(env->physics()->outcome(std::span(&here, 1), std::span(&here, 1)));
  EXPECT_EQ(env.physics("t", 1).front(), 2.0) << "parts are there";
}

TEST(TimeLimitTest, TruncatesAndLeavesTerminationAlone) {
  TestEnv env = around_counter<TimeLimit>(int64_t{3});
  EXPECT_EQ(env->spec().max_steps, 3);
  env.reset(0);
  env.step(kOne);
  EXPECT_FALSE(env.step(kOne).truncated);
  const StepResult last = env.step(kOne);
  EXPECT_TRUE(last.truncated);
  EXPECT_FALSE(last.terminated);
  EXPECT_THAT(input_error([&] { env.step(kOne); }), HasSubstr("after the end"));
  env.reset(0);
  EXPECT_FALSE(env.step(kOne).truncated);

  TestEnv terminating = around_counter<TimeLimit>(int64_t{2}, {.length = 2, .terminates = true});
  terminating.reset(0);
  terminating.step(kOne);
  const StepResult end = terminating.step(kOne);
  EXPECT_TRUE(end.terminated);
  EXPECT_FALSE(end.truncated) << "never both";
  TestEnv longer = around_counter<TimeLimit>(int64_t{99});
  EXPECT_EQ(longer->spec().max_steps, 10);
}

// The counter's reward is its action.
TEST(StallLimitTest, TruncatesAfterStepsInARowWithoutAPositiveReward) {
  TestEnv env = around_counter<StallLimit>(int64_t{3});
  EXPECT_FALSE(env->spec().reference);
  EXPECT_EQ(env->spec().max_steps, 10);
  const std::vector<float> zero = {0.0F}, minus = {-1.0F};
  env.reset(0);
  EXPECT_FALSE(env.step(zero).truncated);
  EXPECT_FALSE(env.step(minus).truncated);
  const std::vector<double> state = env->state();
  EXPECT_FALSE(env.step(kOne).truncated) << "counts anew";
  EXPECT_FALSE(env.step(minus).truncated);
  EXPECT_FALSE(env.step(zero).truncated);
  const StepResult last = env.step(zero);
  EXPECT_TRUE(last.truncated);
  EXPECT_FALSE(last.terminated);
  EXPECT_THAT(input_error([&] { env.step(kOne); }), HasSubstr("after the end"));

  env.reset(0);
  EXPECT_FALSE(env.step(zero).truncated);
  env->set_state(state);
  EXPECT_TRUE(env.step(zero).truncated) << "the count is part of the state";

  TestEnv terminating = around_counter<StallLimit>(int64_t{2}, {.length = 2, .terminates = true});
  terminating.reset(0);
  terminating.step(zero);
  const StepResult end = terminating.step(zero);
  EXPECT_TRUE(end.terminated);
  EXPECT_FALSE(end.truncated) << "never both";
}

using Options = TestEnv::Options;

const Options kEverything = {{"observation", "both"}, {"image_size", "12x10"},
                             {"crop", "8x8+1+2"},     {"resize", "6x5"},
                             {"grey", "true"},        {"frame_skip", "3"},
                             {"frame_stack", "3"},    {"sticky_actions", "0.3"},
                             {"action_noise", "0.2"}, {"observation_noise", "0.1"},
                             {"reward_scale", "2"},   {"reward_clip", "1.5"},
                             {"time_limit", "20"}};

struct Trace {
  std::vector<std::vector<std::byte>> observations;
  std::vector<double> rewards;
  bool operator==(const Trace&) const = default;
};

Trace advance(TestEnv& env, Rng& actions, int steps) {
  Trace trace;
  for (int t = 0; t < steps; ++t) {
    const StepResult result = env.step_random(actions);
    trace.observations.push_back(env.observed_bytes());
    trace.rewards.push_back(result.reward);
    if (result.terminated || result.truncated) break;
  }
  return trace;
}

TEST(Wrappers, AllTogetherAreReproducibleAndTheirStateContinues) {
  for (const char* id : {"pointmaze-umaze", "maze2d-medium-dense"}) {
    TestEnv env(id, kEverything);
    TestEnv other(id, kEverything);
    Rng actions(1);
    Rng same(1);
    env.reset(4);
    other.reset(9);
    Rng some(2);
    advance(other, some, 4);
    other.reset(4);
    EXPECT_TRUE(advance(env, actions, 7) == advance(other, same, 7)) << id;

    const std::vector<double> state = env->state();
    advance(other, some, 5);
    other->set_state(state);
    EXPECT_EQ(other->state(), state) << id;
    Rng branch = actions;
    EXPECT_TRUE(advance(env, actions, 30) == advance(other, branch, 30)) << id;
  }
}

TEST(Wrappers, ARefusedStateChangesNothing) {
  TestEnv env("pointmaze-umaze", kEverything);
  Rng actions(1);
  env.reset(4);
  advance(env, actions, 5);
  const std::vector<double> good = env->state();
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<double> bad = good;
    bad[i] = std::nan("");
    EXPECT_THROW(env->set_state(bad), Error) << "element " << i;
    ASSERT_EQ(env->state(), good) << "element " << i;
  }
  std::vector<double> longer = good;
  longer.push_back(0.0);
  EXPECT_THROW(env->set_state(longer), Error);
  EXPECT_THROW(env->set_state({}), Error);
  EXPECT_EQ(env->state(), good);
}

TEST(Wrappers, BadActionsDrawNothing) {
  TestEnv env("pointmaze-umaze", kEverything);
  env.reset(4);
  const std::vector<double> state = env->state();
  EXPECT_THROW(env.step(std::vector<float>{std::nanf(""), 0.0F}), Error);
  EXPECT_EQ(env->state(), state);
}

// Disturbances have their own generator: enabling one does not change the episode's goal and start.
TEST(Wrappers, NoiseLeavesTheTasksOwnDrawsAlone) {
  TestEnv plain("pointmaze-large");
  TestEnv noisy("pointmaze-large", {{"action_noise", "0.3"}, {"sticky_actions", "0.5"}});
  plain.reset(8);
  noisy.reset(8);
  EXPECT_EQ(plain.observed_bytes(), noisy.observed_bytes());
}

// The last numbers of a wrapped environment's state are the wrapper's generator.
TEST(Wrappers, EachDisturbanceHasItsOwnGenerator) {
  TestEnv noise = around_counter<ActionNoise>(0.1), sticky = around_counter<StickyActions>(0.1),
          seen = around_counter<ObservationNoise>(0.1);
  std::vector<std::vector<double>> generators;
  for (TestEnv* env : {&noise, &sticky, &seen}) {
    env->reset(5);
    const std::vector<double> state = (*env)->state();
    const size_t words = noise->state().size() - CounterEnv({}).state().size();
    generators.emplace_back(state.end() - static_cast<ptrdiff_t>(words), state.end());
    EXPECT_GE(words, 4U);
  }
  EXPECT_NE(generators[0], generators[1]);
  EXPECT_NE(generators[0], generators[2]);
  EXPECT_NE(generators[1], generators[2]);
}

TEST(Wrappers, ScaledRewardsAreClipped) {
  TestEnv plain("pointmaze-umaze-dense");
  TestEnv wrapped("pointmaze-umaze-dense", {{"reward_scale", "3"}, {"reward_clip", "0.5"}});
  Rng one(1), two(1);
  int clipped = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    plain.reset(seed);
    wrapped.reset(seed);
    const double reward = plain.step_random(one).reward;
    EXPECT_DOUBLE_EQ(wrapped.step_random(two).reward, std::min(3.0 * reward, 0.5));
    clipped += 3.0 * reward > 0.5 ? 1 : 0;
  }
  EXPECT_GT(clipped, 1);
  EXPECT_LT(clipped, 10);
}

TEST(Wrappers, AFrameKeepsItsNoiseInTheStack) {
  TestEnv env("maze2d-umaze", {{"frame_stack", "3"}, {"observation_noise", "1"}});
  env.reset(2);
  Rng actions(1);
  std::vector<double> before = env.observed();
  const auto width = static_cast<ptrdiff_t>(before.size() / 3);
  for (int t = 0; t < 5; ++t) {
    env.step_random(actions);
    const std::vector<double> now = env.observed();
    EXPECT_TRUE(std::equal(before.begin() + width, before.end(), now.begin())) << t;
    before = now;
  }
}

TEST(Wrappers, DefaultsAddNothing) {
  const EnvMaker make = TestEnv::maker("maze2d-umaze");
  EXPECT_EQ(dynamic_cast<Wrapper*>(make().get()), nullptr);
  const EnvMaker limited = TestEnv::maker("maze2d-umaze", {{"time_limit", "5"}});
  EXPECT_NE(dynamic_cast<Wrapper*>(limited().get()), nullptr);
}

TEST(Wrappers, ActionRepeatIsFrameSkip) {
  TestEnv skip("maze2d-umaze-dense", {{"frame_skip", "4"}});
  TestEnv repeat("maze2d-umaze-dense", {{"action_repeat", "4"}});
  EXPECT_DOUBLE_EQ(repeat->spec().dt, 0.04);
  EXPECT_EQ(repeat->spec().max_steps, 75);
  EXPECT_TRUE(repeat->spec().reference);
  Rng one(1);
  Rng two(1);
  skip.reset(3);
  repeat.reset(3);
  EXPECT_TRUE(advance(skip, one, 80) == advance(repeat, two, 80));
}

TEST(Wrappers, MistakesNameTheFlagWhatWasFoundAndExpected) {
  struct Case {
    Options options;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {{{"frame_skip", "2"}, {"action_repeat", "3"}}, {"--frame-skip 2", "--action-repeat 3"}},
      {{{"grey", "true"}}, {"--grey", "state", "--observation pixels"}},
      {{{"crop", "8x8+0+0"}}, {"--crop 8x8+0+0", "--observation pixels"}},
      {{{"image_size", "8x8"}}, {"--image-size 8x8", "--observation pixels"}},
      {{{"resize", "8x8"}}, {"--resize 8x8", "--observation pixels"}},
      {{{"observation", "pixels"}, {"image_size", "0x8"}}, {"--image-size", "'0x8'", "1 to 8192"}},
      {{{"observation", "pixels"}, {"image_size", "9000x8"}}, {"--image-size", "'9000x8'"}},
      {{{"observation", "pixels"}, {"image_size", "64"}}, {"--image-size", "WIDTHxHEIGHT"}},
      {{{"observation", "pixels"}, {"image_size", "64x64x3"}}, {"--image-size", "WIDTHxHEIGHT"}},
      {{{"observation", "pixels"}, {"resize", "-4x4"}}, {"--resize", "'-4x4'"}},
      {{{"observation", "pixels"}, {"crop", "64x64+1+0"}}, {"--crop", "64x64+1+0", "not inside"}},
      {{{"observation", "pixels"}, {"crop", "8x8+2147483647+0"}}, {"--crop", "not inside"}},
      {{{"observation", "pixels"}, {"crop", "0x8+0+0"}}, {"--crop", "not inside"}},
      {{{"observation", "pixels"}, {"crop", "8x8"}}, {"--crop", "'8x8'", "+LEFT+TOP"}},
      {{{"observation", "pixels"}, {"observation_noise", "1"}},
       {"--observation-noise", "field of floats"}},
      {{{"observation", "pixels"}, {"image_size", "8192x8192"}, {"frame_stack", "6"}},
       {"--frame-stack 6", "201326592 bytes", "at most"}},
      {{{"frame_skip", "0"}}, {"frame_skip", "0", "[1, 10000]"}},
      {{{"frame_stack", "-1"}}, {"frame_stack", "-1"}},
      {{{"sticky_actions", "1"}}, {"sticky_actions", "1", "[0, 1)"}},
      {{{"action_noise", "inf"}}, {"action_noise", "inf"}},
      {{{"observation_noise", "nan"}}, {"observation_noise", "nan"}},
      {{{"observation", "pixel"}}, {"observation", "pixel"}},
  };
  for (const auto& [options, words] : cases) {
    const std::string message = input_error([&] { TestEnv::maker("maze2d-umaze", options); });
    for (const std::string& word : words) {
      EXPECT_THAT(message, HasSubstr(word)) << options.back().first << "=" << options.back().second;
    }
  }
}

TEST(Wrappers, FrameStackNeedsItsField) {
  struct NoFields final : Wrapper {
    explicit NoFields(std::unique_ptr<Env> env) : Wrapper(std::move(env), "renamed") {
      edit_spec().observation[0].name = "x";
    }
  };
  auto env = std::make_unique<NoFields>(std::make_unique<CounterEnv>(CounterEnv::Options{}));
  EXPECT_THAT(input_error([&] { FrameStack(std::move(env), 4); }),
              AllOf(HasSubstr("--frame-stack 4"), HasSubstr("(x, action_seen, step)"),
                    HasSubstr("'pixels' or 'observation'")));
}

}  // namespace
}  // namespace reverie
