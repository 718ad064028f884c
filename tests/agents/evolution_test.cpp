// Evolution strategies: constants and first steps of published implementations, their numbers of
// evaluations on the standard functions, invariances, bounds, restarts and wrong input.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evolution/cma_constants.h"
#include "agents/evolution/evolution_strategy.h"
#include "nn/pch.h"
#include "nn/state_list.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::AllOf;
using testing::HasSubstr;

using Vector = std::span<const double>;
using Function = std::function<double(Vector)>;

double sphere(Vector x) {
  double sum = 0.0;
  for (const double v : x) sum += v * v;
  return sum;
}

double ellipsoid(Vector x) {
  double sum = 0.0;
  const double last = static_cast<double>(x.size()) - 1.0;
  for (size_t i = 0; i < x.size(); ++i) {
    sum += std::pow(1e6, static_cast<double>(i) / last) * x[i] * x[i];
  }
  return sum;
}

double cigar(Vector x) { return x[0] * x[0] + 1e6 * sphere(x.subspan(1)); }

double rosenbrock(Vector x) {
  double sum = 0.0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100.0 * std::pow(x[i + 1] - x[i] * x[i], 2.0) + std::pow(1.0 - x[i], 2.0);
  }
  return sum;
}

const std::map<std::string, Function> kFunctions = {
    {"sphere", sphere}, {"ellipsoid", ellipsoid}, {"cigar", cigar}, {"rosenbrock", rosenbrock}};

std::vector<double> values_of(const at::Tensor& candidates, const Function& f) {
  std::vector<double> values;
  for (int64_t i = 0; i < candidates.size(0); ++i) {
    const at::Tensor row = candidates[i].contiguous();
    values.push_back(f({row.const_data_ptr<double>(), static_cast<size_t>(row.numel())}));
  }
  return values;
}

void generation(EvolutionStrategy& strategy, const Function& f) {
  strategy.tell(values_of(strategy.ask(), f));
}

// Evaluations until f < 1e-9, or the limit.
int64_t evaluations(const EvolutionOptions& options, const at::Tensor& start, const Function& f,
                    uint64_t seed, int64_t limit = 600000) {
  const auto strategy = make_evolution_strategy(options, start, seed);
  while (strategy->best_value() >= 1e-9) {
    // A local optimum of Rosenbrock's function stops some.
    if (!strategy->stop_reason().empty() || strategy->evaluations() >= limit) return limit;
    generation(*strategy, f);
  }
  return strategy->evaluations();
}

double median(std::vector<int64_t> counts) {
  std::sort(counts.begin(), counts.end());
  return static_cast<double>(counts[counts.size() / 2]);
}

// The lines of tests/golden/evolution.txt that begin with `name`: further words, then results.
struct Line {
  std::vector<std::string> words;
  std::vector<double> results;
};

std::vector<Line> golden_lines(const std::string& name) {
  std::ifstream file(REVERIE_GOLDEN_DIR "/evolution.txt");
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    Line line;
    std::string word;
    for (words >> word; words >> word && word != "=";) line.words.push_back(word);
    for (double value; words >> value;) line.results.push_back(value);
    if (text.starts_with(name + " ")) lines.push_back(line);
  }
  return lines;
}

// The rotation that is most unlike the axes: every axis is a mix of all.
at::Tensor rotation(int64_t n) {
  const at::Tensor normal = at::empty({n, n}, at::kDouble);
  Rng rng(3);
  rng.fill_normal({normal.mutable_data_ptr<double>(), static_cast<size_t>(n * n)});
  return std::get<0>(at::linalg_qr(normal));
}

Function rotated(const Function& f, const at::Tensor& by) {
  return [f, by](Vector x) {
    const at::Tensor row = at::empty({static_cast<int64_t>(x.size())}, at::kDouble);
    std::copy(x.begin(), x.end(), row.mutable_data_ptr<double>());
    const at::Tensor turned = by.mv(row).contiguous();
    return f({turned.const_data_ptr<double>(), x.size()});
  };
}

at::Tensor ones(int64_t n) { return at::ones({n}, at::kDouble); }

