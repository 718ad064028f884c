#include "nn/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/meta_device.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

// Of outputs of at most 1 and gradients of order 1 to 10, summed over 21 steps in float32.
constexpr double kTolerance = 2e-5;

// The counterpart of tests/golden/recurrent.py: 7 steps of 3 sequences, 4 inputs, 5 units.
class RecurrentGolden : public testing::TestWithParam<const char*> {
 protected:
  static RecurrentKind kind() {
    return GetParam() == std::string("lstm") ? RecurrentKind::kLstm : RecurrentKind::kGru;
  }

  static Parameters make_block(at::Device device = at::kCPU) {
    Shapes shapes;
    RecurrentLayer::declare(shapes, "layer", kind(), 4, 5);
    return {shapes, device};
  }

  RecurrentGolden() {
    for (const auto& [name, parameter] : block_.named()) parameter.detach().copy_(get(name));
  }

  at::Tensor get(const std::string& name) const {
    return file_.tensor(std::string(GetParam()) + "." + name).clone();
  }

  // Outputs and gradients are those of PyTorch's `name`.
  void expect(const std::string& name, const std::function<at::Tensor()>& forward) {
    SCOPED_TRACE(name);
    block_.zero_grad();
    x_ = get("x").requires_grad_();
    state_ = get("state").requires_grad_();
    const at::Tensor y = forward();
    EXPECT_LT(max_difference(y, get(name + ".y")), kTolerance);
    (y * get("weight")).sum().backward();
    for (const auto& [key, parameter] : block_.named()) {
      EXPECT_LT(max_difference(parameter.grad(), get(name + ".gradient." + key.substr(6))),
                kTolerance)
          << key;
    }
    EXPECT_LT(max_difference(x_.grad(), get(name + ".gradient.x")), kTolerance);
    EXPECT_LT(max_difference(state_.grad(), get(name + ".gradient.state")), kTolerance);
  }

  SafetensorsFile file_ = test::golden("recurrent");
  Parameters block_ = make_block();
  RecurrentLayer layer_{block_, "layer", kind()};
  at::Tensor started_ = file_.tensor("started");
  at::Tensor x_, state_;
};

TEST_P(RecurrentGolden, WholeSequencesArePyTorchs) {
  expect("whole", [&] { return layer_(x_, state_); });
  expect("whole", [&] { return layer_(x_, state_, at::zeros({7, 3}, at::kBool)); });
}

TEST_P(RecurrentGolden, WhereASequenceBeginsAnewItsStateIsZero) {
  expect("resets", [&] { return layer_(x_, state_, started_); });
}

TEST_P(RecurrentGolden, SingleStepsArePyTorchs) {
  EXPECT_LT(max_difference(layer_.step(get("x")[0], get("state")), get("next_state")), kTolerance);
  expect("whole", [&] {
    std::vector<at::Tensor> outputs;
    at::Tensor state = state_;
    for (int64_t t = 0; t < 7; ++t) {
      state = layer_.step(x_[t], state);
      outputs.push_back(layer_.output(state));
    }
    return at::stack(outputs);
  });
}

// The first step may begin anew without a look at the others' resets.
TEST_P(RecurrentGolden, OnlyTheFirstStepBeginsAnew) {
  const at::NoGradGuard no_grad;
  at::Tensor first = at::zeros({7, 3}, at::kBool);
  first[0][1] = true;
  at::Tensor state = get("state");
  const at::Tensor y = layer_(get("x"), state, first);
  state[1].zero_();
  EXPECT_LT(max_difference(y, layer_(get("x"), state)), 1e-6);
}

TEST_P(RecurrentGolden, NoValueIsReadFromADevice) {
  const Parameters block = make_block(at::kMeta);
  const RecurrentLayer layer(block, "layer", kind());
  const at::Tensor x = get("x").to(at::kMeta), state = get("state").to(at::kMeta);
  const at::Tensor started = started_.to(at::kMeta);
  const test::MetaDevice meta;
  const at::Tensor y = layer(x, state, started);
  EXPECT_EQ(y.sizes(), at::IntArrayRef({7, 3, 5}));
  y.sum().backward();
  EXPECT_EQ(layer.step(x[0], state).sizes(), state.sizes());
  EXPECT_THAT(meta.faults(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecurrentGolden, testing::Values("lstm", "gru"),
                         [](const auto& param) { return std::string(param.param); });

TEST(RecurrentLayer, ASecondBiasOfZeroMayBeLeftOut) {
  Shapes one, two;
  RecurrentLayer::declare(one, "layer", RecurrentKind::kLstm, 4, 5, /*second_bias=*/false);
  RecurrentLayer::declare(two, "layer", RecurrentKind::kLstm, 4, 5);
  Parameters single(one, at::kCPU), both(two, at::kCPU);
  EXPECT_EQ(both.numel() - single.numel(), 4 * 5);
  Rng rng(1);
  reset_parameters(single, rng);
  for (const auto& [name, parameter] : single.named()) {
    both.at(name).detach().copy_(parameter);
  }
  at::Tensor x = at::empty({7, 3, 4});
  fill_normal(x, 1.0, rng);
  const RecurrentLayer short_one(single, "layer", RecurrentKind::kLstm);
  const RecurrentLayer long_one(both, "layer", RecurrentKind::kLstm);
  const at::Tensor state = at::zeros({3, 10});
  const at::Tensor started = at::ones({7, 3}, at::kBool);
  EXPECT_LT(max_difference(short_one(x, state), long_one(x, state)), 1e-6);
  EXPECT_LT(max_difference(short_one(x, state, started), long_one(x, state, started)), 1e-6);
  EXPECT_LT(max_difference(short_one.step(x[0], state), long_one.step(x[0], state)), 1e-6);
}

TEST(RecurrentLayer, RefusesSizesBelowOne) {
  Shapes shapes;
  for (const auto& [inputs, size] : {std::pair<int64_t, int64_t>{0, 5}, {4, 0}}) {
    EXPECT_THAT(test::input_error([&] {
                  RecurrentLayer::declare(shapes, "layer", RecurrentKind::kGru, inputs, size);
                }),
                testing::HasSubstr("recurrent layer of"));
  }
}

}  // namespace
}  // namespace reverie
