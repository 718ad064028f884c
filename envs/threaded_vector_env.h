#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/spec.h"
#include "envs/env.h"
#include "envs/env_lane.h"
#include "envs/thread_pool.h"
#include "envs/vector_env.h"

namespace reverie {

// N simulators that are stepped together on a thread pool.
//
// Environment i starts its k-th episode with the seed mix_seed({seed, i, k}), or the one from
// VectorEnvOptions::episode_seeds, so the results are the same for any number of threads. AutoReset
// decides what follows the end of an episode; in kNextStep and kOff `final_obs` is `obs`, which
// then holds the last observation. step() allocates nothing except when an episode ends (its
// metrics).
//
// A failure stays with its environment: the others finish the step, which last_step() shows, and
// keep their state. The failed one must be reset, by reset_envs() or together with all others,
// before the next step. See docs/vector_env.md.
class ThreadedVectorEnv final : public VectorEnv {
 public:
  // Throws Error for num_envs < 1, threads < 1, a CPU that the system refuses, or a batch of fewer
  // than all; threads beyond num_envs are not created. The thread that calls wait() counts as one
  // of `threads` and is not pinned.
  ThreadedVectorEnv(const EnvMaker& make, const VectorEnvOptions& options);
  ThreadedVectorEnv(const EnvMaker& make, int64_t num_envs, int threads)
      : ThreadedVectorEnv(make, VectorEnvOptions{.num_envs = num_envs, .threads = threads}) {}

  const EnvSpec& spec() const override { return lanes_.front().env->spec(); }
  int64_t num_envs() const override { return static_cast<int64_t>(lanes_.size()); }
  int threads() const { return pool_.threads(); }
  AutoReset autoreset() const { return autoreset_; }

  // Starts N new episodes, number 0 of each environment. Only `obs` of the result has meaning.
  VectorStep reset(uint64_t seed) override;

  // Starts the next episode of the environments whose mask is not 0. Their present episodes are
  // abandoned and not reported; the other environments stay as they are. mask: [N]. Only `obs` of
  // the result has meaning, for all environments. Later episodes use the seed of reset() again.
  VectorStep reset_envs(std::span<const uint8_t> mask, uint64_t seed);

  // Throws Error(kInput) that names the environment, before any has moved, for a bad action (in
  // kNextStep even an ignored one must be valid) and, in kOff, for an episode that has ended.
  void step_async(ConstFieldView actions) override;

  // Throws Error(kRun) that names environment, seed and step when a simulator failed.
  VectorStep wait() override;

  // The result of the last step or reset again. After a failure it holds the other environments'
  // results; the failed one's row has reward 0, no flags and a meaningless observation.
  VectorStep last_step() const;

  FieldViews observations() const override { return obs_.all(); }

  // The episodes that ended in the last step, in the order of their environments.
  std::span<const Episode> finished() const { return finished_; }

  const Env& env(int64_t i) const { return *lanes_.at(static_cast<size_t>(i)).env; }

  // For a ThreadedVectorEnv with the same environments, N and AutoReset.
  VectorEnvSnapshot snapshot() const override;
  void restore(const VectorEnvSnapshot& snapshot) override;

 private:
  // Runs `work` for the lanes 0 .. n-1 on the pool; an exception stays in its lane.
  template <void (ThreadedVectorEnv::*Work)(size_t)>
  void run(int64_t n);

  void start_lane(size_t i);
  void restart_chosen(size_t i);
  void restart_finished(size_t k);
  void step_lane(size_t i);
  void step_or_start_lane(size_t i);
  void clear_result(size_t i);
  void rethrow_failure() const;

  std::vector<EnvLane> lanes_;
  AutoReset autoreset_;
  std::vector<uint64_t> episode_seeds_;
  std::vector<Field> fields_;
  Field action_field_;
  FieldRows obs_, final_obs_;
  std::vector<double> reward_;
  std::vector<uint8_t> terminated_, truncated_;
  std::vector<Episode> finished_;
  std::vector<std::byte> action_memory_;  // N rows of the running step
  uint64_t seed_ = 0;
  uint64_t start_seed_ = 0;          // of episodes that begin now: seed_ except in reset_envs()
  std::span<const uint8_t> mask_;    // of the running reset_envs()
  std::atomic<bool> failed_{false};  // some lane holds an error
  bool stepping_ = false;
  bool started_ = false;
  ThreadPool pool_;  // last member: its threads stop before what they use is destroyed
};

}  // namespace reverie