TEST(CmaConstants, ArePycmas) {
  const std::vector<Line> lines = golden_lines("constants");
  ASSERT_EQ(lines.size(), 6U);
  for (const Line& line : lines) {
    const int64_t n = std::stoll(line.words[0]), population = std::stoll(line.words[1]);
    SCOPED_TRACE(fmt::format("{} numbers, population {}", n, population));
    const CmaConstants c(n, population);
    std::vector<double> found = {c.mu_eff, c.c_c, c.c_1, c.c_mu, c.c_sigma, c.d_sigma - c.c_sigma};
    found.insert(found.end(), c.weights.begin(), c.weights.end());
    EXPECT_THAT(found, testing::Pointwise(testing::DoubleNear(1e-12), line.results));
  }
}

TEST(CmaConstants, LengthOfANormalVector) {
  // sqrt(2) Gamma((n + 1) / 2) / Gamma(n / 2)
  for (const int64_t n : {2, 10, 100}) {
    const auto size = static_cast<double>(n);
    const double exact =
        std::sqrt(2.0) * std::exp(std::lgamma((size + 1.0) / 2.0) - std::lgamma(size / 2.0));
    EXPECT_NEAR(CmaConstants(n, 10).expected_length / exact, 1.0, 2e-3 / size);
  }
  EXPECT_EQ(CmaConstants::default_population(10), 10);
  EXPECT_EQ(CmaConstants::default_population(867), 24);
}

// pycma makes the standard deviations of its start unequal by up to 5e-5.
TEST(CmaEs, FirstGenerationIsPycmas) {
  constexpr int64_t kSize = 6;
  const std::vector<Line> lines = golden_lines("generation");
  ASSERT_EQ(lines.size(), 2U);
  for (const Line& line : lines) {
    SCOPED_TRACE("population " + line.words[0]);
    const auto strategy =
        make_evolution_strategy({.population = std::stoll(line.words[0]), .initial_sigma = 0.5},
                                at::arange(kSize).to(at::kDouble) / 4.0, 7);
    generation(*strategy, ellipsoid);
    EXPECT_NEAR(strategy->sigma(), line.results[0], 3e-4);
    const at::Tensor mean = strategy->mean();
    const at::Tensor covariance = tensors_of(*strategy).at("covariance");
    size_t next = 1;
    for (int64_t i = 0; i < kSize; ++i) {
      EXPECT_NEAR(mean[i].item<double>(), line.results[next++], 1e-4) << i;
    }
    for (int64_t i = 0; i < kSize; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        EXPECT_NEAR(covariance[i][j].item<double>(), line.results[next++], 3e-4) << i << ", " << j;
      }
    }
    EXPECT_EQ(next, line.results.size());
  }
}

TEST(LmMaEs, FortyGenerationsArePypop7s) {
  const std::vector<double> expected = golden_lines("lm_generations").at(0).results;
  const auto strategy = make_evolution_strategy({.method = "lm-ma-es", .initial_sigma = 0.5},
                                                at::full({40}, 0.25, at::kDouble), 7);
  for (int i = 0; i < 40; ++i) generation(*strategy, ellipsoid);
  EXPECT_NEAR(strategy->sigma(), expected[0], 1e-9);
  const at::Tensor mean = strategy->mean();
  for (int64_t i = 0; i < 40; ++i) {
    EXPECT_NEAR(mean[i].item<double>(), expected[static_cast<size_t>(i) + 1], 1e-9) << i;
  }
}

TEST(EvolutionStrategies, NeedAsManyEvaluationsAsPublishedOnes) {
  const std::vector<Line> lines = golden_lines("evaluations");
  ASSERT_EQ(lines.size(), 9U);
  for (const Line& line : lines) {
    const std::string &method = line.words[0], &function = line.words[1];
    const int64_t n = std::stoll(line.words[2]);
    const at::Tensor start = function == "rosenbrock" ? at::zeros({n}, at::kDouble) : ones(n);
    std::vector<int64_t> counts;
    const bool is_long = method == "lm-ma-es" && function == "cigar";
    for (uint64_t seed = 1; seed <= (is_long ? 1U : 9U); ++seed) {
      counts.push_back(evaluations({.method = method}, start, kFunctions.at(function), seed));
    }
    const double ratio = median(counts) / line.results[0];
    RecordProperty(method + " " + function, std::to_string(ratio));
    EXPECT_GT(ratio, 0.8) << method << " " << function;
    EXPECT_LT(ratio, 1.2) << method << " " << function;
  }
}

