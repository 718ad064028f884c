#pragma once

#include "agents/agent.h"
#include "agents/planning/planning_policy.h"
#include "worldmodel/world_model.h"

namespace reverie {

// What an agent also is if it has a world model, which studies can examine and planners use.
class HasWorldModel {
 public:
  virtual ~HasWorldModel() = default;
  virtual WorldModel& model() = 0;
  virtual const PlanningOptions& planning() const = 0;
};

// An agent that learns a world model from sequences of pictures and plans in it.
class WorldModelAgent : public SequenceAgent, public HasWorldModel {
 public:
  // Loads the initial weights of a new run, if any are given. Throws Error as Jepa::load_weights()
  // does.
  virtual void load_first_weights() = 0;

  // Sets mean and standard deviation, [A] each, of the training actions. Called before the first
  // update.
  virtual void set_action_statistics(const at::Tensor& mean, const at::Tensor& std) = 0;

  // Sets the fraction of training that is done, [0, 1], before an update, for schedules.
  virtual void set_progress(double progress) = 0;

  // Loss terms and latent statistics on held-out sequences: scalars by name ("prediction",
  // "effective_rank", ...), without gradient.
  virtual TensorMap validate(const SequenceBatch& batch) = 0;
};

}  // namespace reverie
