#include "nn/adam.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers.h"
#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/meta_device.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::golden;
using test::input_error;
using test::max_difference;
using testing::HasSubstr;

Parameters forty() { return Parameters({{"a", {4, 8}}, {"b", {8}}}, at::kCPU); }

void expect_path_of(const std::string& name, double weight_decay) {
  const SafetensorsFile file = golden("ddpg");
  Parameters parameters = forty();
  parameters.flat().copy_(file.tensor(name + ".start"));
  Adam adam(parameters, {.learning_rate = 3e-3, .weight_decay = weight_decay});
  for (int64_t step = 0; step < 10; ++step) {
    parameters.flat_grad().copy_(file.tensor(name + ".gradients")[step]);
    adam.step();
    ASSERT_LT(max_difference(parameters.flat(), file.tensor(name + ".path")[step]), 1e-6)
        << name << " after step " << step + 1;
  }
}

TEST(Adam, TenStepsArePyTorchs) { expect_path_of("adam", 0.0); }

TEST(Adam, TenStepsWithWeightDecayArePyTorchs) { expect_path_of("adam_decay", 0.1); }

TEST(Adam, ASkippedStepChangesNothingAndTheNextIsAsIfItHadNotBeen) {
  Parameters with = forty(), without = forty();
  Adam skips(with, {}), plain(without, {});
  Rng rng(1);
  for (const bool skip : {false, true, true, false, true, false}) {
    const at::Tensor gradient = at::empty({40});
    fill_normal(gradient, 1.0, rng);
    with.flat_grad().copy_(gradient);
    without.flat_grad().copy_(gradient);
    const TensorMap before = test::saved(skips);
    const at::Tensor weights = with.flat().clone();
    skips.step(at::full({}, skip ? 1.0 : 0.0));
    if (skip) {
      expect_same_bits(before, tensors_of(skips));
      EXPECT_TRUE(at::equal(weights, with.flat()));
    } else {
      plain.step();
    }
    EXPECT_TRUE(at::equal(with.flat(), without.flat()));
  }
  expect_same_bits(tensors_of(skips), tensors_of(plain));
}

TEST(Adam, FirstStepMovesEachParameterByTheLearningRateAgainstItsGradient) {
  Parameters parameters = forty();
  Adam adam(parameters, {.learning_rate = 0.5});
  parameters.flat_grad().fill_(-1e-3F);
  parameters.at("b").mutable_grad().fill_(200.0F);
  adam.step();
  EXPECT_LT(max_difference(parameters.at("a").detach(), at::full({4, 8}, 0.5)), 1e-5);
  EXPECT_LT(max_difference(parameters.at("b").detach(), at::full({8}, -0.5)), 1e-5);
}

// AdamW's decay is beside the step; as a penalty of the gradient it would vanish in Adam's first.
TEST(Adam, DecoupledDecayShrinksTheWeightsThemselves) {
  Parameters parameters = forty();
  parameters.flat().fill_(3.0F);
  Adam adam(parameters,
            {.learning_rate = 0.5, .weight_decay = 0.1, .decoupled_weight_decay = true});
  parameters.flat_grad().fill_(-2.0F);
  adam.step();
  EXPECT_LT(max_difference(parameters.flat(), at::full({40}, 3.0 - 0.5 * 0.1 * 3.0 + 0.5)), 1e-5);
}

TEST(Adam, LearningRateCanChangeAndZeroGradClearsEveryGradient) {
  Parameters parameters = forty();
  Adam adam(parameters, {.learning_rate = 0.5});
  parameters.flat_grad().fill_(1.0F);
  adam.set_learning_rate(0.25);
  adam.step();
  EXPECT_LT(max_difference(parameters.flat(), at::full({40}, -0.25)), 1e-5);
  adam.zero_grad();
  EXPECT_EQ(parameters.at("a").grad().abs().sum().item<float>(), 0.0F);
}

// As a CUDA graph requires, step() reads from fixed addresses, whose content changes.
TEST(Adam, StepsWithoutWaitingForItsDevice) {
  const test::MetaDevice meta;
  for (const bool decoupled : {false, true}) {
    Parameters parameters({{"a", {4, 8}}, {"b", {8}}}, at::kMeta);
    Adam adam(parameters, {.weight_decay = 0.1, .decoupled_weight_decay = decoupled});
    for (int step = 0; step < 2; ++step) {
      adam.zero_grad();
      adam.set_learning_rate(0.1 * step);
      adam.step();
    }
  }
  EXPECT_TRUE(meta.faults().empty());
}

TEST(Adam, SavedAndLoadedContinuesBitEqual) {
  Parameters parameters = forty();
  Adam adam(parameters, {});
  const auto advance = [](Adam& optimizer, Parameters& of, int64_t step) {
    of.flat_grad().copy_(at::arange(40) - 20.0 + static_cast<double>(step));
    optimizer.step();
  };
  for (int64_t step = 0; step < 3; ++step) advance(adam, parameters, step);
  const TensorMap moments = test::saved(adam, "actor"), weights = test::saved(parameters, "actor");

  Parameters other = forty();
  Adam resumed(other, {});
  test::load(other, "actor", weights);
  test::load(resumed, "actor", moments, "optimizer");
  for (int64_t step = 3; step < 6; ++step) {
    advance(adam, parameters, step);
    advance(resumed, other, step);
  }
  EXPECT_TRUE(at::equal(parameters.flat(), other.flat()));
  expect_same_bits(test::saved(adam, "actor"), test::saved(resumed, "actor"));
}

TEST(Adam, LoadNamesWhatIsMissingOrDoesNotFit) {
  Parameters parameters = forty();
  Adam adam(parameters, {});
  EXPECT_THAT(input_error([&] { test::load(adam, "y", test::saved(adam, "x"), "optimizer"); }),
              HasSubstr("y.m is missing"));
  const TensorMap wrong{
      {"x.m", at::zeros({39})}, {"x.v", at::zeros({40})}, {"x.step", at::zeros({})}};
  EXPECT_THAT(input_error([&] { test::load(adam, "x", wrong, "optimizer"); }),
              testing::AllOf(HasSubstr("x.m"), HasSubstr("39"), HasSubstr("40")));
}

}  // namespace
}  // namespace reverie
