#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/spec.h"
#include "envs/env.h"
#include "envs/env_lane.h"

namespace reverie {

// Results of B environments, in the order in which they were done. Views stay valid until the next
// recv() or reset().
struct AsyncStep : VectorStep {     // rows [B]; episodes go on as in AutoReset::kSameStep
  std::span<const int64_t> env_id;  // [B] which environment each row is of
};

// N environments that are not stepped together. Actions are sent to some of them, and recv()
// returns the first B results, so that a slow step (a new race track, a crash of many bodies)
// delays no other environment. As in EnvPool (Weng et al. 2022).
//
//   env.reset(seed);                      // all N are under way
//   for (;;) {
//     const AsyncStep step = env.recv();  // B of them have arrived
//     env.send(actions_for(step.obs), step.env_id);
//   }
//
// Each environment's episodes equal those of a ThreadedVectorEnv with the same seed and actions,
// for any number of threads; the order of arrival is not fixed. send() and recv() allocate nothing,
// except when an episode ends (its metrics).
//
// A worker steps into a row of its own and copies it into the block when it is done. If rows of the
// block were assigned before, the block would wait for the slowest.
//
// Use it from one thread, which is not one of the workers.
class AsyncVectorEnv {
 public:
  // Creates `threads` workers, at most one for each environment. Throws Error for num_envs or
  // threads < 1, a batch outside [1, num_envs], a CPU that the system refuses, and any AutoReset
  // other than kSameStep.
  AsyncVectorEnv(const EnvMaker& make, const VectorEnvOptions& options);
  ~AsyncVectorEnv();  // waits for the running steps
  AsyncVectorEnv(const AsyncVectorEnv&) = delete;
  AsyncVectorEnv& operator=(const AsyncVectorEnv&) = delete;

  const EnvSpec& spec() const { return lanes_.front().env->spec(); }
  int64_t num_envs() const { return static_cast<int64_t>(lanes_.size()); }
  int64_t batch() const { return batch_; }
  int threads() const { return static_cast<int>(threads_.size()); }

  // Waits for the running steps, discards their results, and starts episode number 0 in all
  // environments. Their first observations arrive through recv(), with reward 0.
  void reset(uint64_t seed);

  // Starts the next episode of these environments, which must not be under way: after a failure, or
  // to abandon an episode. Throws as send() does.
  void reset_envs(std::span<const int64_t> env_ids, uint64_t seed);

  // Environment env_ids[k] takes the action in row k. The actions are copied. Throws Error(kInput)
  // that names the environment, before anything is sent, for a bad action or id, for one that is
  // under way already and for one that failed.
  void send(ConstFieldView actions, std::span<const int64_t> env_ids);

  // Waits for the next B results. Throws Error(kInput) when fewer are under way. Throws Error(kRun)
  // that names environment, seed and step once for each simulator that failed; it is no longer
  // under way and needs reset_envs(). The results of the others arrive with the next recv().
  AsyncStep recv();

 private:
  // A queue of environments that wait for a worker, in the order they were sent. The caller pushes,
  // workers take. An environment is in at most one queue, so a queue with one slot for each
  // environment it is home to never overflows.
  class alignas(64) Queue {
   public:
    explicit Queue(size_t size) : slots_(size) {}
    void push(size_t env);
    bool take(size_t& env);

   private:
    std::vector<std::atomic<size_t>> slots_;  // a ring
    std::atomic<uint64_t> first_{0};
    alignas(64) std::atomic<uint64_t> end_{0};
  };

  // B rows of results.
  struct Block {
    Block(std::span<const Field> fields, int64_t batch);
    FieldRows obs, final_obs;
    std::vector<double> reward;
    std::vector<uint8_t> terminated, truncated;
    std::vector<int64_t> env_id;
    std::vector<Episode> episodes;  // [B] where one ended
    std::vector<Episode> finished;
    alignas(64) std::atomic<int64_t> filled{0};  // rows
  };

  // The data of one worker: the environments it is the home of, the row it steps into, the last
  // observation of an ended episode, and the number of commands it has carried out.
  struct Worker {
    Worker(std::span<const Field> fields, size_t num_envs)
        : queue(num_envs), obs(fields, 1), final_obs(fields, 1) {}
    Queue queue;
    FieldRows obs, final_obs;
    alignas(64) std::atomic<uint64_t> completed{0};
  };

  // Marks environments as under way, or throws and marks none.
  void mark_under_way(std::string_view what, std::span<const int64_t> env_ids, bool failed_too);
  void dispatch(std::span<const int64_t> env_ids);
  void worker_loop(size_t self);
  bool take(size_t self, size_t& env);
  void work(size_t env, const Worker& worker);
  void deliver(size_t env, const Worker& worker, const StepResult& result, Episode* episode);
  void rethrow_failure();
  void wait_for_all();
  void stop();

  std::vector<EnvLane> lanes_;
  std::vector<Field> fields_;
  Field action_field_;
  int64_t batch_;
  std::vector<std::byte> action_memory_;  // [N] rows
  std::vector<uint8_t> starting_;         // [N] begin an episode instead of a step
  std::vector<uint64_t> start_seed_;      // [N] seed of the run that each belongs to
  uint64_t seed_ = 0;

  // The caller's own.
  std::vector<uint8_t> under_way_;  // [N] sent and not yet received
  int64_t num_under_way_ = 0;
  uint64_t sent_ = 0;      // total
  uint64_t received_ = 0;  // blocks
  bool holding_ = false;   // the previous block has been handed out
  bool started_ = false;

  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Block>> blocks_;  // a ring
  std::mutex failures_mutex_;
  std::vector<size_t> failures_;  // environments whose failure was not thrown yet
  std::atomic<bool> stopping_{false};
  // Each on its own cache line: some threads write one while others read its neighbour.
  alignas(64) std::atomic<uint32_t> dispatched_{0};  // changes when something was sent
  alignas(64) std::atomic<uint64_t> next_row_{0};    // of all blocks, since reset()
  alignas(64) std::atomic<uint32_t> news_{0};        // changes with a full block and with a failure
  std::atomic<bool> failed_{false};                  // failures_ is not empty
  std::vector<std::thread> threads_;
};

}  // namespace reverie
