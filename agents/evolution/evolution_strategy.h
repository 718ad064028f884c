#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/evolution/bounds.h"
#include "core/config.h"

namespace reverie {

class StateList;

// Evolution strategies: search without gradients for the n numbers x that make f(x) smallest or
// largest. A strategy draws candidates from a normal distribution, learns only the order of their
// values, and moves and reshapes the distribution towards the best half:
//
//   cma-es      covariance matrix adaptation, for up to about a thousand numbers: O(n^2) memory,
//   and
//               O(n^3) time every few generations (cma_es.h)
//   sep-cma-es  with a diagonal matrix, which learns 10 to 100 times faster where numbers matter
//               independently: O(n) (sep_cma_es.h)
//   lm-ma-es    with 4 + 3 ln n directions in the place of the matrix, for up to millions of
//               numbers that depend on each other: O(n log n) (lm_ma_es.h)
//
// Since only ranks count, values may be transformed by any increasing function without changing
// what is drawn; they may be infinite but not NaN.
//
// Letters: n numbers, L candidates in a generation.
struct EvolutionOptions {
  std::string method = "cma-es";
  int64_t population = 0;  // L, at least 4; 0 = 4 + floor(3 ln n)

  // The standard deviation of the first generation, in the units of x. The solution should lie
  // within about 3 sigma of the start in each number.
  double initial_sigma = 0.5;

  // Whether the largest value is the best one, such as a return, or the smallest.
  bool maximize = false;

  // Bounds of x, inclusive: none, one for all numbers, or one for each; they may be infinite. The
  // strategy itself stays unbounded: numbers beyond are reflected, and close to a bound b, within
  // (1 + |b|) / 20, they are squared, so that an optimum at a bound looks like any other one
  // (pycma's BoundTransform).
  std::vector<double> lower = {}, upper = {};

  // When stop_reason() says that going on is pointless (Hansen 2016, section B.3).
  double tolerance_x = 1e-12;      // largest standard deviation, as a fraction of initial_sigma
  double tolerance_value = 1e-12;  // range of the latest values; 0: only equal ones

  // Flags --evolution, --population, --initial-sigma. A caller knows whether it maximises.
  void describe(ConfigFields& fields);
};

// Ask for candidates, evaluate them, tell their values:
//
//   while (strategy->stop_reason().empty()) {
//     const at::Tensor x = strategy->ask();
//     strategy->tell(values_of(x));
//   }
//
// All arithmetic is in double on the CPU. Generation g draws from its own generator, seeded by
// mix_seed({seed, g}), so a strategy that is restored at any moment, even between ask() and tell(),
// continues bit by bit.
class EvolutionStrategy {
 public:
  virtual ~EvolutionStrategy() = default;
  EvolutionStrategy(const EvolutionStrategy&) = delete;
  EvolutionStrategy& operator=(const EvolutionStrategy&) = delete;

  // The candidates of this generation, one a row: [L, n] float64. The same until tell().
  at::Tensor ask();

  // The values of the candidates, in the order of ask(): [L]. Equal values rank by their order.
  // Throws Error(kInput), and changes nothing, for another number of values and for NaN.
  void tell(std::span<const double> values);

  // The centre of the distribution, within the bounds: [n] float64. Where values are noisy, as
  // returns of a few episodes are, it is a better solution than any candidate.
  at::Tensor mean() const;

  // The best candidate so far [n] and its value; before the first tell(), the start and the worst
  // possible value. Where values are noisy it is the luckiest one.
  at::Tensor best() const { return best_.clone(); }
  double best_value() const { return best_value_; }

  double sigma() const { return sigma_; }             // the overall step size
  int64_t generation() const { return generation_; }  // complete ones
  int64_t evaluations() const { return generation_ * population_; }
  int64_t population() const { return population_; }  // L
  int64_t size() const { return mean_.size(0); }      // n

  // The largest standard deviation of one number.
  double largest_deviation() const { return sigma_ * largest_scale(); }

  // Why going on is pointless, for people: "the values are equal", ...; "" while it is not.
  //
  // - the largest standard deviation is below tolerance_x initial_sigma, or 1e4 times what it was
  // - the best values of the last 10 + 30 n / L generations (1000 at most) and all values of the
  //   latest one lie within tolerance_value of each other
  // - a step of 0.2 standard deviations does not change a number of the mean
  // - the condition number of the covariance matrix exceeds 1e14
  std::string stop_reason() const;

  // Lists everything that later generations depend on, for learning.
  void state(StateList& list);

 protected:
  // Throws Error(kInput) for options out of range and a start that is not a finite vector.
  EvolutionStrategy(const EvolutionOptions& options, const at::Tensor& start, uint64_t seed);

  // The steps y [L, n] from the mean, in units of sigma, that the strategy makes of the standard
  // normal numbers z_.
  virtual at::Tensor shape() const = 0;

  // Adapts mean_, sigma_ and the strategy's own distribution to the steps z_ and y_. order: their
  // rows, the best one first.
  virtual void adapt(std::span<const int64_t> order) = 0;

  // The largest standard deviation of one number, and of each [n], in units of sigma.
  virtual double largest_scale() const = 0;
  virtual at::Tensor scales() const = 0;

  // The condition number of the covariance matrix; 1 where it is not known.
  virtual double condition() const { return 1.0; }

  // The strategy's own tensors.
  virtual void list_state(StateList& list) = 0;

  at::Tensor mean_;  // [n] float64, unbounded
  double sigma_;
  at::Tensor z_, y_;  // of this generation: [L, n] float64; undefined before ask()

 private:
  bool is_better(double a, double b) const;

  EvolutionOptions options_;
  Bounds bounds_;
  int64_t population_;
  int64_t seed_;
  int64_t generation_ = 0;
  at::Tensor candidates_;  // of the current generation; undefined before ask()
  at::Tensor best_;        // [n]
  double best_value_;
  at::Tensor history_;   // ring of the generations' best values, 0 where there is none yet
  double latest_range_;  // of the values of the latest generation
};

// "cma-es", "sep-cma-es", "lm-ma-es".
std::vector<std::string> evolution_methods();

// start: [n], of any floating-point type: the mean of the first generation. Throws Error(kInput)
// for an unknown method, options out of range, bounds that do not fit the start and for a start
// that is outside of them or not finite.
std::unique_ptr<EvolutionStrategy> make_evolution_strategy(const EvolutionOptions& options,
                                                           const at::Tensor& start, uint64_t seed);

}  // namespace reverie
