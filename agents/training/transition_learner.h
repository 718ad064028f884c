#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "agents/training/dataset_split.h"
#include "agents/training/transition_trainer.h"
#include "core/random.h"
#include "replay/batch_stream.h"
#include "replay/replay_buffer.h"

namespace reverie {

// Samples from a dataset, from gathered experience, or a fraction of each batch from both.
class MixedSource final : public SampleSource {
 public:
  // Null for a missing source. share: the dataset's fraction, [0, 1], if there are both.
  MixedSource(const SampleSource* dataset, const ReplayBuffer* gathered, double share)
      : dataset_(dataset), gathered_(gathered), share_(share) {}

  // The dataset's transitions come first. Until something is gathered all are from the dataset.
  Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const override;

 private:
  const SampleSource* dataset_;
  const ReplayBuffer* gathered_;
  double share_;
};

// An agent that learns from transitions, with their source: a dataset, a replay buffer that it
// fills, or both. The code that steps the environments calls, after start(),
//
//   choose_actions(), learn() while or after they step, add()
//
// so the learner depends only on its config and on what the environments show. Observations and
// actions have a SpaceAdapter's form.
class TransitionLearner {
 public:
  // spec: the adapter's. num_envs: 0 if nothing is gathered. Throws Error as AgentConfig::make(),
  // load_replay() and ReplayBuffer do, and for an agent that does not learn from transitions.
  TransitionLearner(const RunConfig& config, const TransitionTraining& training,
                    const EnvSpec& spec, int64_t num_envs, const TrainingConfig::Say& say = {});

  // The first observations of all environments, [N, ...].
  void start(FieldViews obs);

  // obs: [N, ...]. Returns [N, A] or [N] on the CPU: uniform, or the prior's if there is one, for
  // the first `learning_starts` steps unless a dataset was learnt from; exploring from then on.
  // Throws Error(kRun) when they are not finite.
  at::Tensor choose_actions(FieldViews obs);

  // What the agent wants next: see TransitionAgent::pace().
  Pace pace();

  // Makes the updates earned by the steps stored so far, at most so many.
  void learn(int64_t most = std::numeric_limits<int64_t>::max());

  // One update on the dataset alone.
  void learn_from_dataset();

  // Stores the results of choose_actions()'s actions, and earns updates.
  void add(const at::Tensor& actions, const VectorStep& step);

  // Metrics of the last update, by name. Throws Error(kRun) that names one that is not finite.
  Metrics metrics() const;

  void state(StateList& list, bool with_replay);

  TransitionAgent& agent() { return *agent_; }
  int64_t steps() const { return steps_; }  // of all environments
  int64_t updates() const { return updates_; }
  int64_t replay_size() const { return replay_ ? replay_->size() : 0; }

 private:
  SampleRequest request() const;
  void update(const Batch& batch);
  void set_priorities(const Batch& batch, const at::Tensor& td_error);
  void observe_dataset();
  int64_t warm_up() const { return dataset_ ? 0 : gathering_.learning_starts; }  // [steps]
  bool prioritized() const { return priority_.priority_exponent > 0.0; }

  const GatheringOptions gathering_;
  const PriorityOptions priority_;
  const int64_t num_envs_;
  const Field action_field_;
  std::unique_ptr<TransitionAgent> agent_;
  std::unique_ptr<Actor> actor_, warmup_actor_;  // null if nothing is gathered
  std::unique_ptr<ReplayBuffer> dataset_;        // null without one
  std::optional<ReplayBuffer> replay_;           // gathered experience
  std::optional<GoalSpec> goals_;                // for relabelling transitions
  MixedSource source_;
  BatchStream batches_;
  std::optional<DatasetIdentity> identity_;  // of the dataset
  uint64_t statistics_seed_ = 0;
  int64_t steps_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;  // earned by steps and not yet made
  TensorMap losses_;           // of the last update, on the device
};

}  // namespace reverie
