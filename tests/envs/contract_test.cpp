// The contract of every environment of the registry, whatever its task (envs/env.h).

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "tests/envs/episode_fixture.h"

namespace reverie {
namespace {

constexpr int kSteps = 60;

// An id of the registry, and options that select other code.
struct Subject {
  std::string id;
  TestEnv::Options options = {};
};

void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.id;
  for (const auto& [name, value] : subject.options) *out << ' ' << name << '=' << value;
}

class EnvContract : public testing::TestWithParam<Subject> {
 protected:
  static const std::string& id() { return GetParam().id; }

  // With more options than the subject's own.
  static TestEnv make(TestEnv::Options options) {
    const TestEnv::Options& own = GetParam().options;
    options.insert(options.begin(), own.begin(), own.end());
    return TestEnv(id(), options);
  }

  // Models are compiled once for all instances of a test.
  EnvMaker make_ = TestEnv::maker(id(), GetParam().options);
};

struct Trace {
  std::vector<std::vector<std::byte>> observations;
  std::vector<double> rewards;
  std::vector<double> state;
  bool ended = false;
  bool operator==(const Trace&) const = default;
};

void advance(TestEnv& env, Rng& actions, int steps, Trace& trace) {
  for (int t = 0; t < steps; ++t) {
    const StepResult result = env.step_random(actions);
    trace.observations.push_back(env.observed_bytes());
    trace.rewards.push_back(result.reward);
    trace.ended = result.terminated || result.truncated;
    if (trace.ended) break;
  }
  trace.state = env->state();
}

Trace play(TestEnv& env, uint64_t seed, uint64_t action_seed) {
  Trace trace;
  Rng actions(action_seed);
  env.reset(seed);
  trace.observations.push_back(env.observed_bytes());
  advance(env, actions, kSteps, trace);
  return trace;
}

template <typename T>
void expect_in_bounds(const FieldView& view, int step) {
  const Field& field = *view.field;
  const std::span<T> values = view.as<T>();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]);
    ASSERT_TRUE(std::isfinite(value)) << field.name << "[" << i << "] at step " << step;
    if (!field.low.empty()) {
      ASSERT_GE(value, field.low[field.low.size() == 1 ? 0 : i]) << field.name << " step " << step;
    }
    if (!field.high.empty()) {
      ASSERT_LE(value, field.high[field.high.size() == 1 ? 0 : i])
          << field.name << " step " << step;
    }
  }
}

void expect_valid(const TestEnv& env, int step) {
  for (const FieldView& view : env.views()) {
    switch (view.field->dtype) {
      case DType::kFloat64:
        expect_in_bounds<double>(view, step);
        break;
      case DType::kFloat32:
        expect_in_bounds<float>(view, step);
        break;
      case DType::kInt64:
        expect_in_bounds<int64_t>(view, step);
        break;
      default:
        expect_in_bounds<uint8_t>(view, step);
    }
  }
}

TEST_P(EnvContract, SpecIsComplete) {
  TestEnv env(make_);
  const EnvSpec& spec = env->spec();
  EXPECT_EQ(spec.id, id());
  EXPECT_GT(spec.dt, 0.0);
  EXPECT_GE(spec.max_steps, 0);
  EXPECT_FALSE(spec.source.empty());
  ASSERT_FALSE(spec.observation.empty());
  std::set<std::string> names;
  for (const Field& field : spec.observation) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name << " is there twice";
    for (const auto* bound : {&field.low, &field.high}) {
      EXPECT_TRUE(bound->size() <= 1 || bound->size() == static_cast<size_t>(field.numel()));
    }
  }
}

