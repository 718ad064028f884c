#include "nn/mlp.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::golden;
using test::input_error;
using test::max_difference;
using testing::HasSubstr;

// float32 sums of at most 16 products in another order.
constexpr double kTolerance = 1e-6;

TensorMap without_prefix(const SafetensorsFile& file, const std::string& prefix) {
  TensorMap map;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.rfind(prefix, 0) == 0) map.add(name.substr(prefix.size()), tensor);
  }
  return map;
}

TEST(Mlp, OutputAndEveryGradientArePyTorchs) {
  const SafetensorsFile file = golden("ddpg");
  Rng rng(0);
  Mlp net(5, {16, 12}, 3, rng, at::kCPU);
  for (const auto& [name, parameter] : net.parameters().named()) {
    parameter.detach().copy_(file.tensor("mlp.net." + name));
  }
  const at::Tensor y = net(file.tensor("mlp.x"));
  EXPECT_LT(max_difference(y, file.tensor("mlp.y")), kTolerance);

  (file.tensor("mlp.weight") * y).sum().backward();
  const TensorMap gradients = without_prefix(file, "mlp.grad.");
  ASSERT_EQ(gradients.size(), net.parameters().named().size());
  for (const auto& [name, gradient] : gradients) {
    EXPECT_LT(max_difference(net.parameters().at(name).grad(), gradient), 10 * kTolerance) << name;
  }
}

TEST(Mlp, StartsAsPyTorchsLinearUniformInOneOverRootOfTheInputs) {
  Rng rng(3);
  const Mlp net(100, {400}, 25, rng, at::kCPU);
  for (const auto& [name, inputs] :
       {std::pair("0.weight", 100.0), std::pair("0.bias", 100.0), std::pair("2.weight", 400.0)}) {
    const at::Tensor values = net.parameters().at(name).detach();
    const double bound = 1.0 / std::sqrt(inputs);
    const auto n = static_cast<double>(values.numel());
    EXPECT_LE(values.abs().max().item<double>(), bound) << name;
    EXPECT_GT(values.abs().max().item<double>(), bound * (1.0 - 20.0 / n)) << name;
    EXPECT_NEAR(values.mean().item<double>(), 0.0, 4 * bound / std::sqrt(3 * n)) << name;
  }
  EXPECT_LE(net.parameters().at("2.bias").detach().abs().max().item<double>(), 0.05);
}

TEST(Mlp, TheGeneratorDecidesTheWeights) {
  Rng a(3), b(3), c(4);
  const Mlp first(4, {8}, 2, a, at::kCPU), same(4, {8}, 2, b, at::kCPU),
      other(4, {8}, 2, c, at::kCPU);
  EXPECT_TRUE(at::equal(first.parameters().flat(), same.parameters().flat()));
  EXPECT_FALSE(at::equal(first.parameters().flat(), other.parameters().flat()));
}

TEST(Mlp, WithoutHiddenLayersIsLinear) {
  Rng rng(1);
  const Mlp net(3, {}, 2, rng, at::kCPU);
  const at::Tensor x = at::tensor({1.0F, -2.0F, 0.5F}).view({1, 3});
  const at::Tensor expected =
      at::addmm(net.parameters().at("0.bias"), x, net.parameters().at("0.weight").t());
  EXPECT_LT(max_difference(net(x).detach(), expected.detach()), kTolerance);
}

