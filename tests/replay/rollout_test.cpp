#include "replay/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

// Four steps of three environments; gamma = 0.5 keeps the numbers short. Environment 0 goes on
// beyond the rollout, 1 terminates at step 1, 2 is truncated there.
class AdvantagesTest : public testing::Test {
 protected:
  static at::Tensor columns(std::vector<std::vector<float>> environments) {
    std::vector<at::Tensor> out;
    for (const auto& values : environments) out.push_back(at::tensor(values));
    return at::stack(out, 1);
  }

  AdvantagesTest() {
    terminated_[1][1] = true;
    truncated_[1][2] = true;
  }

  Advantages compute(double lambda) const {
    return advantages(reward_, value_, next_value_, terminated_, truncated_, 0.5, lambda);
  }

  at::Tensor reward_ = columns({{1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}});
  at::Tensor value_ = columns({{10, 20, 30, 40}, {10, 20, 30, 40}, {10, 20, 30, 40}});
  // The observation after the rollout has the value 50, the truncated episode's final observation
  // 100. That of the terminated one must not count.
  at::Tensor next_value_ = columns({{20, 30, 40, 50}, {20, 999, 40, 50}, {20, 100, 40, 50}});
  at::Tensor terminated_ = at::zeros({4, 3}, at::kBool);
  at::Tensor truncated_ = at::zeros({4, 3}, at::kBool);
};

// delta = r + V(s') / 2 - V(s)
TEST_F(AdvantagesTest, OfLambdaZeroAreTheTemporalDifferenceErrors) {
  const auto [advantage, returns] = compute(0.0);
  const at::Tensor delta = columns({{1 + 10 - 10, 2 + 15 - 20, 3 + 20 - 30, 4 + 25 - 40},
                                    {1 + 10 - 10, 2 - 20, 3 + 20 - 30, 4 + 25 - 40},
                                    {1 + 10 - 10, 2 + 50 - 20, 3 + 20 - 30, 4 + 25 - 40}});
  EXPECT_EQ(max_difference(advantage, delta), 0.0);
  EXPECT_EQ(max_difference(returns, delta + value_), 0.0);
}

// Discounted sums of rewards, plus the value of the last observation unless the episode terminated.
TEST_F(AdvantagesTest, OfLambdaOneAreReturnsLessValues) {
  const auto [advantage, returns] = compute(1.0);
  const float after_2 = 3 + 0.5F * 29, after_3 = 4 + 25;  // 17.5, 29
  const at::Tensor expected =
      columns({{1 + 0.5F * (2 + 0.5F * after_2), 2 + 0.5F * after_2, after_2, after_3},
               {1 + 0.5F * 2, 2, after_2, after_3},
               {1 + 0.5F * (2 + 50), 2 + 50, after_2, after_3}});
  EXPECT_LT(max_difference(returns, expected), 1e-5);
  EXPECT_LT(max_difference(advantage, expected - value_), 1e-5);
}

// gamma lambda = 1/4: environment 0 has deltas 1, -3, -7, -11.
TEST_F(AdvantagesTest, InBetweenAreDiscountedSumsOfErrors) {
  const at::Tensor advantage = compute(0.5).advantage;
  const float a3 = -11, a2 = -7 + a3 / 4, a1 = -3 + a2 / 4;
  EXPECT_LT(max_difference(advantage.select(1, 0), at::tensor({1 + a1 / 4, a1, a2, a3})), 1e-6);
  EXPECT_LT(max_difference(advantage.select(1, 1), at::tensor({1 - 18.0F / 4, -18.0F, a2, a3})),
            1e-6)
      << "nothing passes the end of an episode";
  EXPECT_LT(max_difference(advantage.select(1, 2), at::tensor({1 + 32.0F / 4, 32.0F, a2, a3})),
            1e-6);
}

TEST_F(AdvantagesTest, ChangesNoneOfItsArguments) {
  const at::Tensor reward = reward_.clone(), value = value_.clone(), next = next_value_.clone();
  compute(0.9);
  EXPECT_TRUE(at::equal(reward, reward_) && at::equal(value, value_) &&
              at::equal(next, next_value_));
}