TEST_P(EnvContract, EveryObservationIsWrittenFiniteAndInsideItsSpace) {
  TestEnv env(make_);
  Rng actions(1);
  env.reset(11);
  expect_valid(env, 0);
  for (const FieldView& view : env.views()) {
    if (view.field->dtype == DType::kUInt8 || view.field->dtype == DType::kBool) continue;
    const std::span<const std::byte> bytes(view.data, view.field->bytes());
    for (size_t at = 0; at < bytes.size(); at += item_size(view.field->dtype)) {
      const auto element = bytes.subspan(at, item_size(view.field->dtype));
      EXPECT_FALSE(std::all_of(element.begin(), element.end(),
                               [](std::byte b) { return b == TestEnv::kUnset; }))
          << view.field->name << " was not written at byte " << at;
    }
  }
  for (int t = 1; t <= kSteps; ++t) {
    const StepResult result = env.step_random(actions);
    expect_valid(env, t);
    ASSERT_TRUE(std::isfinite(result.reward));
    if (result.terminated || result.truncated) env.reset(12);
  }
}

TEST_P(EnvContract, SameSeedAndActionsAreBitEqualWhateverCameBefore) {
  TestEnv first(make_);
  TestEnv second(make_);
  const Trace once = play(first, 7, 3);
  play(second, 8, 4);
  EXPECT_TRUE(once == play(second, 7, 3));
}

TEST_P(EnvContract, AnotherSeedIsAnotherEpisode) {
  TestEnv env(make_);
  EXPECT_FALSE(play(env, 7, 3) == play(env, 8, 3));
}

TEST_P(EnvContract, StateRoundTripContinues) {
  TestEnv env(make_);
  if (!env->spec().exact_state) GTEST_SKIP() << "its own test holds the tolerance";
  TestEnv copy(make_);
  Rng actions(5);
  Trace before;
  for (int steps = kSteps; steps == kSteps || before.ended; steps /= 2) {  // short episodes
    actions = Rng(5);
    before = {};
    env.reset(21);
    advance(env, actions, steps, before);
  }
  copy.reset(22);  // leave something in the instance that must go
  Rng other(6);
  copy.step_random(other);
  copy->set_state(before.state);
  EXPECT_EQ(copy->state(), before.state);

  Rng same = actions;
  Trace original;
  Trace continued;
  advance(env, actions, kSteps, original);
  advance(copy, same, kSteps, continued);
  EXPECT_TRUE(original == continued);
}

TEST_P(EnvContract, StateOfAnotherLengthOrNotFiniteThrows) {
  TestEnv env(make_);
  env.reset(1);
  const std::vector<double> good = env->state();
  std::vector<double> bad = good;
  bad.push_back(0.0);
  EXPECT_THROW(env->set_state(bad), Error);
  bad.resize(good.size() - 1);
  EXPECT_THROW(env->set_state(bad), Error);
  EXPECT_THROW(env->set_state({}), Error);
  for (size_t i = 0; i < good.size(); ++i) {
    bad = good;
    bad[i] = std::nan("");
    EXPECT_THROW(env->set_state(bad), Error) << "element " << i;
  }
  EXPECT_EQ(env->state(), good) << "a refused state must change nothing";
}

TEST_P(EnvContract, TruncatesExactlyAtMaxSteps) {
  TestEnv env(make_);
  const int64_t max_steps = env->spec().max_steps;
  if (max_steps == 0) GTEST_SKIP() << "never truncates";
  Rng actions(9);
  env.reset(31);
  for (int64_t t = 1; t <= max_steps; ++t) {
    const StepResult result = env.step_random(actions);
    if (result.terminated) return;  // ended by the task: tested there
    ASSERT_EQ(result.truncated, t == max_steps) << "at step " << t;
  }
}

TEST_P(EnvContract, StepOutsideAnEpisodeThrows) {
  TestEnv env(make_);
  Rng actions(9);
  EXPECT_THROW(env.step_random(actions), Error) << "before the first reset";
  env.reset(31);
  for (bool ended = false; !ended;) {
    const StepResult result = env.step_random(actions);
    ended = result.terminated || result.truncated;
  }
  const std::vector<std::byte> last = env.observed_bytes();
  EXPECT_THROW(env.step_random(actions), Error) << "after the end";
  EXPECT_EQ(env.observed_bytes(), last);
  TestEnv copy(make_);
  copy.reset(33);
  copy->set_state(env->state());
  EXPECT_THROW(copy.step_random(actions), Error) << "the state of an ended episode";
  env.reset(32);
  EXPECT_NO_THROW(env.step_random(actions));
}