class EveryStrategy : public testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kSize = 32;

  std::unique_ptr<EvolutionStrategy> make(EvolutionOptions options = {}, uint64_t seed = 5,
                                          const at::Tensor& start = ones(kSize)) const {
    options.method = GetParam();
    options.population = 12;
    return make_evolution_strategy(options, start, seed);
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, EveryStrategy, testing::ValuesIn(evolution_methods()),
                         [](const auto& method) {
                           std::string name = method.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(EveryStrategy, OnlyTheOrderOfValuesCounts) {
  const auto plain = make(), transformed = make();
  const auto increasing = [](Vector x) { return std::atan(1e-3 * ellipsoid(x) - 50.0); };
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(plain->ask().equal(transformed->ask())) << i;
    generation(*plain, ellipsoid);
    generation(*transformed, increasing);
  }
  EXPECT_LT(ellipsoid({plain->mean().const_data_ptr<double>(), kSize}), 0.5 * 3.3e6);
}

TEST_P(EveryStrategy, MaximisesTheNegative) {
  const auto down = make(), up = make({.maximize = true});
  EXPECT_EQ(up->best_value(), -INFINITY);
  for (int i = 0; i < 40; ++i) {
    generation(*down, ellipsoid);
    generation(*up, [](Vector x) { return -ellipsoid(x); });
  }
  EXPECT_TRUE(down->ask().equal(up->ask()));
  EXPECT_EQ(down->best_value(), -up->best_value());
  EXPECT_TRUE(down->best().equal(up->best()));
}

// By a power of two, which rounds nothing.
TEST_P(EveryStrategy, UnitsDoNotCount) {
  const auto plain = make({.initial_sigma = 0.5});
  const auto scaled = make({.initial_sigma = 4.0}, 5, 8.0 * ones(kSize));
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE((8.0 * plain->ask()).equal(scaled->ask())) << i;
    generation(*plain, ellipsoid);
    generation(*scaled, [](Vector x) {
      std::vector<double> y(x.begin(), x.end());
      for (double& v : y) v /= 8.0;
      return ellipsoid(y);
    });
  }
}

TEST_P(EveryStrategy, AResumedOneContinuesBitByBit) {
  for (const bool is_asked : {false, true}) {
    const auto whole = make(), saved = make();
    const auto resumed = make({}, /*seed=*/99);
    generation(*resumed, sphere);  // of what came before nothing may be left
    resumed->ask();
    for (int i = 0; i < 25; ++i) {
      generation(*whole, ellipsoid);
      generation(*saved, ellipsoid);
    }
    if (is_asked) saved->ask();
    load_state(*resumed, take_checkpoint(*saved));
    for (int i = 0; i < 25; ++i) {
      // Told without another question: what was asked before the restart is what counts.
      if (i > 0 || !is_asked) {
        EXPECT_TRUE(resumed->ask().equal(whole->ask()));
      }
      const std::vector<double> values = values_of(whole->ask(), ellipsoid);
      resumed->tell(values);
      whole->tell(values);
    }
    test::expect_same_bits(test::saved(*resumed), test::saved(*whole));
    EXPECT_EQ(resumed->sigma(), whole->sigma());
    EXPECT_EQ(resumed->generation(), 50);
    EXPECT_EQ(resumed->best_value(), whole->best_value());
    EXPECT_EQ(resumed->stop_reason(), whole->stop_reason());
  }
}

TEST_P(EveryStrategy, AskIsRepeatableAndSeedsDiffer) {
  const auto strategy = make(), other = make({}, 6);
  const at::Tensor first = strategy->ask();
  EXPECT_EQ(first.sizes(), at::IntArrayRef({12, kSize}));
  EXPECT_TRUE(first.equal(strategy->ask()));
  EXPECT_FALSE(first.equal(other->ask()));
  first.zero_();  // the caller's own
  EXPECT_GT(strategy->ask().abs().max().item<double>(), 0.0);
  generation(*strategy, sphere);
  EXPECT_EQ(strategy->generation(), 1);
  EXPECT_EQ(strategy->evaluations(), 12);
}

