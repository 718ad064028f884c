#include "agents/evolution/evolution_strategy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/ranges.h>

#include "agents/evolution/cma_constants.h"
#include "agents/evolution/cma_es.h"
#include "agents/evolution/lm_ma_es.h"
#include "agents/evolution/sep_cma_es.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Limits of stop_reason() that nobody needs to change.
constexpr double kLargestGrowth = 1e4;
constexpr double kLargestCondition = 1e14;
constexpr int64_t kLongestHistory = 1000;

using Method = std::unique_ptr<EvolutionStrategy> (*)(const EvolutionOptions&, const at::Tensor&,
                                                      uint64_t);
const std::vector<std::pair<std::string, Method>> kMethods = {
    {"cma-es", &make_cma_es}, {"sep-cma-es", &make_sep_cma_es}, {"lm-ma-es", &make_lm_ma_es}};

std::span<const double> values_of(const at::Tensor& vector) {
  return {vector.const_data_ptr<double>(), static_cast<size_t>(vector.numel())};
}

}  // namespace

void EvolutionOptions::describe(ConfigFields& f) {
  f.add("evolution", method, "evolution strategy", evolution_methods());
  f.add("population", population,
        "candidates in a generation, at least 4; 0 = 4 + 3 ln n of n parameters",
        between(0, 1 << 20));
  f.add("initial_sigma", initial_sigma, "standard deviation of the first generation", above(0));
}

EvolutionStrategy::EvolutionStrategy(const EvolutionOptions& options, const at::Tensor& start,
                                     uint64_t seed)
    : sigma_(options.initial_sigma),
      options_(options),
      bounds_(options.lower, options.upper, start.numel()),
      seed_(static_cast<int64_t>(seed)),
      best_value_(options.maximize ? -kInfinity : kInfinity),
      latest_range_(kInfinity) {
  REVERIE_CHECK(start.dim() == 1 && start.size(0) >= 1 && start.is_floating_point(),
                "evolution: a start of shape {}, expected a vector of floating-point numbers",
                start.sizes().vec());
  mean_ = start.detach().to(at::kCPU, at::kDouble).clone();
  const int64_t n = size();
  REVERIE_CHECK(at::isfinite(mean_).all().item<bool>(),
                "evolution: a start with numbers that are not finite");
  REVERIE_CHECK(std::isfinite(sigma_) && sigma_ > 0.0,
                "evolution: an initial sigma of {}, expected a finite number above 0", sigma_);
  population_ = options.population == 0 ? CmaConstants::default_population(n) : options.population;
  REVERIE_CHECK(population_ >= 4, "evolution: a population of {}, expected at least 4, or 0 = {}",
                population_, CmaConstants::default_population(n));
  REVERIE_CHECK(options.tolerance_x >= 0.0 && options.tolerance_value >= 0.0,
                "evolution: tolerances {} of x and {} of values, expected none below 0",
                options.tolerance_x, options.tolerance_value);
  best_ = mean_.clone();
  mean_ = bounds_.outside(mean_);
  const double window =
      10.0 + std::ceil(30.0 * static_cast<double>(n) / static_cast<double>(population_));
  history_ = at::full({std::min(static_cast<int64_t>(window), kLongestHistory)}, 0.0, at::kDouble);
}

at::Tensor EvolutionStrategy::ask() {
  if (candidates_.defined()) return candidates_.clone();
  const at::NoGradGuard no_grad;
  Rng rng(mix_seed({static_cast<uint64_t>(seed_), static_cast<uint64_t>(generation_)}));
  z_ = at::empty({population_, size()}, at::kDouble);
  rng.fill_normal(
      std::span<double>(z_.mutable_data_ptr<double>(), static_cast<size_t>(z_.numel())));
  y_ = shape();
  candidates_ = bounds_.inside(mean_ + sigma_ * y_);
  return candidates_.clone();
}

void EvolutionStrategy::tell(std::span<const double> values) {
  REVERIE_CHECK(values.size() == static_cast<size_t>(population_),
                "evolution: {} values, expected {}, one for each candidate", values.size(),
                population_);
  for (size_t k = 0; k < values.size(); ++k) {
    REVERIE_CHECK(!std::isnan(values[k]),
                  "evolution: the value of candidate {} of generation {} is NaN, expected a number",
                  k, generation_);
  }
  ask();  // after a restart the draws are not there yet
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto value = [&](int64_t k) { return values[static_cast<size_t>(k)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return is_better(value(a), value(b)); });
  const double best = value(order.front()), worst = value(order.back());
  if (is_better(best, best_value_)) {
    best_value_ = best;
    best_.copy_(candidates_[order.front()]);
  }
  latest_range_ = best == worst ? 0.0 : std::fabs(best - worst);
  history_[generation_ % history_.size(0)] = best;
  const at::NoGradGuard no_grad;
  adapt(order);
  const bool is_finite = at::isfinite(mean_).all().item<bool>();
  REVERIE_CHECK_RUN(std::isfinite(sigma_) && sigma_ > 0.0 && is_finite,
                    "evolution: no finite distribution is left after {} generations, the step size "
                    "is {}; another initial sigma may be better",
                    generation_ + 1, sigma_);
  ++generation_;
  candidates_.reset();
}

at::Tensor EvolutionStrategy::mean() const { return bounds_.inside(mean_); }

bool EvolutionStrategy::is_better(double a, double b) const {
  return options_.maximize ? a > b : a < b;
}

std::string EvolutionStrategy::stop_reason() const {
  if (generation_ == 0) return "";
  const double deviation = largest_deviation();
  if (deviation < options_.tolerance_x * options_.initial_sigma) {
    return fmt::format("the largest standard deviation is {:.2g}", deviation);
  }
  if (deviation > kLargestGrowth * options_.initial_sigma) {
    return fmt::format(
        "the largest standard deviation grew to {:.2g}: a larger initial sigma may "
        "be better, or the values have no optimum",
        deviation);
  }
  if (condition() > kLargestCondition) {
    return fmt::format("the condition number of the covariance matrix is {:.2g}", condition());
  }
  if (generation_ >= history_.size(0)) {
    const auto [low, high] = std::ranges::minmax(values_of(history_));
    const double range = std::max(low == high ? 0.0 : high - low, latest_range_);
    if (range <= options_.tolerance_value) {
      return fmt::format("the values of {} generations lie within {:.2g}", history_.size(0), range);
    }
  }
  if ((mean_ == mean_ + 0.2 * sigma_ * scales()).any().item<bool>()) {
    return "steps are smaller than the rounding of a number";
  }
  return "";
}

void EvolutionStrategy::state(StateList& list) {
  list.add_learning("mean", mean_);
  list.add("sigma", sigma_);
  list.add("seed", seed_);
  list.add("generation", generation_);
  list.add_learning("best", best_);
  list.add("best_value", best_value_);
  list.add_learning("history", history_);
  list.add("latest_range", latest_range_);
  list_state(list);
  list.after_load([this] { candidates_.reset(); });
}

std::vector<std::string> evolution_methods() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kMethods) names.push_back(name);
  return names;
}

std::unique_ptr<EvolutionStrategy> make_evolution_strategy(const EvolutionOptions& options,
                                                           const at::Tensor& start, uint64_t seed) {
  for (const auto& [name, make] : kMethods) {
    if (name == options.method) return make(options, start, seed);
  }
  fail_unknown_name("evolution strategy", options.method, evolution_methods());
}

}  // namespace reverie