TEST_P(EnvContract, BadActionsThrowAndChangeNothing) {
  TestEnv env(make_);
  env.reset(41);
  const std::vector<double> state = env->state();
  const Field& space = env.action_space();
  const auto n = static_cast<size_t>(space.numel());
  const auto expect_refused = [&](const Field& field, const auto& values) {
    const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
    try {
      env->step({&field, bytes, 1}, env.views());
      FAIL() << "a bad action was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(std::string(error.what()).find(id()), std::string::npos) << error.what();
    }
    EXPECT_EQ(env->state(), state);
  };
  if (space.dtype == DType::kInt64) {
    expect_refused(space, std::vector<int64_t>{-1});
    expect_refused(space, std::vector<int64_t>{static_cast<int64_t>(space.high[0]) + 1});
    expect_refused(space, std::vector<int64_t>{std::numeric_limits<int64_t>::min()});
    const Field real{.name = "action", .shape = {}, .dtype = DType::kFloat32};
    expect_refused(real, std::vector<float>(2, 0.0F));
    return;
  }
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (size_t i = 0; i < n; ++i) {
      if (space.dtype == DType::kFloat32) {
        std::vector<float> action(n, 0.0F);
        action[i] = bad;
        expect_refused(space, action);
      } else {
        std::vector<double> action(n, 0.0);
        action[i] = bad;
        expect_refused(space, action);
      }
    }
  }
  const std::vector<double> zeros(n + 1, 0.0);
  Field wrong = space;
  wrong.shape = {static_cast<int64_t>(n) + 1};
  expect_refused(wrong, zeros);
  wrong.shape = {static_cast<int64_t>(n) - 1};
  expect_refused(wrong, zeros);
  wrong = space;
  wrong.dtype = DType::kInt64;
  expect_refused(wrong, zeros);
}

TEST_P(EnvContract, BoxActionsAreClippedToTheirBounds) {
  TestEnv env(make_);
  TestEnv clipped(make_);
  const Field& space = env.action_space();
  if (space.dtype != DType::kFloat32) GTEST_SKIP() << "no float32 box";
  env.reset(51);
  clipped.reset(51);
  for (int t = 0; t < 5; ++t) {
    std::vector<float> bound;
    for (size_t i = 0; i < static_cast<size_t>(space.numel()); ++i) {
      const auto& side = (t + static_cast<int>(i)) % 2 == 0 ? space.high : space.low;
      bound.push_back(side[side.size() == 1 ? 0 : i]);
    }
    std::vector<float> beyond = bound;
    for (float& value : beyond) value = value > 0 ? 1e30F : (value < 0 ? -1e30F : value);
    clipped.step(bound);
    env.step(beyond);
    ASSERT_EQ(env.observed_bytes(), clipped.observed_bytes()) << "at step " << t;
  }
}

TEST_P(EnvContract, PhysicsPartsReadBackAndRefuseNonsense) {
  TestEnv env(make_);
  env.reset(61);
  PhysicsState* physics = env->physics();
  if (physics == nullptr) GTEST_SKIP() << "no named parts";
  if (!physics->settable()) {
    const auto [part, size, is_scalar] = physics->parts().front();
    EXPECT_THROW(physics->set(part, env.physics(part, size)), Error);
    GTEST_SKIP() << "can only be read";
  }
  for (const auto& [part, size, is_scalar] : physics->parts()) {
    const std::vector<double> old = env.physics(part, size);
    std::vector<double> shifted = old;
    for (double& value : shifted) value += 0.01;
    physics->set(part, shifted);
    EXPECT_EQ(env.physics(part, size), shifted) << part;
    std::vector<double> bad = old;
    bad.back() = std::nan("");
    EXPECT_THROW(physics->set(part, bad), Error) << part;
    bad.push_back(0.0);
    EXPECT_THROW(physics->set(part, bad), Error) << part;
    EXPECT_THROW(physics->get(part, bad), Error) << part;
    EXPECT_EQ(env.physics(part, size), shifted) << part << ": refused values were kept";
  }
  std::vector<double> values(1);
  EXPECT_THROW(physics->get("qqpos", values), Error);
  EXPECT_THROW(physics->set("", values), Error);
}

