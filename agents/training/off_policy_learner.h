#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <ATen/core/TensorBody.h>

#include "agents/run_config.h"
#include "core/random.h"
#include "nn/checkpoint.h"
#include "replay/batch_stream.h"
#include "replay/replay_buffer.h"

namespace reverie {

// An off-policy agent with its replay buffer: chooses actions for N environments and learns from
// what came of them. Who steps the environments calls, after start(),
//
//   choose_actions(), learn() while or after they step, add()
//
// and the learner is then a function of its config and of what the environments show.
class OffPolicyLearner {
 public:
  // Reads [training] and [agent], seed and device of the config. Throws Error as
  // AgentConfig::make() and ReplayBuffer do.
  OffPolicyLearner(const RunConfig& config, const EnvSpec& spec, int64_t num_envs);

  // The first observations of all environments, [N, ...].
  void start(FieldViews obs);

  // obs: [N, ...]. Returns [N, A] on the CPU: uniform before `learning_starts` steps, exploring
  // from then on. Throws Error(kRun) when they are not finite.
  at::Tensor choose_actions(FieldViews obs);

  // The updates that the steps stored so far have earned.
  void learn();

  // Stores what came of the actions and earns updates.
  void add(ConstFieldView actions, const VectorStep& step);

  // Throws Error(kRun) when a loss of the last update is not finite.
  void check_losses() const;

  // What errors about numbers that are not finite add: what is left to go on from.
  void say_on_failure(std::string advice) { advice_ = std::move(advice); }

  // Everything but what the environments are in. load() takes what save() wrote with the replay
  // buffer, and throws Error for anything else; save() throws Error(kRun) for weights that are not
  // finite.
  void save(Checkpoint& checkpoint, bool with_replay) const;
  void load(const Checkpoint& saved);

  Agent& agent() { return *agent_; }
  const TensorMap& losses() const { return losses_; }  // of the last update, on the device
  int64_t steps() const { return step_; }              // of all environments
  int64_t updates() const { return updates_; }
  int64_t replay_size() const { return replay_.size(); }

 private:
  std::string failure(const std::string& what) const;
  SampleRequest request() const;
  void set_priorities(const Batch& batch, const at::Tensor& td_error);
  bool prioritized() const { return training_.priority_exponent > 0.0; }

  const TrainingConfig training_;
  const ActionSpace action_;
  const int64_t num_envs_;
  std::unique_ptr<Agent> agent_;
  ReplayBuffer replay_;
  std::optional<GoalSpec> goals_;  // that transitions are relabelled with
  Rng warmup_rng_;
  BatchStream batches_;
  int64_t step_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;  // earned by steps and not made yet
  TensorMap losses_;
  std::string advice_;
};

}  // namespace reverie
