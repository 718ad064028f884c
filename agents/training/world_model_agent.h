#pragma once

#include "agents/agent.h"
#include "agents/planning/planning_policy.h"
#include "worldmodel/world_model.h"

namespace reverie {

// An agent that learns a world model from sequences of pictures and plans in it.
class WorldModelAgent : public SequenceAgent {
 public:
  virtual WorldModel& model() = 0;
  virtual const PlanningOptions& planning() const = 0;

  // Takes the weights that a new run is told to begin with, if any. Throws Error as
  // Jepa::load_weights() does.
  virtual void load_first_weights() = 0;

  // Mean and standard deviation, [A] each, of the actions that are learnt from; before the first
  // update.
  virtual void set_action_statistics(const at::Tensor& mean, const at::Tensor& std) = 0;

  // The share of training that is done, [0, 1], before an update: schedules follow it.
  virtual void set_progress(double progress) = 0;

  // Loss terms and the state of the latents on sequences that are not learnt from: scalars by name
  // ("prediction", "effective_rank", ...), without gradient.
  virtual TensorMap validate(const SequenceBatch& batch) = 0;
};

}  // namespace reverie