TEST(Mlp, ANormalizedTrunkIsLinearLayerNormAndTanh) {
  Rng rng(1);
  Mlp net(3, {8, 6}, 2, rng, at::kCPU, {.normalized_trunk = true});
  const auto weight = [&](const char* name) { return net.parameters().at(name).detach(); };
  EXPECT_TRUE(at::equal(weight("1.weight"), at::ones({8})));
  EXPECT_TRUE(at::equal(weight("1.bias"), at::zeros({8})));
  weight("1.weight").copy_(at::linspace(0.5, 2.0, 8));
  weight("1.bias").copy_(at::linspace(-0.3, 0.4, 8));

  const at::Tensor x = at::tensor({1.0F, -2.0F, 0.5F, 3.0F, 0.1F, -0.7F}).view({2, 3});
  const at::Tensor h = at::matmul(x, weight("0.weight").t()) + weight("0.bias");
  const at::Tensor variance = h.var(1, /*unbiased=*/false, /*keepdim=*/true);
  const at::Tensor standard = (h - h.mean(1, true)) / (variance + 1e-5).sqrt();
  const at::Tensor trunk = at::tanh(standard * weight("1.weight") + weight("1.bias"));
  const at::Tensor hidden = at::relu(at::matmul(trunk, weight("3.weight").t()) + weight("3.bias"));
  const at::Tensor expected = at::matmul(hidden, weight("5.weight").t()) + weight("5.bias");
  const at::Tensor y = net(x);
  EXPECT_LT(max_difference(y.detach(), expected), kTolerance);

  y.sum().backward();
  for (const auto& [name, parameter] : net.parameters().named()) {
    EXPECT_GT(parameter.grad().abs().max().item<double>(), 0.0) << name;
  }
}

TEST(Mlp, InputsPastTheTrunkJoinItsOutput) {
  Rng rng(1);
  const Mlp net(5, {8}, 2, rng, at::kCPU, {.normalized_trunk = true, .past_trunk = 2});
  const auto weight = [&](const char* name) { return net.parameters().at(name).detach(); };
  ASSERT_EQ(weight("0.weight").sizes(), at::IntArrayRef({8, 3}));
  ASSERT_EQ(weight("3.weight").sizes(), at::IntArrayRef({2, 10}));
  const at::Tensor x = at::tensor({1.0F, -2.0F, 0.5F, 3.0F, -0.7F}).view({1, 5});
  const at::Tensor h = at::matmul(x.narrow(1, 0, 3), weight("0.weight").t()) + weight("0.bias");
  const at::Tensor trunk = at::tanh(at::layer_norm(h, {8}));
  const at::Tensor joined = at::cat({trunk, x.narrow(1, 3, 2)}, 1);
  const at::Tensor expected = at::matmul(joined, weight("3.weight").t()) + weight("3.bias");
  EXPECT_LT(max_difference(net(x).detach(), expected), kTolerance);
}

TEST(Mlp, ANormalizedTrunkBoundsTheOutputForInputsOfAnySize) {
  Rng rng(1);
  const Mlp net(3, {8, 6}, 2, rng, at::kCPU, {.normalized_trunk = true});
  const Mlp copy(net);
  const at::Tensor x = at::tensor({1.0F, -2.0F, 0.5F}).view({1, 3});
  EXPECT_LT(max_difference(net(x * 1e4).detach(), copy(x * 1e6).detach()), 1e-3);
}

TEST(Mlp, RefusesEmptyLayers) {
  Rng rng(1);
  EXPECT_THAT(input_error([&] { Mlp(3, {8, 0}, 2, rng, at::kCPU); }), HasSubstr("0 x 8"));
  EXPECT_THAT(input_error([&] { Mlp(0, {8}, 2, rng, at::kCPU); }), HasSubstr("8 x 0"));
  EXPECT_THAT(input_error([&] { Mlp(3, {8}, -2, rng, at::kCPU); }), HasSubstr("-2 x 8"));
  EXPECT_THAT(input_error([&] { Mlp(3, {}, 2, rng, at::kCPU, {.normalized_trunk = true}); }),
              HasSubstr("without a hidden layer"));
  EXPECT_THAT(input_error([&] {
                Mlp(3, {8}, 2, rng, at::kCPU, {.normalized_trunk = true, .past_trunk = 3});
              }),
              HasSubstr("a trunk of 8 x 0"));
}

}  // namespace
}  // namespace reverie
