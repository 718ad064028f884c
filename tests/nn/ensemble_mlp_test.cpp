#include "nn/ensemble_mlp.h"

#include <gtest/gtest.h>

#include "nn/mlp.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

// The network of one member alone.
Mlp member_of(const EnsembleMlp& ensemble, int64_t index, const std::vector<int64_t>& hidden) {
  Rng rng(9);
  Mlp net(5, hidden, 3, rng, at::kCPU);
  for (const auto& [name, tensor] : ensemble.parameters().named()) {
    net.parameters().at(name).detach().copy_(tensor.detach().select(0, index));
  }
  return net;
}

TEST(EnsembleMlp, ValuesAndGradientsAreThoseOfSeparateNetworks) {
  for (const std::vector<int64_t>& hidden :
       {std::vector<int64_t>{16, 12}, std::vector<int64_t>{7}, std::vector<int64_t>{}}) {
    Rng rng(3);
    EnsembleMlp ensemble(3, 5, hidden, 3, rng, at::kCPU);
    const at::Tensor x = at::randn({8, 5}).requires_grad_();
    const at::Tensor weight = at::randn({3, 8, 3});
    const at::Tensor y = ensemble(x);
    ASSERT_EQ(y.sizes(), weight.sizes());
    (weight * y).sum().backward();
    at::Tensor input_gradient = at::zeros_like(x);
    for (int64_t i = 0; i < 3; ++i) {
      Mlp net = member_of(ensemble, i, hidden);
      const at::Tensor input = x.detach().requires_grad_();
      const at::Tensor expected = net(input);
      EXPECT_LT(max_difference(y.select(0, i), expected), 1e-5);
      EXPECT_LT(max_difference(ensemble.member(i, x), expected), 1e-5);
      (weight.select(0, i) * expected).sum().backward();
      input_gradient += input.grad();
      for (const auto& [name, tensor] : ensemble.parameters().named()) {
        EXPECT_LT(max_difference(tensor.grad().select(0, i), net.parameters().at(name).grad()),
                  1e-4)
            << name;
      }
    }
    EXPECT_LT(max_difference(x.grad(), input_gradient), 1e-4);
  }
}

// Linear -> ReLU -> LayerNorm, with gain 1 and bias 0 at the start and other ones later.
TEST(EnsembleMlp, NormsAreThoseOfSeparateNetworks) {
  Rng rng(3);
  const MlpOptions options{.layer_norm = true};
  EnsembleMlp ensemble(2, 5, {16, 12}, 3, rng, at::kCPU, options);
  const at::Tensor x = at::randn({8, 5});
  for (const bool changed : {false, true}) {
    for (const auto& [name, tensor] : ensemble.parameters().named()) {
      if (changed && name.ends_with("gain")) tensor.detach().uniform_(0.5, 2.0);
      if (changed && name == "2.bias") tensor.detach().uniform_(-1.0, 1.0);
    }
    for (int64_t i = 0; i < 2; ++i) {
      Mlp net(5, {16, 12}, 3, rng, at::kCPU, options);
      at::Tensor h = x;
      for (const auto& [name, tensor] : ensemble.parameters().named()) {
        const at::Tensor own = tensor.detach().select(0, i);
        const std::string plain =
            name.ends_with("gain") ? name.substr(0, name.find('.')) + ".weight" : name;
        net.parameters().at(plain).detach().copy_(own);
      }
      const auto layer = [&](const char* of, const at::Tensor& input) {
        const std::string name = of;
        return at::linear(input, net.parameters().at(name + ".weight"),
                          net.parameters().at(name + ".bias"));
      };
      const auto norm = [&](const char* of, const at::Tensor& input) {
        const std::string name = of;
        const at::Tensor centred = input - input.mean(1, true);
        const at::Tensor standard = centred / (centred.square().mean(1, true) + 1e-5).sqrt();
        return standard * net.parameters().at(name + ".weight") +
               net.parameters().at(name + ".bias");
      };
      h = norm("2", at::relu(layer("0", h)));
      h = norm("5", at::relu(layer("3", h)));
      const at::Tensor expected = layer("6", h);
      EXPECT_LT(max_difference(net(x), expected), 1e-5);
      EXPECT_LT(max_difference(ensemble(x).select(0, i), expected), 1e-5);
      EXPECT_LT(max_difference(ensemble.member(i, x), expected), 1e-5);
      if (changed) continue;
      EXPECT_LT(max_difference(net.parameters().at("2.weight"), at::ones({16})), 1e-7);
      EXPECT_LT(max_difference(net.parameters().at("2.bias"), at::zeros({16})), 1e-7);
    }
  }
}

