#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "core/spec.h"
#include "envs/env.h"

namespace reverie {

// The common parts of ThreadedVectorEnv and AsyncVectorEnv: their options, the memory of their
// batches, and the book-keeping of one environment's episodes.

// What happens when an episode ends (the names are Gymnasium's).
enum class AutoReset : uint8_t {
  // The step that ends an episode also begins the next one: obs is the first observation of the new
  // episode, final_obs the last one of the old.
  kSameStep,
  // obs is the last observation of the old episode; the next step ignores that environment's action
  // and returns the first observation of the new one, with reward 0.
  kNextStep,
  // obs is the last observation; the caller decides when the next episode begins (reset_envs()).
  kOff,
};

struct VectorEnvOptions {
  int64_t num_envs = 1;
  int threads = 1;
  AutoReset autoreset = AutoReset::kSameStep;
  // CPUs for the created threads, used in turn; empty: the system places the threads.
  std::vector<int> cpus = {};
  int64_t batch = 0;  // rows that AsyncVectorEnv::recv() returns; 0 = num_envs
  // ThreadedVectorEnv: seeds of the first episodes, which override the seed of reset(). Entry k *
  // num_envs + i is for episode k of environment i. Later episodes get derived seeds again.
  std::vector<uint64_t> episode_seeds = {};
};

// Memory for `rows` rows of each field, initially zero, with views of all rows and of each row. No
// two fields or instances share a cache line, so that threads may write to different ones.
class FieldRows {
 public:
  FieldRows() = default;
  // The fields must outlive it.
  FieldRows(std::span<const Field> fields, int64_t rows);

  FieldViews all() const { return all_; }
  FieldViews row(size_t i) const { return {single_.data() + i * all_.size(), all_.size()}; }
  size_t bytes() const;

 private:
  std::vector<std::vector<std::byte>> memory_;  // [fields][rows * field bytes, and a cache line]
  std::vector<FieldView> all_;                  // [fields]
  std::vector<FieldView> single_;               // [rows * fields]
};

// Copies a row of each field; both have the same fields.
void copy_row(FieldViews from, FieldViews to);

// One environment and its current episode. It has its own cache lines, because each thread writes
// to its lanes in every step.
struct alignas(64) EnvLane {
  std::unique_ptr<Env> env;
  uint64_t seed = 0;    // of the episode
  int64_t episode = 0;  // its number
  int64_t length = 0;   // [steps]
  double episode_return = 0.0;
  bool ended = false;             // and the next has not begun
  std::exception_ptr error = {};  // what env threw; it needs a reset

  // Begins episode number `episode` of environment i with the seed mix_seed({seed, i, episode}).
  void start(uint64_t run_seed, size_t i, FieldViews obs);

  // Likewise with a given seed.
  void start_with(uint64_t episode_seed, FieldViews obs);

  StepResult step(ConstFieldView action, FieldViews obs) {
    const StepResult result = env->step(action, obs);
    episode_return += result.reward;
    ++length;
    return result;
  }

  // The report of the episode that has just ended.
  Episode report(size_t i, bool terminated) const;

  // Throws the stored `error` as an Error that names environment, seed and step.
  [[noreturn]] void rethrow(size_t i, int64_t num_envs) const;
};

// N new environments. Throws Error for num_envs < 1.
std::vector<EnvLane> make_lanes(const EnvMaker& make, int64_t num_envs);

// Calls check_action() for each row. The message names the environment: env_ids[row], or the row
// itself without env_ids.
void check_actions(const EnvSpec& spec, ConstFieldView actions, int64_t num_envs,
                   std::span<const int64_t> env_ids = {});

}  // namespace reverie