TEST_P(EveryStrategy, FindsTheBestCornerOfItsBounds) {
  EvolutionOptions options{.lower = std::vector<double>(kSize, -1.0), .upper = {2.0}};
  options.lower[0] = -INFINITY;
  const auto strategy = make(options);
  // Lowest at 5 beyond the upper bound of all but number 1, which is best inside, at 0.5.
  const auto f = [](Vector x) {
    double sum = std::pow(x[1] - 0.5, 2.0);
    for (size_t i = 0; i < x.size(); ++i) {
      if (i != 1) sum += std::pow(x[i] - 5.0, 2.0);
    }
    return sum;
  };
  for (int i = 0; i < 800; ++i) {
    const at::Tensor x = strategy->ask();
    ASSERT_LE(x.max().item<double>(), 2.0);
    ASSERT_GE(x.narrow(1, 1, kSize - 1).min().item<double>(), -1.0);
    strategy->tell(values_of(x, f));
  }
  at::Tensor expected = at::full({kSize}, 2.0, at::kDouble);
  expected[1] = 0.5;
  EXPECT_LT(max_difference(strategy->best(), expected), 1e-3);
  EXPECT_LT(max_difference(strategy->mean(), expected), 1e-3);
}

TEST_P(EveryStrategy, RefusesValuesThatDoNotFit) {
  const auto strategy = make(), untouched = make();
  std::vector<double> values(12, 1.0);
  values[3] = NAN;
  EXPECT_THAT(input_error([&] { strategy->tell(values); }),
              AllOf(HasSubstr("candidate 3 of generation 0"), HasSubstr("NaN")));
  values.pop_back();
  EXPECT_THAT(input_error([&] { strategy->tell(values); }), HasSubstr("11 values, expected 12"));
  EXPECT_EQ(strategy->generation(), 0);
  EXPECT_TRUE(strategy->ask().equal(untouched->ask()));
  // Infinite ones have a rank.
  values.assign(12, INFINITY);
  values[7] = 2.0;
  const at::Tensor seventh = strategy->ask()[7];
  strategy->tell(values);
  EXPECT_TRUE(strategy->best().equal(seventh));
  EXPECT_EQ(strategy->best_value(), 2.0);
}

TEST_P(EveryStrategy, SaysWhenToStop) {
  const auto small = make({.tolerance_x = 0.05});
  while (small->stop_reason().empty()) {
    generation(*small, sphere);
    ASSERT_LT(small->generation(), 2000);
  }
  EXPECT_THAT(small->stop_reason(), HasSubstr("standard deviation is"));
  EXPECT_LT(small->largest_deviation(), 0.05 * 0.5);
  EXPECT_GT(small->largest_deviation(), 0.01 * 0.5);

  const auto flat = make();
  while (flat->stop_reason().empty()) {
    generation(*flat, [](Vector) { return 3.0; });
    ASSERT_LE(flat->generation(), 90);
  }
  EXPECT_EQ(flat->generation(), 10 + 30 * kSize / 12);
  EXPECT_THAT(flat->stop_reason(), HasSubstr("the values of 90 generations lie within 0"));

  const auto slope = make();
  while (slope->stop_reason().empty()) {
    generation(*slope, [](Vector x) { return x[0]; });
    ASSERT_LT(slope->generation(), 5000);
  }
  EXPECT_THAT(slope->stop_reason(), HasSubstr("grew to"));
}

TEST(CmaEs, DirectionsOfTheAxesDoNotCount) {
  const Function turned = rotated(ellipsoid, rotation(10));
  std::vector<int64_t> straight_counts, turned_counts;
  for (uint64_t seed = 1; seed <= 9; ++seed) {
    straight_counts.push_back(evaluations({}, ones(10), ellipsoid, seed));
    turned_counts.push_back(evaluations({}, ones(10), turned, seed));
  }
  EXPECT_NEAR(median(turned_counts) / median(straight_counts), 1.0, 0.15);
}