TEST(EnsembleMlp, MembersShareATrunk) {
  Rng rng(3);
  EnsembleMlp ensemble(3, 5, {8, 7}, 2, rng, at::kCPU, {.normalized_trunk = true, .past_trunk = 1});
  const Parameters& parameters = ensemble.parameters();
  EXPECT_TRUE(at::equal(parameters.at("trunk.1.weight").detach(), at::ones({8})));
  EXPECT_TRUE(at::equal(parameters.at("trunk.1.bias").detach(), at::zeros({8})));
  const double bound = 1.0 / std::sqrt(4.0);  // of the trunk's four inputs
  for (const char* name : {"trunk.0.weight", "trunk.0.bias"}) {
    const double largest = parameters.at(name).detach().abs().max().item<double>();
    EXPECT_LE(largest, bound) << name;
    EXPECT_GT(largest, 0.7 * bound) << name;
  }
  const at::Tensor x = at::randn({6, 5});
  const at::Tensor y = ensemble(x);
  ASSERT_EQ(y.sizes(), at::IntArrayRef({3, 6, 2}));
  for (int64_t i = 0; i < 3; ++i) {
    // The network of one member alone, with the same trunk.
    Mlp net(5, {8, 7}, 2, rng, at::kCPU, {.normalized_trunk = true, .past_trunk = 1});
    const auto take = [&](const char* name, const at::Tensor& values) {
      net.parameters().at(name).detach().copy_(values.detach());
    };
    take("0.weight", parameters.at("trunk.0.weight"));
    take("0.bias", parameters.at("trunk.0.bias"));
    take("3.weight", parameters.at("0.weight").select(0, i));
    take("3.bias", parameters.at("0.bias").select(0, i));
    take("5.weight", parameters.at("2.weight").select(0, i));
    take("5.bias", parameters.at("2.bias").select(0, i));
    EXPECT_LT(max_difference(y.select(0, i).detach(), net(x).detach()), 1e-5) << i;
    EXPECT_LT(max_difference(ensemble.member(i, x).detach(), net(x).detach()), 1e-5) << i;
  }
}

TEST(EnsembleMlp, MembersDifferAndAreUniformWithinTheirBounds) {
  Rng rng(3);
  const EnsembleMlp ensemble(2, 100, {400}, 50, rng, at::kCPU);
  for (const auto& [name, inputs] : {std::pair{"0", 100.0}, {"2", 400.0}}) {
    for (const char* part : {".weight", ".bias"}) {
      const at::Tensor values = ensemble.parameters().at(std::string(name) + part).detach();
      const double bound = 1.0 / std::sqrt(inputs);
      EXPECT_LE(values.abs().max().item<double>(), bound * 1.000001);
      // A uniform distribution's deviation is bound / sqrt(3).
      EXPECT_NEAR(values.std().item<double>() / bound, 0.577, 0.06) << name << part;
      EXPECT_FALSE(at::equal(values.select(0, 0), values.select(0, 1)));
    }
  }
}

TEST(EnsembleMlp, RefusesSizesBelowOne) {
  Rng rng(3);
  for (const auto& [members, inputs] : {std::pair<int64_t, int64_t>{0, 5}, {2, 0}}) {
    EXPECT_NE(test::input_error([&] { EnsembleMlp(members, inputs, {4}, 1, rng, at::kCPU); }), "");
  }
}

}  // namespace
}  // namespace reverie