// Two environments that observe a float64 vector and a byte, and the results of three steps.
class RolloutStoreTest : public testing::Test {
 protected:
  static EnvSpec spec() {
    return {.id = "two",
            .observation = {{.name = "x", .shape = {2}, .dtype = DType::kFloat64},
                            {.name = "level", .shape = {}, .dtype = DType::kUInt8}},
            .action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}}};
  }

  // x = {value, env}, level = value.
  std::vector<FieldView> show(std::vector<double>& x, std::vector<uint8_t>& level,
                              std::vector<int> value) {
    x.clear();
    level.clear();
    for (size_t env = 0; env < value.size(); ++env) {
      x.insert(x.end(), {static_cast<double>(value[env]), static_cast<double>(env)});
      level.push_back(static_cast<uint8_t>(value[env]));
    }
    return {{&fields_[0], reinterpret_cast<std::byte*>(x.data()), 2},
            {&fields_[1], reinterpret_cast<std::byte*>(level.data()), 2}};
  }

  void begin(std::vector<int> value) {
    obs_views_ = show(x_, level_, std::move(value));
    store_.begin(obs_views_);
  }

  void add(float action, std::vector<int> next, std::vector<uint8_t> terminated,
           std::vector<uint8_t> truncated, std::vector<int> last = {0, 0}) {
    obs_views_ = show(x_, level_, std::move(next));
    final_views_ = show(final_x_, final_level_, std::move(last));
    const std::vector<double> reward{action + 0.5, action + 0.25};
    store_.add(at::full({2, 1}, action), {{"log_prob", at::full({2}, -action)}},
               {.obs = obs_views_,
                .final_obs = final_views_,
                .reward = reward,
                .terminated = terminated,
                .truncated = truncated});
  }

  const std::vector<Field> fields_ = spec().observation;
  RolloutStore store_{spec(), {{.name = "log_prob", .shape = {}}}, 3, 2};
  std::vector<double> x_, final_x_;
  std::vector<uint8_t> level_, final_level_;
  std::vector<FieldView> obs_views_, final_views_;
};

TEST_F(RolloutStoreTest, HoldsWhatHappened) {
  begin({1, 11});
  EXPECT_TRUE(at::equal(store_.observations().at("level"), at::tensor({1, 11}, at::kByte)));
  add(0.0F, {2, 20}, {0, 1}, {0, 0}, {0, 19});   // 1 terminates
  add(1.0F, {30, 21}, {0, 0}, {1, 0}, {29, 0});  // 0 is truncated
  EXPECT_FALSE(store_.full());
  add(2.0F, {31, 40}, {0, 1}, {0, 1}, {0, 39});  // 1 at once: that is a termination
  ASSERT_TRUE(store_.full());
  const Rollout rollout = store_.rollout(at::kCPU);
  EXPECT_EQ(rollout.obs.at("x").scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(rollout.obs.at("x").select(2, 0),
                        at::tensor({1.0F, 11.0F, 2.0F, 20.0F, 30.0F, 21.0F}).view({3, 2})));
  EXPECT_TRUE(at::equal(rollout.obs.at("x").select(2, 1)[2], at::tensor({0.0F, 1.0F})));
  EXPECT_TRUE(at::equal(rollout.last_obs.at("level"), at::tensor({31, 40}, at::kByte)));
  EXPECT_TRUE(at::equal(rollout.action.view({3, 2})[2], at::tensor({2.0F, 2.0F})));
  EXPECT_TRUE(at::equal(rollout.extra.at("log_prob")[1], at::tensor({-1.0F, -1.0F})));
  EXPECT_TRUE(at::equal(rollout.reward[1], at::tensor({1.5F, 1.25F})));
  const auto flags = [](std::vector<int> values) {
    return at::tensor(values).view({3, 2}).to(at::kBool);
  };
  EXPECT_TRUE(at::equal(rollout.terminated, flags({0, 1, 0, 0, 0, 1})));
  EXPECT_TRUE(at::equal(rollout.truncated, flags({0, 0, 1, 0, 0, 0})));
  EXPECT_TRUE(at::equal(rollout.started, flags({1, 1, 0, 1, 1, 0})));
  EXPECT_TRUE(at::equal(rollout.final_index, at::tensor({2}, at::kLong)));
  EXPECT_TRUE(at::equal(rollout.final_obs.at("x"), at::tensor({29.0F, 0.0F}).unsqueeze(0)));

  // Environment 0 continues its episode, 1 has begun a new one.
  begin({31, 40});
  for (int i = 0; i < 3; ++i) add(0.0F, {32 + i, 41 + i}, {0, 0}, {0, 0});
  const Rollout next = store_.rollout(at::kCPU);
  EXPECT_TRUE(at::equal(next.started, flags({0, 1, 0, 0, 0, 0})));
  EXPECT_EQ(next.final_index.numel(), 0);
}

