// SIGReg against a NumPy transcript (tests/golden/sigreg.py) and against what it is for.

#include "worldmodel/sigreg.h"

#include <cmath>
#include <map>
#include <string>

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "nn/pch.h"
#include "tests/tensors.h"
#include "worldmodel/characteristic_function.h"

namespace reverie {
namespace {

using test::max_difference;

// The transcript's values by name.
std::map<std::string, std::unique_ptr<GoodnessOfFit>> goodness_of_fit_tests() {
  std::map<std::string, std::unique_ptr<GoodnessOfFit>> tests;
  tests.emplace("lejepa", make_epps_pulley(lejepa_epps_pulley()));
  tests.emplace("lewm", make_epps_pulley(lewm_epps_pulley()));
  tests.emplace("smooth", make_smooth_test());
  return tests;
}

TEST(SigRegGolden, StatisticAndGradientAreNumPys) {
  const SafetensorsFile golden = test::golden("sigreg");
  const at::Tensor directions = golden.tensor("directions");
  for (const auto& [name, test] : goodness_of_fit_tests()) {
    for (const std::string sample : {"normal", "shifted", "collapsed"}) {
      SCOPED_TRACE(sample + "." + name);
      const at::Tensor z = golden.tensor(sample + ".z").clone().requires_grad_(true);
      const at::Tensor statistic = test->statistic(at::matmul(z, directions));
      EXPECT_EQ(statistic.sizes(), at::IntArrayRef({3, 10}));
      const at::Tensor loss = statistic.mean();
      loss.backward();
      const double expected = golden.tensor(sample + "." + name).item<double>();
      EXPECT_NEAR(loss.item<double>(), expected, 1e-5 * std::max(1.0, expected));
      const at::Tensor gradient = golden.tensor(sample + "." + name + ".gradient");
      EXPECT_LT(max_difference(z.grad(), gradient),
                1e-5 * gradient.abs().max().item<double>() + 1e-6);
    }
  }
}

// The kernel for float32 on the CPU against the operations for every other device and type, with
// widths that fill whole registers and widths that do not.
TEST(CharacteristicFunction, TheKernelIsTheOperations) {
  for (const int64_t width : {1, 16, 37}) {
    const at::Generator generator = at::detail::createCPUGenerator(1);
    const at::Tensor x = at::randn({2, 9, width}, generator, at::kFloat) * 2.0;
    const at::Tensor weights = at::randn({2, 5, 2, width}, generator, at::kFloat);
    const EvenKnots knots{.start = -0.7, .step = 0.45, .knots = 5};
    const at::Tensor means = characteristic_function(x, knots);
    EXPECT_EQ(means.sizes(), at::IntArrayRef({2, 5, 2, width}));
    EXPECT_LT(max_difference(means, characteristic_function(x.to(at::kDouble), knots)), 1e-6);
    for (int64_t k = 0; k < 5; ++k) {
      EXPECT_LT(max_difference(means[1][k], at::sin(x * knots.at(k)).mean(-2)), 1e-6);
    }
    const at::Tensor sum = trigonometric_sum(x, knots, weights);
    EXPECT_LT(
        max_difference(sum, trigonometric_sum(x.to(at::kDouble), knots, weights.to(at::kDouble))),
        1e-5);
  }
}

// 512 samples in 16 dimensions.
at::Tensor samples(const std::string& kind) {
  const at::Generator generator = at::detail::createCPUGenerator(5);
  const at::Tensor normal = at::randn({512, 16}, generator, at::kFloat);
  if (kind == "normal") return normal;
  if (kind == "collapsed") return at::ones({512, 16}) + 0.01 * normal;
  if (kind == "point") return at::zeros({512, 16});
  if (kind == "line") return normal.slice(1, 0, 1).expand({512, 16}).contiguous();
  const at::Tensor sign = at::sign(at::randn({512, 1}, generator, at::kFloat));
  if (kind == "two clusters") return 1.5 * sign + 0.2 * normal;
  return 4.0 * (at::rand({512, 16}, generator, at::kFloat) - 0.5);  // uniform
}

TEST(SigReg, IsLowForTheNormalDistributionAlone) {
  for (const bool lewm : {false, true}) {
    const SigReg sigreg = lewm ? make_lewm_sigreg() : make_lejepa_sigreg();
    const double normal = sigreg(samples("normal"), 0).item<double>();
    EXPECT_LT(normal, 2.0);
    for (const char* kind : {"collapsed", "point", "line", "two clusters", "uniform"}) {
      // Projections of a uniform cube are nearly normal, with another width.
      EXPECT_GT(sigreg(samples(kind), 0).item<double>(), 5.0 * normal) << kind;
    }
  }
}

TEST(SigReg, DescendingItMakesSamplesNormal) {
  const SigReg sigreg(make_epps_pulley({}), 64);
  at::Tensor z = samples("collapsed").requires_grad_(true);
  for (int step = 0; step < 150; ++step) {
    const at::Tensor loss = sigreg(z, step);
    const at::Tensor gradient = torch::autograd::grad({loss}, {z})[0];
    z = (z.detach() - 5.0 * gradient).requires_grad_(true);
  }
  EXPECT_LT(sigreg(z.detach(), 1000).item<double>(), 2.0);
  EXPECT_LT(z.detach().mean(0).abs().max().item<double>(), 0.2);
  EXPECT_NEAR(z.detach().std(0).mean().item<double>(), 1.0, 0.1);
}

TEST(SigReg, TheStepDecidesTheDirections) {
  const SigReg sigreg = make_lejepa_sigreg();
  const at::Tensor first = sigreg.directions(8, 3, at::kCPU);
  EXPECT_EQ(first.sizes(), at::IntArrayRef({8, 256}));
  EXPECT_TRUE(at::equal(first, sigreg.directions(8, 3, at::kCPU)));
  EXPECT_FALSE(at::equal(first, sigreg.directions(8, 4, at::kCPU)));
  EXPECT_LT((first.norm(2, {0}) - 1.0).abs().max().item<double>(), 1e-6);
}

TEST(SigReg, PresetsHaveTheirSlices) {
  EXPECT_EQ(make_lejepa_sigreg().directions(8, 0, at::kCPU).size(1), 256);
  EXPECT_EQ(make_lewm_sigreg().directions(8, 0, at::kCPU).size(1), 1024);
  EXPECT_EQ(make_lejepa_sigreg(5).directions(8, 0, at::kCPU).size(1), 5);
  EXPECT_EQ(make_lewm_sigreg(7).directions(8, 0, at::kCPU).size(1), 7);
  // Each integrates between its own knots.
  const at::Tensor z = samples("normal") * 2.0;
  const auto statistic = [&](const SigReg& sigreg) { return sigreg(z, 1).item<double>(); };
  const double lejepa = statistic(SigReg(
      make_epps_pulley({.low = -5.0, .high = 5.0, .knots = 17, .scale = 1.0}), kLeJepaSlices));
  const double lewm = statistic(SigReg(
      make_epps_pulley({.low = 0.0, .high = 3.0, .knots = 17, .scale = 2.0}), kLeJepaSlices));
  EXPECT_GT(std::abs(lejepa - lewm), 1e-3 * lejepa);
  EXPECT_EQ(statistic(make_lejepa_sigreg()), lejepa);
  EXPECT_EQ(statistic(make_lewm_sigreg(kLeJepaSlices)), lewm);
}

TEST(SigReg, EachTimeStepIsTestedByItself) {
  // Pooled over time, 512 samples would give another statistic than 256 twice.
  const SigReg sigreg = make_lewm_sigreg();
  const at::Tensor z = samples("normal").unflatten(0, {2, 256});
  const double both = sigreg(z, 1).item<double>();
  const double mean = (sigreg(z[0], 1) + sigreg(z[1], 1)).item<double>() / 2.0;
  EXPECT_NEAR(both, mean, 1e-4);
}

// Two processes with half of the batch each: the statistic is that of the whole in both, and the
// mean of their gradients its gradient.
TEST(SigReg, ProcessesThatShareABatchGetWhatOneWouldGet) {
  for (const auto& [name, test] : goodness_of_fit_tests()) {
    SCOPED_TRACE(name);
    at::Tensor whole = (samples("two clusters") * 0.5 + 0.1).requires_grad_(true);
    const at::Tensor expected = test->statistic(whole).mean();
    expected.backward();
    for (const bool second : {false, true}) {
      const int64_t begin = second ? 256 : 0;
      // The other process's share of each average, in the order of the requests.
      std::vector<at::Tensor> others;
      const DataParallel record{2, [&](at::Tensor& values) { others.push_back(values.clone()); }};
      test->statistic(whole.detach().slice(0, 256 - begin, 512 - begin), record);
      size_t next = 0;
      const DataParallel parallel{
          2, [&](at::Tensor& values) { values = (values + others.at(next++)) / 2; }};
      const at::Tensor half =
          whole.detach().slice(0, begin, begin + 256).clone().requires_grad_(true);
      const at::Tensor loss = test->statistic(half, parallel).mean();
      loss.backward();
      EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-4 * expected.item<double>());
      const at::Tensor gradient = whole.grad().slice(0, begin, begin + 256);
      EXPECT_LT(max_difference(half.grad() / 2, gradient),
                1e-4 * gradient.abs().max().item<double>());
    }
  }
}

TEST(SmoothTest, IsLowForTheNormalDistributionAlone) {
  const SigReg sigreg(make_smooth_test(), 64);
  const double normal = sigreg(samples("normal"), 0).item<double>();
  EXPECT_LT(normal, 10.0);  // 4 in expectation
  for (const char* kind : {"collapsed", "point", "line", "two clusters", "uniform"}) {
    EXPECT_GT(sigreg(samples(kind), 0).item<double>(), 3.0 * normal) << kind;
  }
}

TEST(SigReg, RefusesWhatMakesNoSense) {
  EXPECT_THROW(SigReg(make_smooth_test(), 0), Error);
  EXPECT_THROW(make_epps_pulley({.knots = 1}), Error);
  EXPECT_THROW(make_epps_pulley({.low = 1.0, .high = 1.0}), Error);
  EXPECT_THROW(make_smooth_test()->statistic(at::zeros({4})), Error);
}

}  // namespace
}  // namespace reverie
