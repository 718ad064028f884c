#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "core/random.h"
#include "core/spec.h"
#include "envs/env.h"
#include "nn/state_list.h"
#include "nn/tensor_map.h"
#include "replay/batch.h"
#include "replay/rollout.h"

namespace reverie {

// Letters: N environments, B transitions of a batch, A numbers an action.
//
// Between environments and agents stands a SpaceAdapter (agents/space_adapter.h): agents see floats
// as float32, and give actions in [-1, 1] float32 or as int64, whatever the environment's own
// dtypes and bounds are. An EnvSpec that an agent is made with is the adapter's.

// What an actor does in N environments.
struct Decision {
  at::Tensor action;  // on the CPU: [N, A] float32 in [-1, 1], or [N] int64
  // Columns [N, ...] that the learner keeps beside the action, see Agent::extra_fields().
  TensorMap extra = {};
};

// Plays N environments. What it remembers of them (recurrent state, a plan, noise, a generator) is
// its own; the weights are its agent's, which must outlive it. Training, evaluation and films have
// actors of their own.
class Actor {
 public:
  virtual ~Actor() = default;

  // obs: the fields of the spec, [N, ...], on the CPU.
  virtual Decision act(const TensorMap& obs) = 0;

  // Environments where env_mask ([N] bool) is true start a new episode with the next act(): what is
  // remembered of the one before is forgotten.
  virtual void on_episode_start(const at::Tensor& env_mask);

  // What is done in environments where env_mask ([N] bool) is true matters to nobody until their
  // next on_episode_start(): act() may save itself the work.
  virtual void on_idle(const at::Tensor& env_mask);

  // What it needs to continue in the middle of episodes.
  virtual void state(StateList& list);
};

// Makes an actor for N environments. The same seed gives the same actions.
using ActorMaker = std::function<std::unique_ptr<Actor>(int64_t num_envs, uint64_t seed)>;

// What an actor is for: to gather data, with exploration, or to act as well as it can.
enum class ActMode : uint8_t { kExplore, kEvaluate };

struct Acting {
  ActMode mode = ActMode::kEvaluate;
};

// What one learning step tells.
struct Learned {
  TensorMap metrics;  // scalars that stay on the device until somebody logs them
  // [B] temporal-difference errors, for priorities; undefined where an agent has none.
  at::Tensor td_error = {};
};

// Weights, and how they learn. An agent is one of the kinds below: by what it learns from.
class Agent {
 public:
  virtual ~Agent() = default;

  virtual std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) = 0;

  // What Decision::extra holds while it explores.
  virtual std::vector<Field> extra_fields() const { return {}; }

  // Sees observations of training, for running statistics: those that an action is about to be
  // chosen for, in the order of time (final ones, where episodes end, are not among them); and
  // before learning from a dataset alone some that are drawn from it. obs: as Actor::act() gets it.
  virtual void observe(const TensorMap& obs);

  // Networks, optimisers, normalisers, generators: everything that acting and learning need.
  virtual void state(StateList& list) = 0;
};

// What a learner wants drawn: `batch` transitions or sequences at once.
struct SampleRequest {
  int64_t batch = 0;
  SampleSpec spec = {};
};

// An agent that learns from single transitions, wherever they come from.
class TransitionAgent : public Agent {
 public:
  virtual SampleRequest request() const = 0;

  // One learning step. Batch::weight, where there is one, weighs the transitions. Finiteness of the
  // metrics is the trainer's to check.
  virtual Learned update(const Batch& batch) = 0;
};

// An agent that learns from sequences of steps.
class SequenceAgent : public Agent {
 public:
  virtual SampleRequest request() const = 0;
  virtual Learned update(const SequenceBatch& batch) = 0;
};

// What an on-policy learner wants gathered before each update.
struct RolloutRequest {
  int64_t steps = 0;    // of every environment, >= 1
  double gamma = 0.99;  // its discount a step, by which a trainer that scales rewards sums them
};

// An agent that learns from what its own policy has just done. Its weights and statistics stay as
// they are while a rollout is gathered: what the actor kept beside its actions
// (Agent::extra_fields()) is of the policy that update() begins with. A memory of the actor's, of
// environments in the middle of an episode, belongs to those fields too.
class RolloutAgent : public Agent {
 public:
  virtual RolloutRequest request() const = 0;

  // Learns from one rollout, in the epochs and minibatches of the agent's own. progress: the share
  // of the run that was done before it, [0, 1], which schedules follow. The rollout is the
  // caller's. Finiteness of the metrics is the trainer's to check.
  virtual Learned update(const Rollout& rollout, double progress, Rng& rng) = 0;
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

  // spec: as a SpaceAdapter shows the environment. Throws Error when it does not suit the algorithm
  // (its action space, its fields). The same seed gives the same weights.
  virtual std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device,
                                      uint64_t seed) const = 0;
};

// How a policy that needs no training is made.
struct UntrainedPolicy {
  // make: environments as they will be played. Throws Error(kInput) where the environment does not
  // suit.
  std::function<ActorMaker(const EnvMaker& make)> make;

  // Reads the field "observation": where the environment shows another by default, this one is
  // asked for.
  bool reads_state = false;
};

class TrainingConfig;

// One line of the registry.
struct AgentEntry {
  std::string name;     // "ddpg"
  std::string summary;  // one line for `reverie list agents`
  std::function<std::unique_ptr<AgentConfig>()> config;

  // How it is trained, with the defaults of this agent (agents/training/trainer.h); empty for a
  // policy that needs none.
  std::function<std::unique_ptr<TrainingConfig>()> training = {};
  std::optional<UntrainedPolicy> untrained = {};

  // Plans to goals: needs the fields `goal_...` beside its observation
  // (envs/wrappers/reach_goal.h).
  bool reaches_goals = false;

  // Learns from pictures: where an environment does not show them by default, they are asked for.
  bool reads_pixels = false;

  bool learns() const { return !untrained.has_value(); }
};

// An entry that has nothing to learn and no options.
AgentEntry untrained_entry(const std::string& name, std::string summary, UntrainedPolicy untrained);

}  // namespace reverie