TEST_F(RolloutStoreTest, ValuesOfWhatFollowsAreThoseOfFinalObservationsAfterTruncation) {
  begin({0, 0});
  add(0.0F, {0, 0}, {0, 1}, {0, 0});
  add(0.0F, {0, 0}, {0, 0}, {1, 0});
  add(0.0F, {0, 0}, {0, 0}, {0, 1});
  const at::Tensor next =
      store_.rollout(at::kCPU).next_value(at::arange(6).to(at::kFloat).view({3, 2}),
                                          at::tensor({6.0F, 7.0F}), at::tensor({100.0F, 200.0F}));
  EXPECT_TRUE(at::equal(next, at::tensor({2.0F, 3.0F, 100.0F, 5.0F, 6.0F, 200.0F}).view({3, 2})));
}

// Row t N + n is step t of environment n.
TEST(Rollout, SequencesAreConsecutiveStepsOfOneEnvironment) {
  Rollout rollout;
  rollout.reward = at::zeros({4, 3});
  const auto rows = [](std::vector<int64_t> values, int64_t length) {
    return at::tensor(values, at::kLong).view({-1, length});
  };
  EXPECT_TRUE(at::equal(rollout.sequences(2), rows({0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}, 2)));
  EXPECT_TRUE(at::equal(rollout.sequences(4), rows({0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}, 4)));
  EXPECT_TRUE(at::equal(rollout.sequences(1), at::arange(12).view({12, 1})));
  EXPECT_THAT(input_error([&] { rollout.sequences(3); }),
              HasSubstr("4 steps cannot be cut into sequences of 3"));
}

TEST_F(RolloutStoreTest, HoldsAsManyTruncationsAsThereAre) {
  begin({0, 0});
  for (int i = 0; i < 3; ++i) add(0.0F, {0, 0}, {0, 0}, {1, 1}, {10 * i, 10 * i + 1});
  const Rollout rollout = store_.rollout(at::kCPU);
  EXPECT_TRUE(at::equal(rollout.final_index, at::arange(6)));
  EXPECT_TRUE(
      at::equal(rollout.final_obs.at("level"), at::tensor({0, 1, 10, 11, 20, 21}, at::kByte)));
}

// Steps write into existing memory; nothing moves.
TEST_F(RolloutStoreTest, UsesTheSameMemoryForEveryRollout) {
  const void* memory = nullptr;
  for (int repetition = 0; repetition < 3; ++repetition) {
    begin({0, 0});
    for (int i = 0; i < 3; ++i) add(0.0F, {0, 0}, {0, 0}, {1, 0});
    const Rollout rollout = store_.rollout(at::kCPU);
    const void* now = rollout.final_obs.at("x").const_data_ptr();
    EXPECT_TRUE(repetition == 0 || now == memory);
    memory = now;
  }
}

TEST_F(RolloutStoreTest, MisuseIsNamed) {
  EXPECT_THAT(input_error([&] { RolloutStore(spec(), {}, 0, 2); }), HasSubstr("0 steps of 2"));
  begin({0, 0});
  EXPECT_THAT(input_error([&] { store_.rollout(at::kCPU); }), HasSubstr("after 0 of 3 steps"));
  for (int i = 0; i < 3; ++i) add(0.0F, {0, 0}, {0, 0}, {0, 0});
  EXPECT_THAT(input_error([&] { add(0.0F, {0, 0}, {0, 0}, {0, 0}); }), HasSubstr("full after 3"));
  begin({0, 0});
  EXPECT_THAT(input_error([&] {
                store_.add(at::zeros({2, 1}), {{"value", at::zeros({2})}}, {});
              }),
              HasSubstr("log_prob"));
  EXPECT_THAT(input_error([&] { store_.add(at::zeros({1, 1}), {}, {}); }), HasSubstr("expected 2"));
}

}  // namespace
}  // namespace reverie
