#include "agents/space_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/random/random_agent.h"
#include "envs/env_lane.h"
#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::HasSubstr;

EnvSpec mixed_spec() {
  return {
      .id = "mixed",
      .observation = {{.name = "position", .shape = {2}, .dtype = DType::kFloat64},
                      {.name = "clock", .shape = {}, .dtype = DType::kFloat32},
                      {.name = "state", .shape = {1}, .dtype = DType::kFloat64, .is_exact = true},
                      {.name = "pixels", .shape = {2}, .dtype = DType::kUInt8}},
      .action = Field{.name = "action",
                      .shape = {2},
                      .dtype = DType::kFloat64,
                      .low = {-0.1F, 0.0F},
                      .high = {0.3F, 4.0F}}};
}

// Rows of the environment's fields, in which every number is different.
class Rows {
 public:
  explicit Rows(const EnvSpec& spec, int64_t count, double first)
      : fields_(spec.observation), rows_(fields_, count) {
    for (const FieldView& view : rows_.all()) {
      at::Tensor tensor = borrow_tensor(view);
      tensor.copy_((at::arange(tensor.numel(), at::kDouble) / 3.0 + first).view(tensor.sizes()));
    }
  }

  FieldViews all() const { return rows_.all(); }

 private:
  std::vector<Field> fields_;
  FieldRows rows_;
};

TEST(SpaceAdapter, LearnersSeeFloatsInSinglePrecisionButExactNumbers) {
  const EnvSpec spec = mixed_spec();
  SpaceAdapter adapter(spec, 3);
  const std::vector<DType> expected = {DType::kFloat32, DType::kFloat32, DType::kFloat64,
                                       DType::kUInt8};
  const Rows rows(spec, 3, 1.0);
  const FieldViews seen = adapter.observations(rows.all());
  for (size_t f = 0; f < expected.size(); ++f) {
    EXPECT_EQ(adapter.spec().observation[f].dtype, expected[f]) << f;
    const at::Tensor own = borrow_tensor(rows.all()[f]), shown = borrow_tensor(seen[f]);
    EXPECT_TRUE(at::equal(shown, own.to(shown.scalar_type()))) << f;
    EXPECT_EQ(shown.data_ptr() == own.data_ptr(), f != 0) << "what stays is not copied";
  }
}

TEST(SpaceAdapter, FinalObservationsAreConvertedWhereEpisodesEnded) {
  const EnvSpec spec = mixed_spec();
  SpaceAdapter adapter(spec, 3);
  const Rows now(spec, 3, 1.0), last(spec, 3, 50.0);
  const std::vector<double> reward = {1, 2, 3};
  const std::vector<uint8_t> terminated = {0, 1, 0}, truncated = {0, 0, 1};
  const VectorStep step = adapter.step({.obs = now.all(),
                                        .final_obs = last.all(),
                                        .reward = reward,
                                        .terminated = terminated,
                                        .truncated = truncated});
  const at::Tensor expected = borrow_tensor(last.all()[0]).to(at::kFloat);
  const at::Tensor found = borrow_tensor(step.final_obs[0]);
  EXPECT_TRUE(at::equal(found.narrow(0, 1, 2), expected.narrow(0, 1, 2)));
  EXPECT_FALSE(at::equal(found[0], expected[0]));
  EXPECT_TRUE(at::equal(borrow_tensor(step.obs[0]), borrow_tensor(now.all()[0]).to(at::kFloat)));
  EXPECT_EQ(step.reward[2], 3.0);
}

TEST(SpaceAdapter, ActionsBecomeTheEnvironmentsOwn) {
  SpaceAdapter adapter(mixed_spec(), 2);
  const at::Tensor decided = at::tensor({-1.0F, 1.0F, 0.5F, 0.0F}).view({2, 2});
  const ConstFieldView rows = adapter.actions(decided);
  EXPECT_EQ(rows.field->dtype, DType::kFloat64);
  const auto values = rows.as<double>();
  const std::vector<double> expected = {-0.1, 4.0, 0.2, 2.0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i], expected[i], 1e-7) << i;
  EXPECT_THAT(test::input_error([&] { adapter.actions(at::zeros({2, 3})); }), HasSubstr("[2, 3]"));
  EXPECT_THAT(test::input_error([&] {
                adapter.actions(at::zeros({2, 2}, at::kLong));
              }),
              HasSubstr("Long"));
}

TEST(RandomActor, FillsTheUnitRangeAndTheChoicesEvenly) {
  const EnvSpec spec = SpaceAdapter::adapt(mixed_spec());
  const TensorMap obs{{"position", at::zeros({20000, 2})}};
  const at::Tensor actions = make_random_actor(spec, 2)->act(obs).action.to(at::kDouble);
  ASSERT_EQ(actions.sizes(), (std::vector<int64_t>{20000, 2}));
  EXPECT_LE(actions.abs().max().item<double>(), 1.0);
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(actions.select(1, i).mean().item<double>(), 0.0, 4 / std::sqrt(3 * 20000.0));
    EXPECT_NEAR(actions.select(1, i).square().mean().item<double>(), 1.0 / 3.0, 0.01);
  }
  EnvSpec discrete = spec;
  discrete.action = DiscreteSpace{4};
  const at::Tensor choices = make_random_actor(discrete, 2)->act(obs).action;
  ASSERT_EQ(choices.scalar_type(), at::kLong);
  for (int64_t c = 0; c < 4; ++c) {
    EXPECT_NEAR((choices == c).sum().item<double>(), 5000.0, 4 * std::sqrt(3750.0)) << c;
  }
}

TEST(RandomActor, IsAFunctionOfItsSeedAndContinuesFromItsState) {
  const EnvSpec spec = SpaceAdapter::adapt(mixed_spec());
  const TensorMap obs{{"position", at::zeros({5, 2})}};
  const auto a = make_random_actor(spec, 3), b = make_random_actor(spec, 3);
  const auto c = make_random_actor(spec, 4);
  const at::Tensor first = a->act(obs).action;
  EXPECT_TRUE(at::equal(first, b->act(obs).action));
  EXPECT_FALSE(at::equal(first, c->act(obs).action));
  EXPECT_FALSE(at::equal(first, a->act(obs).action));
  load_state(*c, take_checkpoint(*a));
  EXPECT_TRUE(at::equal(a->act(obs).action, c->act(obs).action));
}

}  // namespace
}  // namespace reverie
