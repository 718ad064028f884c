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

// Which observation of the stored ones lends its achieved goal to a transition at step t.
enum class GoalStrategy : uint8_t {
  kFinal,      // the episode's last
  kFuture,     // uniform over those after t
  kGeometric,  // t + d, P(d) = (1 - g) g^(d-1), d >= 1; the last one where d leads beyond it
  kRandom,     // uniform over all stored, of any episode
};

// "final", "future", "geometric", "random". Throws Error(kInput) that lists them for another name.
GoalStrategy parse_goal_strategy(std::string_view name);

// What a step brings when another goal is pursued.
struct GoalOutcome {
  double reward = 0.0;
  bool terminated = false;
};

// achieved: the goal achieved by the observation after the step, as it is stored (float32 where it
// was float64); terminated: as it was recorded.
using GoalOutcomeFn = std::function<GoalOutcome(std::span<const double> achieved,
                                                std::span<const double> desired, bool terminated)>;

// Hindsight relabelling (Andrychowicz et al. 2017, arXiv:1707.01495): each transition pursues, with
// probability `ratio`, a goal that was achieved elsewhere; its rewards and its end are then those
// of `outcome`. The others stay as they were recorded.
struct GoalSpec {
  GoalStrategy strategy = GoalStrategy::kFuture;
  double ratio = 0.8;             // [0, 1]
  double geometric_gamma = 0.99;  // g of kGeometric, (0, 1)
  GoalOutcomeFn outcome = {};
  std::string achieved = "achieved_goal";  // fields of the observation, of equal size
  std::string desired = "desired_goal";
};

// What a learner wants sampled.
struct SampleSpec {
  int64_t n_step = 1;   // rewards summed before the bootstrap, >= 1
  double gamma = 0.99;  // discount per environment step, [0, 1]

  // Sequences: steps learnt from, and steps before them that only warm a memory up.
  int64_t length = 1;   // >= 1
  int64_t burn_in = 0;  // >= 0
  // Sequences hold the observations of every k-th step only, k = this, a divisor of length and
  // burn_in, >= 1: a model of blocks of k actions looks at no others. Actions, rewards and flags
  // stay those of every step.
  int64_t observation_stride = 1;

  // Draw in proportion to priority^alpha instead of uniformly; beta is the exponent of the
  // importance weights, [0, 1] (Schaul et al. 2016, arXiv:1511.05952).
  bool prioritized = false;
  double beta = 0.4;

  std::optional<GoalSpec> goals = {};
};

// B transitions. Floating-point fields arrive as float32 on the learner's device, whatever dtype
// the environment declares; uint8 stays uint8. Where a dataset does not know what a terminated
// episode ended with, next_obs is obs once more; the discount there is 0.
struct Batch {
  TensorMap obs, next_obs;  // [B, ...]
  at::Tensor action;        // [B, A] float32, or [B] int64
  at::Tensor reward;        // [B] float32: sum over k < m of gamma^k r_k, m <= n_step
  at::Tensor discount;      // [B] float32: gamma^m, 0 where the episode terminated
  at::Tensor index;         // [B] int64: where the transition is stored
  at::Tensor weight = {};   // [B] float32, largest 1: importance weights; undefined where uniform
};

// B sequences of T = burn_in + length steps, each out of one episode. Step t: at obs t action t was
// taken, it brought reward t and led to obs t+1. There are T+1 observations, so the last one, an
// episode's final one too, is there; dtypes as in Batch. With an observation stride k there are
// those of steps 0, k, 2k, .., T. All of them were seen: where a dataset does not know what an
// episode ended with, its last step is in no sequence.
//
// The last `length` steps are always real. Burn-in steps before the first stored step of the
// episode are padding: valid is false, the observation repeats the first, all else is 0.
struct SequenceBatch {
  TensorMap obs;          // [B, T/k+1, ...]
  at::Tensor action;      // [B, T, A] float32, or [B, T] int64
  at::Tensor reward;      // [B, T] float32
  at::Tensor terminated;  // [B, T] bool; true in the last step at most
  at::Tensor truncated;   // [B, T] bool; likewise
  at::Tensor valid;       // [B, T] bool
};

// Anything that transitions can be drawn from: the replay buffer, a dataset.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // Draws `batch` transitions with replacement. Throws Error when none is stored or the spec asks
  // for what the source does not have. Reads n_step, gamma, prioritized, beta and goals.
  virtual Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const = 0;

  // Draws `batch` sequences, uniformly over all places where `length` steps of one episode, between
  // observations that are known, follow each other, with replacement. Throws Error, with the
  // longest length there is, when there is no such place. Reads length, burn_in and
  // observation_stride. The default has none and throws.
  virtual SequenceBatch sample_sequences(int64_t batch, const SampleSpec& spec, Rng& rng) const;
};

}  // namespace reverie
