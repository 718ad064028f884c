#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/tensor_map.h"

namespace reverie {

// Selects the stored observation whose achieved goal becomes the goal of a transition at step t.
enum class GoalStrategy : uint8_t {
  kFinal,      // the episode's last
  kFuture,     // uniform over the episode's observations after t
  kGeometric,  // t + d, P(d) = (1 - g) g^(d-1), d >= 1; the last one if d goes beyond it
  kRandom,     // uniform over all stored observations, of any episode
};

// Parses "final", "future", "geometric" or "random". Throws Error(kInput) that lists them for
// another name.
GoalStrategy parse_goal_strategy(std::string_view name);

// The reward and end of a step when another goal is pursued.
struct GoalOutcome {
  double reward = 0.0;
  bool terminated = false;
};

// achieved: the goal achieved by the observation after the step, as stored (float32 instead of
// float64); terminated: as recorded.
using GoalOutcomeFn = std::function<GoalOutcome(std::span<const double> achieved,
                                                std::span<const double> desired, bool terminated)>;

// Hindsight relabelling (Andrychowicz et al. 2017, arXiv:1707.01495): with probability `ratio` a
// transition gets a goal that was achieved elsewhere, with the rewards and end of `outcome`. The
// other transitions stay as recorded.
struct GoalSpec {
  GoalStrategy strategy = GoalStrategy::kFuture;
  double ratio = 0.8;  // [0, 1]
  // The share of these goals that kRandom draws instead, [0, 1]: goals beyond what one episode
  // reaches, whose values are bootstrapped (Park et al. 2024, OGBench, arXiv:2410.20092, appendix).
  double random_share = 0.0;
  double geometric_gamma = 0.99;  // g of kGeometric, (0, 1)
  GoalOutcomeFn outcome = {};
  std::string achieved = "achieved_goal";  // fields of the observation, of equal size
  std::string desired = "desired_goal";
};

// Which stored observation stands for the future of a transition at step t. Where no known one
// follows t, it is the transition's own.
struct FutureSpec {
  GoalStrategy strategy = GoalStrategy::kGeometric;
  double random_share = 0.0;      // of them that kRandom draws instead, [0, 1]
  double geometric_gamma = 0.99;  // g of kGeometric, (0, 1)
};

// What a learner samples.
struct SampleSpec {
  int64_t n_step = 1;   // rewards summed before the bootstrap, >= 1
  double gamma = 0.99;  // discount per environment step, [0, 1]

  // Sequences: steps to learn from, and earlier steps that only warm up a memory.
  int64_t length = 1;   // >= 1
  int64_t burn_in = 0;  // >= 0
  // Sequences hold the observations of every k-th step only, k = this value, a divisor of length
  // and burn_in, >= 1: a model of blocks of k actions needs no others. Actions, rewards and flags
  // are still those of every step.
  int64_t observation_stride = 1;

  // Sample in proportion to priority^alpha instead of uniformly; beta is the exponent of the
  // importance weights, [0, 1] (Schaul et al. 2016, arXiv:1511.05952).
  bool prioritized = false;
  double beta = 0.4;

  std::optional<GoalSpec> goals = {};

  bool next_action = false;  // also the actions that were taken at the next observations
  std::optional<FutureSpec> future = {};  // also observations of the future
};

// B transitions. Floating-point fields arrive as float32 on the learner's device, whatever dtype
// the environment declares; uint8 stays uint8. When a dataset lacks the final observation of a
// terminated episode, next_obs repeats obs; the discount there is 0.
struct Batch {
  TensorMap obs, next_obs;  // [B, ...]
  at::Tensor action;        // [B, A] float32, or [B] int64
  at::Tensor reward;        // [B] float32: sum over k < m of gamma^k r_k, m <= n_step
  at::Tensor discount;      // [B] float32: gamma^m, 0 where the episode terminated
  at::Tensor index;         // [B] int64: where the transition is stored
  at::Tensor weight = {};   // [B] float32, largest 1: importance weights; undefined if uniform
  // As action, taken at next_obs; and [B] float32, 1 where there was one, 0 at the end of an
  // episode or of what is stored, where next_action repeats action. Undefined unless asked for.
  at::Tensor next_action = {}, has_next_action = {};
  TensorMap future_obs = {};  // as obs, of the future; empty unless asked for
};

// B sequences of T = burn_in + length steps, each from one episode. In step t, action t was taken
// at obs t, gave reward t and led to obs t+1. There are T+1 observations, so the last one is
// included, even an episode's final one; dtypes as in Batch. With an observation stride k they are
// those of steps 0, k, 2k, .., T. All of them were observed: when a dataset lacks an episode's
// final observation, its last step is in no sequence.
//
// The last `length` steps are always real. Burn-in steps before the first stored step of the
// episode are padding: valid is false, the observation repeats the first one, and everything else
// is 0.
struct SequenceBatch {
  TensorMap obs;          // [B, T/k+1, ...]
  at::Tensor action;      // [B, T, A] float32, or [B, T] int64
  at::Tensor reward;      // [B, T] float32
  at::Tensor terminated;  // [B, T] bool; true in the last step at most
  at::Tensor truncated;   // [B, T] bool; likewise
  at::Tensor valid;       // [B, T] bool
};

// A source of transitions to sample from: the replay buffer or a dataset.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // Samples `batch` transitions with replacement. Throws Error when none is stored or when the
  // source lacks what the spec asks for. Reads n_step, gamma, prioritized, beta, goals,
  // next_action and future.
  virtual Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const = 0;

  // Samples `batch` sequences with replacement, uniformly over all runs of `length` consecutive
  // steps of one episode whose observations are known. Throws Error that names the longest
  // available length when there is no such run. Reads length, burn_in and observation_stride. The
  // default implementation has none and throws.
  virtual SequenceBatch sample_sequences(int64_t batch, const SampleSpec& spec, Rng& rng) const;
};

}  // namespace reverie
