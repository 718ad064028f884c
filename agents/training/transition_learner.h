#pragma once

#include <cstdint>
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

// Draws from a dataset, from what has been gathered, or a share of each batch from either.
class MixedSource final : public SampleSource {
 public:
  // Null for what there is not. share: of the dataset, [0, 1], where there are both.
  MixedSource(const SampleSource* dataset, const ReplayBuffer* gathered, double share)
      : dataset_(dataset), gathered_(gathered), share_(share) {}

  // The transitions of the dataset come first. While nothing is gathered all are of the dataset.
  Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const override;

 private:
  const SampleSource* dataset_;
  const ReplayBuffer* gathered_;
  double share_;
};

// An agent that learns from transitions, with what it learns from: a dataset, a replay buffer that
// it fills, or both. Who steps the environments calls, after start(),
//
//   choose_actions(), learn() while or after they step, add()
//
// and the learner is then a function of its config and of what the environments show. Observations
// and actions are as a SpaceAdapter shows them.
class TransitionLearner {
 public:
  // spec: the adapter's. num_envs: 0 where nothing is gathered. Throws Error as
  // AgentConfig::make(), load_replay() and ReplayBuffer do, and for an agent that learns from no
  // transitions.
  TransitionLearner(const RunConfig& config, const TransitionTraining& training,
                    const EnvSpec& spec, int64_t num_envs, const TrainingConfig::Say& say = {});

  // The first observations of all environments, [N, ...].
  void start(FieldViews obs);

  // obs: [N, ...]. Returns [N, A] or [N] on the CPU: uniform before `learning_starts` steps, where
  // there is no dataset to begin with; exploring from then on. Throws Error(kRun) when they are not
  // finite.
  at::Tensor choose_actions(FieldViews obs);

  // The updates that the steps stored so far have earned.
  void learn();

  // One update on the dataset alone.
  void learn_from_dataset();

  // Stores what came of the actions of choose_actions(), and earns updates.
  void add(const at::Tensor& actions, const VectorStep& step);

  // Metrics of the last update, by name. Throws Error(kRun) that names one which is not finite.
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
  std::unique_ptr<Actor> actor_, warmup_actor_;  // null where nothing is gathered
  std::unique_ptr<ReplayBuffer> dataset_;        // null without one
  std::optional<ReplayBuffer> replay_;           // of what is gathered
  std::optional<GoalSpec> goals_;                // that transitions are relabelled with
  MixedSource source_;
  BatchStream batches_;
  std::optional<DatasetIdentity> identity_;  // of the dataset
  uint64_t statistics_seed_ = 0;
  int64_t steps_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;  // earned by steps and not made yet
  TensorMap losses_;           // of the last update, on the device
};

}  // namespace reverie