TEST(SepCmaEs, LearnsScalesAndNoDirections) {
  const Function turned = rotated(ellipsoid, rotation(20));
  const int64_t straight = evaluations({.method = "sep-cma-es"}, ones(20), ellipsoid, 1);
  EXPECT_GT(evaluations({.method = "sep-cma-es"}, ones(20), turned, 1, 10 * straight),
            9 * straight);
  EXPECT_LT(straight, evaluations({}, ones(20), ellipsoid, 1) / 2);
}

TEST(Bounds, AreTheIdentityInsideAndReflectOutside) {
  // The margins are 0.05 at 0 and 0.25 at 4.
  const Bounds bounds({0.0}, {4.0}, 6);
  const at::Tensor x = at::tensor({0.05, 1.0, 3.75, -0.05, 4.25, 2.0}, at::kDouble);
  const at::Tensor expected = at::tensor({0.05, 1.0, 3.75, 0.0, 4.0, 2.0}, at::kDouble);
  EXPECT_LT(max_difference(bounds.inside(x), expected), 1e-12);
  // The period is twice 4 + 0.05 + 0.25.
  EXPECT_LT(max_difference(bounds.inside(x + 8.6), expected), 1e-12);
  EXPECT_LT(max_difference(bounds.inside(-0.1 - x), expected), 1e-12);
  EXPECT_LT(max_difference(bounds.inside(bounds.outside(expected)), expected), 1e-12);
  // Smooth: the slope is 1 where the margin begins and 1/2 in its middle.
  const at::Tensor step = at::full({6}, 1e-6, at::kDouble);
  const auto slope = [&](double at) {
    const at::Tensor here = at::full({6}, at, at::kDouble);
    return ((bounds.inside(here + step) - bounds.inside(here)) / step)[0].item<double>();
  };
  EXPECT_NEAR(slope(0.05 - 1e-6), 1.0, 1e-4);
  EXPECT_NEAR(slope(0.0), 0.5, 1e-4);
  EXPECT_NEAR(slope(4.0), 0.5, 1e-4);

  const Bounds below({}, {1.0, INFINITY}, 2);
  EXPECT_TRUE(below.inside(at::tensor({-50.0, 1e6}, at::kDouble))
                  .equal(at::tensor({-50.0, 1e6}, at::kDouble)));
  EXPECT_LT(below.inside(at::tensor({3.0, 3.0}, at::kDouble))[0].item<double>(), 0.0);
}

TEST(EvolutionStrategies, RefuseOptionsThatDoNotFit) {
  const auto refuse = [](EvolutionOptions options, const at::Tensor& start = ones(8)) {
    return input_error([&] { make_evolution_strategy(options, start, 1); });
  };
  EXPECT_THAT(refuse({.initial_sigma = 0.0}), HasSubstr("initial sigma of 0"));
  EXPECT_THAT(refuse({.initial_sigma = -1.0}), HasSubstr("initial sigma of -1"));
  EXPECT_THAT(refuse({.initial_sigma = NAN}), HasSubstr("initial sigma of nan"));
  EXPECT_THAT(refuse({.population = 3}), HasSubstr("population of 3, expected at least 4"));
  EXPECT_THAT(refuse({.method = "cma"}), HasSubstr("evolution strategy 'cma'"));
  EXPECT_THAT(refuse({.method = "lm-ma-es"}), HasSubstr("8 numbers and a population of 10"));
  EXPECT_THAT(refuse({.lower = {0.0, 0.0}}), HasSubstr("2 lower bounds, expected 1 for all or 8"));
  EXPECT_THAT(refuse({.lower = {2.0}, .upper = {2.0}}), HasSubstr("bounds [2, 2] of number 0"));
  EXPECT_THAT(refuse({.lower = {2.0}}), HasSubstr("number 0 starts at 1"));
  EXPECT_THAT(refuse({}, ones(8) / 0.0), HasSubstr("not finite"));
  EXPECT_THAT(refuse({}, at::ones({2, 4})), HasSubstr("shape [2, 4]"));
  EXPECT_THAT(refuse({}, at::empty({0})), HasSubstr("shape [0]"));
  EXPECT_THAT(refuse({.tolerance_x = -1.0}), HasSubstr("tolerances -1"));
}

}  // namespace
}  // namespace reverie
