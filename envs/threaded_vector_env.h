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

// N simulators, stepped together on a thread pool.
//
// Environment i starts its k-th episode with the seed mix_seed({seed, i, k}), or the one that
// VectorEnvOptions::episode_seeds gives, so the results are the same for any number of threads.
// Where an episode ends, what follows is AutoReset's; in kNextStep and kOff `final_obs` is `obs`,
// which holds the last observation there. Nothing is allocated by step() except where an episode
// ends (its metrics).
//
// A failure stays with its environment: the others finish the step, which last_step() shows, and
// keep their state. The failed one has to be reset, by reset_envs() or with all the others, before
// the next step. docs/vector_env.md
class ThreadedVectorEnv final : public VectorEnv {
 public:
  // Throws Error for num_envs < 1, threads < 1, a CPU that the system refuses, or a batch of fewer
  // than all; threads beyond num_envs are not created. The thread that calls wait() is one of
  // `threads` and stays on the CPUs where it is.
  ThreadedVectorEnv(const EnvMaker& make, const VectorEnvOptions& options);
  ThreadedVectorEnv(const EnvMaker& make, int64_t num_envs, int threads)
      : ThreadedVectorEnv(make, VectorEnvOptions{.num_envs = num_envs, .threads = threads}) {}

  const EnvSpec& spec() const override { return lanes_.front().env->spec(); }
  int64_t num_envs() const override { return static_cast<int64_t>(lanes_.size()); }
  int threads() const { return pool_.threads(); }
  AutoReset autoreset() const { return autoreset_; }

  // Starts N new episodes, each environment's number 0. Only `obs` of the result has meaning.
  VectorStep reset(uint64_t seed) override;

  // Starts the next episode of the environments whose mask is not 0, wherever they are in the
  // present one, which is not reported; the others stay as they are. mask: [N]. Only `obs` of the
  // result has meaning, and all that of the others. Later episodes follow the seed of reset()
  // again.
  VectorStep reset_envs(std::span<const uint8_t> mask, uint64_t seed);

  // Before any has moved, throws Error(kInput) that names the environment for a bad action (in
  // kNextStep an ignored one must be good, too) and, in kOff, for an episode that has ended.
  void step_async(ConstFieldView actions) override;

  // Throws Error(kRun) that names environment, seed and step where a simulator failed.
  VectorStep wait() override;

  // The result of the last step or reset again. After a failure it holds what the other
  // environments did; the failed one's row has reward 0, no flags and no observation of use.
  VectorStep last_step() const;

  FieldViews observations() const override { return obs_.all(); }

  // The episodes that ended in the last step, in the order of their environments.
  std::span<const Episode> finished() const { return finished_; }

  const Env& env(int64_t i) const { return *lanes_.at(static_cast<size_t>(i)).env; }

  // In a ThreadedVectorEnv with the same environments, N and AutoReset.
  VectorEnvSnapshot snapshot() const override;
  void restore(const VectorEnvSnapshot& snapshot) override;

 private:
  // Runs `work` for the lanes 0 .. n-1 on the pool; what it throws stays in that lane.
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
  std::vector<std::byte> action_memory_;  // N rows of the step under way
  uint64_t seed_ = 0;
  uint64_t start_seed_ = 0;          // of episodes that begin now: seed_ but in reset_envs()
  std::span<const uint8_t> mask_;    // of the reset_envs() under way
  std::atomic<bool> failed_{false};  // some lane holds an error
  bool stepping_ = false;
  bool started_ = false;
  ThreadPool pool_;  // last: its threads stop before what they use goes away
};

}  // namespace reverie