// Compares the rewards of physics() with those of the steps. Returns the number of comparisons.
int compare_rewards(TestEnv& env, bool has_outcomes) {
  Rng actions(3);
  env.reset(5);
  PhysicsState* physics = env->physics();
  const FieldView* achieved = nullptr;
  const FieldView* desired = nullptr;
  for (const FieldView& view : env.views()) {
    if (view.field->name == "achieved_goal") achieved = &view;
    if (view.field->name == "desired_goal") desired = &view;
  }
  if (achieved != nullptr && desired != nullptr) {
    // The goal is at the body, so that sparse rewards are not all 0.
    physics->set("desired_goal", achieved->as<double>());
    physics->observe(env.views());
  }
  int compared = 0;
  for (int step = 0; step < kSteps; ++step) {
    const StepResult result = env.step_random(actions);
    if (const std::optional<double> reward = physics->reward()) {
      EXPECT_NEAR(*reward, result.reward, 1e-12) << "step " << step;
      ++compared;
    }
    if (achieved != nullptr && desired != nullptr) {
      const auto outcome = physics->outcome(achieved->as<double>(), desired->as<double>());
      EXPECT_EQ(outcome.has_value(), has_outcomes);
      if (!outcome) continue;
      EXPECT_NEAR(outcome->reward, result.reward, 1e-12) << "step " << step;
      EXPECT_EQ(outcome->terminated, result.terminated) << "step " << step;
      const std::array<double, 2> far{1e3, 1e3};
      EXPECT_LT(physics->outcome(far, desired->as<double>())->reward, 1e-6);
      EXPECT_THROW(static_cast<void>(physics->outcome(far, std::span(far).first(1))), Error);
    }
    if (result.terminated || result.truncated) break;
  }
  return compared;
}

TEST_P(EnvContract, RewardsOfStatesAndGoalsAreThoseOfTheSteps) {
  TestEnv env(make_);
  if (env->physics() == nullptr) GTEST_SKIP() << "no physics to look at";
  const bool has_rewards_of_states =
      id().find("maze") != std::string::npos || id().starts_with("cheetah-");
  EXPECT_EQ(compare_rewards(env, true) > 0, has_rewards_of_states);
  for (const TestEnv::Options& options :
       {TestEnv::Options{{"reward_scale", "10"}},
        {{"reward_scale", "3"}, {"reward_clip", "0.5"}, {"time_limit", "40"}},
        {{"frame_stack", "2"}, {"reward_scale", "0.25"}}}) {
    TestEnv wrapped = make(options);
    EXPECT_EQ(compare_rewards(wrapped, true) > 0, has_rewards_of_states);
  }
  TestEnv skipping = make({{"frame_skip", "3"}, {"reward_scale", "10"}});
  EXPECT_EQ(compare_rewards(skipping, false), 0);
}

