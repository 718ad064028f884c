#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/spec.h"
#include "envs/env.h"
#include "envs/thread_pool.h"

namespace reverie {

// An episode that has ended, as VectorEnv::finished() reports it.
struct Episode {
  int64_t env = 0;              // which of the N environments
  int64_t index = 0;            // how many that environment had finished before
  uint64_t seed = 0;            // Env::reset(seed) starts the same episode again
  double episode_return = 0.0;  // undiscounted sum of rewards
  int64_t length = 0;           // [steps]
  bool terminated = false;
  Metrics metrics;  // Env::metrics() at the end
};

// Everything a VectorEnv needs to continue where another one stopped.
struct VectorEnvSnapshot {
  std::vector<double> state;
  std::vector<uint8_t> observations;
};

// N environments of one kind, stepped together on a thread pool, as a structure of arrays.
//
// Environments reset themselves in the step that ends their episode: `obs` then holds the first
// observation of the new episode and `final_obs` the last one of the old. Environment i starts its
// k-th episode with the seed mix_seed({seed, i, k}), so the results are the same for any number of
// threads. Nothing is allocated by step() except where an episode ends (its metrics).
class VectorEnv {
 public:
  // Throws Error for num_envs < 1 or threads < 1; threads beyond num_envs are not created.
  VectorEnv(const EnvMaker& make, int64_t num_envs, int threads);

  const EnvSpec& spec() const { return envs_.front()->spec(); }
  int64_t num_envs() const { return static_cast<int64_t>(envs_.size()); }
  int threads() const { return pool_.threads(); }

  // Starts N new episodes. Only `obs` of the result has meaning.
  VectorStep reset(uint64_t seed);

  // Advances all environments by one step. actions: N rows of the action field. Throws
  // Error(kInput) that names the environment for a bad action, before any environment has moved;
  // Error(kRun) that names environment, seed and step where a simulator failed: the others have
  // advanced, and the whole needs reset().
  VectorStep step(ConstFieldView actions);

  // step() in two halves, for learning in between. At most one step is under way; state, snapshot
  // and views may be used only after wait(). The actions are copied.
  void step_async(ConstFieldView actions);
  VectorStep wait();

  // The current observations, [N, ...]: those that the next actions are chosen for.
  FieldViews observations() const { return obs_.views; }

  // The episodes that ended in the last step, in the order of their environments.
  std::span<const Episode> finished() const { return finished_; }

  const Env& env(int64_t i) const { return *envs_.at(static_cast<size_t>(i)); }

  // Between two steps: continue exactly (where the environments' state is exact) from there, in a
  // VectorEnv with the same environments and N. restore() throws Error when the sizes differ or the
  // numbers are no snapshot's; the whole then needs reset().
  VectorEnvSnapshot snapshot() const;
  void restore(const VectorEnvSnapshot& snapshot);

 private:
  // Memory for N rows of each observation field: the batch views, and N x F views of single rows.
  struct Columns {
    std::vector<std::vector<std::byte>> memory;
    std::vector<FieldView> views;
    std::vector<FieldView> rows;
    FieldViews row(size_t env, size_t fields) const { return {rows.data() + env * fields, fields}; }
  };
  struct Lane {  // one environment's episode so far
    uint64_t seed = 0;
    int64_t episode = 0;
    int64_t length = 0;
    double episode_return = 0.0;
    std::exception_ptr error;
  };

  Columns make_columns() const;
  void start_episode(size_t i);
  void step_one(size_t i);
  void note_failure(size_t i);  // the exception being handled
  void rethrow_failures();
  VectorStep result() const;

  std::vector<std::unique_ptr<Env>> envs_;
  std::vector<Field> fields_;
  Field action_field_;
  Columns obs_, final_obs_;
  std::vector<double> reward_;
  std::vector<uint8_t> terminated_, truncated_;
  std::vector<Lane> lanes_;
  std::vector<Episode> finished_;
  std::vector<std::byte> action_memory_;  // N rows of the step under way
  uint64_t seed_ = 0;
  std::atomic<bool> failed_{false};  // some lane holds an error
  bool stepping_ = false;
  bool started_ = false;
  ThreadPool pool_;  // last: its threads stop before what they use goes away
};

}  // namespace reverie
