#include "nn/parameters.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers.h"
#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::input_error;
using testing::HasSubstr;
using testing::Not;

Parameters counting(float first = 0.0F) {
  Parameters parameters({{"w", {2, 3}}, {"b", {3}}, {"s", {}}}, at::kCPU);
  parameters.flat().copy_(at::arange(10) + first);
  return parameters;
}

TEST(Parameters, AreViewsOfOneBlockInTheOrderGiven) {
  const Parameters parameters = counting();
  EXPECT_EQ(parameters.numel(), 10);
  EXPECT_EQ(parameters.at("w").sizes(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(parameters.at("w")[1][0].item<float>(), 3.0F);
  EXPECT_EQ(parameters.at("b")[0].item<float>(), 6.0F);
  EXPECT_EQ(parameters.at("s").item<float>(), 9.0F);
  parameters.flat().mul_(2.0);
  EXPECT_EQ(parameters.at("w")[1][0].item<float>(), 6.0F);
  parameters.at("b").detach().fill_(-1.0F);
  EXPECT_EQ(parameters.flat()[7].item<float>(), -1.0F);
}

TEST(Parameters, BackwardFillsTheGradientBlockAndAccumulates) {
  Parameters parameters = counting();
  const auto backward = [&] { (parameters.at("b") * 2.0 + parameters.at("s")).sum().backward(); };
  backward();
  const at::Tensor expected = at::tensor({0., 0., 0., 0., 0., 0., 2., 2., 2., 3.}).to(at::kFloat);
  EXPECT_TRUE(at::equal(parameters.flat_grad(), expected));
  backward();
  EXPECT_TRUE(at::equal(parameters.flat_grad(), 2.0 * expected));
  parameters.zero_grad();
  EXPECT_TRUE(at::equal(parameters.at("b").grad(), at::zeros({3})));
  backward();  // still into the block, after zero_grad()
  EXPECT_TRUE(at::equal(parameters.flat_grad(), expected));
}

TEST(Parameters, WithoutRequiresGradNothingIsComputedForThemButForWhatIsBehind) {
  Parameters net = counting();
  at::Tensor x = at::ones({3}).set_requires_grad(true);
  net.requires_grad(false);
  (net.at("b") * x).sum().backward();
  EXPECT_EQ(net.flat_grad().abs().sum().item<float>(), 0.0F);
  EXPECT_TRUE(at::equal(x.grad(), net.at("b")));
  EXPECT_FALSE((net.at("b") * 1.0).requires_grad());
  net.requires_grad(true);
  (net.at("b") * x).sum().backward();
  EXPECT_TRUE(at::equal(net.at("b").grad(), at::ones({3})));
  EXPECT_EQ(net.flat_grad().sum().item<float>(), 3.0F);
}

TEST(Parameters, ACopyHasMemoryOfItsOwnAndNoGradient) {
  Parameters parameters = counting();
  parameters.flat_grad().fill_(1.0F);
  Parameters copy(parameters);
  EXPECT_TRUE(at::equal(copy.flat(), parameters.flat()));
  EXPECT_EQ(copy.flat_grad().abs().sum().item<float>(), 0.0F);
  parameters.flat().fill_(7.0F);
  EXPECT_EQ(copy.at("b")[0].item<float>(), 6.0F);
  copy.at("b").sum().backward();
  EXPECT_EQ(parameters.at("b").grad()[0].item<float>(), 1.0F);
  EXPECT_EQ(copy.flat_grad().sum().item<float>(), 3.0F);
}

TEST(Parameters, SoftUpdateMixes) {
  const Parameters online = counting(100.0F);
  Parameters target = counting();
  target.soft_update(online, 0.0);
  EXPECT_TRUE(at::equal(target.flat(), at::arange(10).to(at::kFloat)));
  target.soft_update(online, 0.005);
  EXPECT_LT(test::max_difference(target.flat(), at::arange(10) + 0.5), 1e-5);
  EXPECT_NEAR(target.at("b")[0].item<float>(), 6.5F, 1e-5) << "the views follow";
  target.soft_update(online, 1.0);
  EXPECT_TRUE(at::equal(target.flat(), online.flat()));
  EXPECT_TRUE(at::equal(online.flat(), at::arange(10) + 100.0F)) << "only the target moves";
}

TEST(Parameters, AreSavedAndLoaded) {
  Parameters parameters = counting();
  const TensorMap saved = test::saved(parameters, "net");
  parameters.flat().zero_();
  EXPECT_EQ(saved.at("net.s").item<float>(), 9.0F);
  EXPECT_FALSE(saved.at("net.w").requires_grad());
  test::load(parameters, "net", saved);
  EXPECT_TRUE(at::equal(parameters.flat(), at::arange(10).to(at::kFloat)));
  expect_same_bits(saved, test::saved(parameters, "net"));
}

TEST(Parameters, LoadNamesEveryFaultInOneMessageAndChangesNothing) {
  Parameters parameters = counting();
  const TensorMap saved{{"net.w", at::zeros({3, 2})},
                        {"net.s", at::zeros({}, at::kDouble)},
                        {"net.other", at::zeros({3})}};
  const std::string message = input_error([&] { test::load(parameters, "net", saved); });
  EXPECT_THAT(message, HasSubstr("net.w is Float [3, 2], expected Float [2, 3]"));
  EXPECT_THAT(message, HasSubstr("net.b is missing"));
  EXPECT_THAT(message, HasSubstr("net.s is Double [], expected Float []"));
  EXPECT_THAT(message, HasSubstr("net.other is not part of it"));
  EXPECT_TRUE(at::equal(parameters.flat(), at::arange(10).to(at::kFloat)));
}

TEST(Layers, OrthogonalMatricesAre) {
  for (const auto& [rows, columns] : {std::pair{64, 17}, {6, 64}, {5, 5}, {1, 8}, {8, 1}}) {
    Rng rng(1), other(2);
    const at::Tensor a = at::zeros({rows, columns}), b = at::zeros({rows, columns});
    fill_orthogonal(a, 3.0, rng);
    const at::Tensor product = rows < columns ? a.mm(a.t()) : a.t().mm(a);
    EXPECT_LT(test::max_difference(product, 9.0 * at::eye(std::min(rows, columns))), 1e-5);
    fill_orthogonal(b, 3.0, other);
    EXPECT_FALSE(at::equal(a, b));
  }
}

// Of a uniformly distributed matrix every number has the mean 0, and the variance 1 / 5 here. The
// bound is five standard errors.
TEST(Layers, OrthogonalMatricesAreUniform) {
  Rng rng(3);
  constexpr int kMatrices = 400;
  at::Tensor sum = at::zeros({5, 5}), a = at::zeros({5, 5});
  for (int i = 0; i < kMatrices; ++i) {
    fill_orthogonal(a, 1.0, rng);
    sum += a;
  }
  EXPECT_LT((sum / kMatrices).abs().max().item<double>(), 5.0 * std::sqrt(0.2 / kMatrices));
}

}  // namespace
}  // namespace reverie