TEST_P(EnvContract, DrawsOnCanvasesOfAnySize) {
  TestEnv env(make_);
  env.reset(71);
  const std::vector<double> state = env->state();
  const std::pair<int, int> sizes[] = {{1, 1}, {2, 300}, {64, 64}, {641, 333}};
  for (const auto& [width, height] : sizes) {
    Canvas canvas(width, height);
    canvas.clear({255, 0, 255});
    env->draw(canvas, View::kObservation);
    const std::span<const uint8_t> rgb = canvas.pixels();
    size_t untouched = 0;
    for (size_t i = 0; i < rgb.size(); i += 3) {
      untouched += rgb[i] == 255 && rgb[i + 1] == 0 && rgb[i + 2] == 255;
    }
    EXPECT_EQ(untouched, 0U) << width << " x " << height;
    if (width >= 64) {
      std::set<uint32_t> colors;
      for (size_t i = 0; i < rgb.size(); i += 3) {
        colors.insert(rgb[i] | rgb[i + 1] << 8U | rgb[i + 2] << 16U);
      }
      EXPECT_GE(colors.size(), 4U) << width << " x " << height;
    }
  }
  EXPECT_EQ(env->state(), state) << "drawing must not change the state";
}

// The environment's own fields stay the same beside pixels.
TEST_P(EnvContract, PixelsAreThePictureOfTheState) {
  TestEnv env = make({{"observation", "both"}, {"image_size", "24x20"}});
  TestEnv plain = make({{"observation", "state"}});
  Canvas canvas(24, 20);
  Rng actions(81);
  Rng same(81);
  env.reset(81);
  plain.reset(81);
  for (int t = 0; t < 4; ++t) {
    plain->draw(canvas, View::kObservation);
    const std::span<const uint8_t> drawn = canvas.pixels();
    const std::vector<uint8_t> pixels = env.observed<uint8_t>("pixels");
    ASSERT_TRUE(std::equal(pixels.begin(), pixels.end(), drawn.begin(), drawn.end())) << t;
    const std::vector<std::byte> fields = env.observed_bytes();
    const std::vector<std::byte> expected = plain.observed_bytes();
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), fields.begin())) << t;
    env.step_random(actions);
    plain.step_random(same);
  }
}

TEST_P(EnvContract, WrappedStateRoundTripContinues) {
  const bool discrete = TestEnv(make_).action_space().dtype == DType::kInt64;
  const TestEnv::Options options = {{"observation", "both"},
                                    {"image_size", "20x16"},
                                    {"resize", "10x8"},
                                    {"grey", "true"},
                                    {"frame_skip", "2"},
                                    {"frame_stack", "3"},
                                    {"sticky_actions", "0.25"},
                                    {"time_limit", "40"},
                                    {"reward_scale", "0.5"},
                                    {"observation_noise", "0.1"},
                                    {"action_noise", discrete ? "0" : "0.2"}};
  TestEnv env = make(options);
  TestEnv copy = make(options);
  EXPECT_FALSE(env->spec().reference);
  Rng actions(91);
  Trace before;
  env.reset(91);
  advance(env, actions, 10, before);
  expect_valid(env, 10);
  copy.reset(92);
  copy->set_state(before.state);
  if (!env->spec().exact_state) return;
  EXPECT_EQ(copy->state(), before.state);
  Rng same = actions;
  Trace original;
  Trace continued;
  advance(env, actions, 10, original);
  advance(copy, same, 10, continued);
  EXPECT_TRUE(original == continued);
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (const EnvEntry& entry : env_registry()) all.push_back({.id = entry.id});
  for (const char* id : {"car-racing", "car-racing-discrete"}) {
    all.push_back({.id = id, .options = {{"physics", "box2d"}}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Registry, EnvContract, testing::ValuesIn(subjects()),
                         [](const auto& test) {
                           std::string name = test.param.id;
                           for (const auto& [option, value] : test.param.options)
                             name += '-' + value;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(EnvRegistry, IdsAreUniqueAndDescribed) {
  std::set<std::string> ids;
  for (const EnvEntry& entry : env_registry()) {
    EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
    EXPECT_FALSE(entry.summary.empty()) << entry.id;
  }
}

TEST(EnvRegistry, UnknownIdNamesTheNearest) {
  try {
    find_env("maze2d-umaze-dens");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'maze2d-umaze-dense'"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace reverie
