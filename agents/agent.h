#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/spec.h"
#include "envs/env.h"
#include "nn/checkpoint.h"
#include "nn/tensor_map.h"
#include "replay/batch.h"

namespace reverie {

// How an action is chosen: with exploration noise while data is gathered, or greedily.
enum class ActMode : uint8_t { kExplore, kEvaluate };

// Anything that acts: an agent, a planner over a world model, a scripted controller.
class Policy {
 public:
  virtual ~Policy() = default;

  // obs: the environment's fields, [N, ...], on the CPU in the dtypes the environment declares.
  // Returns [N, A] or [N] on the CPU, in shape and dtype of the environment's action field.
  virtual at::Tensor act(const TensorMap& obs, ActMode mode) = 0;

  // Environments where env_mask ([N] bool) is true start a new episode with the next act().
  // Recurrent and planning policies clear their memory there.
  virtual void on_episode_start(const at::Tensor& env_mask);

  // What is done in environments where env_mask ([N] bool) is true matters to nobody from now on,
  // until their next on_episode_start(): act() may save itself the work.
  virtual void on_idle(const at::Tensor& env_mask);
};

// What one learning step tells.
struct Learned {
  TensorMap metrics;    // scalars that stay on the device until somebody logs them
  at::Tensor td_error;  // [B] how far the value of each transition was off, for priorities;
                        // undefined where an agent has none
};

// A policy that learns.
class Agent : public Policy {
 public:
  // Sees every observation that training gathers, once, in the order of time: running statistics
  // are kept here. obs: as act() gets it.
  virtual void observe(const TensorMap& obs);

  // What update() wants sampled.
  virtual SampleRequest request() const = 0;

  // One learning step from what request() asked for, a Batch or a SequenceBatch; Batch::weight,
  // where there is one, weighs the transitions. That the metrics are finite is the training loop's
  // to check.
  virtual Learned update(const Sample& sample) = 0;

  // Everything that learning needs to continue bit-equal: "model", "optimizer" and generator
  // states. load() takes what is there: a checkpoint read for evaluation has the model only.
  virtual void save(Checkpoint& checkpoint) const = 0;
  virtual void load(const Checkpoint& checkpoint) = 0;
};

// The hyper-parameters of one algorithm. Defaults are the published ones.
class AgentConfig {
 public:
  virtual ~AgentConfig() = default;

  // Lists every hyper-parameter once: flags, TOML, help and dump all come from it.
  virtual void describe(ConfigFields& fields) = 0;

  // Those among them that change how a trained policy acts and nothing else: who evaluates or
  // renders a run may choose others than it was trained with.
  virtual void describe_acting(ConfigFields& /*fields*/) {}

  // Throws Error when the environment does not suit the algorithm (its action space, its fields).
  // The same seed gives the same weights and the same exploration.
  virtual std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device,
                                      uint64_t seed) const = 0;
};

// What plays without having been trained.
struct Untrained {
  // make: environments as they will be played. The same seed gives the same policy. Throws
  // Error(kInput) where the environment does not suit.
  std::function<std::unique_ptr<Policy>(const EnvMaker& make, uint64_t seed)> make;

  // Reads the field "observation": where the environment shows another by default, this one is
  // asked for.
  bool reads_state = false;
};

// One line of the registry.
struct AgentEntry {
  std::string name;     // "ddpg"
  std::string summary;  // one line for `reverie list agents`
  std::function<std::unique_ptr<AgentConfig>()> config;
  std::optional<Untrained> untrained = {};  // what there is instead of training

  // How it is trained; null: train_off_policy().
  const struct TrainingLoop* loop = nullptr;

  // Plans to goals: needs the fields `goal_...` beside its observation
  // (envs/wrappers/reach_goal.h).
  bool reaches_goals = false;

  // Learns from pictures: where an environment does not show them by default, they are asked for.
  bool reads_pixels = false;

  bool learns() const { return !untrained.has_value(); }
};

// An entry that has nothing to learn and no options.
AgentEntry untrained_entry(const std::string& name, std::string summary, Untrained untrained);

}  // namespace reverie
