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
// A SpaceAdapter (agents/space_adapter.h) stands between environments and agents: agents see floats
// as float32, and give actions in [-1, 1] float32 or as int64, whatever the environment's own
// dtypes and bounds are. Agents are made with the adapter's EnvSpec.

// An actor's decision for N environments.
struct Decision {
  at::Tensor action;  // on the CPU: [N, A] float32 in [-1, 1], or [N] int64
  // Columns [N, ...] that the learner stores with the action, see Agent::extra_fields().
  TensorMap extra = {};
};

// Plays N environments. It owns what it remembers of them (recurrent state, a plan, noise, a
// generator); the weights belong to its agent, which must outlive it. Training, evaluation and
// films use separate actors.
class Actor {
 public:
  virtual ~Actor() = default;

  // obs: the fields of the spec, [N, ...], on the CPU.
  virtual Decision act(const TensorMap& obs) = 0;

  // Environments where env_mask ([N] bool) is true start a new episode with the next act(); the
  // actor forgets their previous episode.
  virtual void on_episode_start(const at::Tensor& env_mask);

  // Actions of environments where env_mask ([N] bool) is true are not used until their next
  // on_episode_start(), so act() may skip the work.
  virtual void on_idle(const at::Tensor& env_mask);

  // Lists what it needs to continue in the middle of episodes.
  virtual void state(StateList& list);
};

// Makes an actor for N environments. The same seed gives the same actions.
using ActorMaker = std::function<std::unique_ptr<Actor>(int64_t num_envs, uint64_t seed)>;

// The purpose of an actor: to gather data with exploration, or to act as well as it can.
enum class ActMode : uint8_t { kExplore, kEvaluate };

struct Acting {
  ActMode mode = ActMode::kEvaluate;
};

// The result of one learning step.
struct Learned {
  TensorMap metrics;  // scalars that stay on the device until somebody logs them
  // [B] temporal-difference errors, for priorities; undefined if an agent has none.
  at::Tensor td_error = {};
};

// log pi(a | s) of actions at states whose fields are obs, [B, ...]: [B]. action: [B, A] in
// [-1, 1], whose gradient it has, or [B] int64.
struct ActionDensity {
  std::function<at::Tensor(const TensorMap& obs, const at::Tensor& action)> log_prob = {};
  bool beyond_bounds = false;  // also of actions beyond [-1, 1], where a Gaussian has draws

  explicit operator bool() const { return log_prob != nullptr; }
};

// Weights and how they learn. Every agent is one of the kinds below, which differ in what they
// learn from.
class Agent {
 public:
  virtual ~Agent() = default;

  virtual std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) = 0;

  // The fields of Decision::extra during exploration.
  virtual std::vector<Field> extra_fields() const { return {}; }

  // Updates running statistics with observations of training: those that an action is about to be
  // chosen for, in order of time (without final observations of episodes); and, before learning
  // from a dataset alone, a sample of the dataset's. obs: as in Actor::act().
  virtual void observe(const TensorMap& obs);

  // The density of the policy, which the agent must outlive; empty if it has none or remembers more
  // than a state.
  virtual ActionDensity density() const { return {}; }

  // Networks, optimisers, normalisers, generators: everything that acting and learning need.
  virtual void state(StateList& list) = 0;
};

// What an agent also is if it can learn while it stays near a fixed policy, its prior.
class FollowsPrior {
 public:
  virtual ~FollowsPrior() = default;

  // Called once, before learning, and before a run is resumed. prior: of the same observations and
  // actions, with a density(); its weights need no gradient. Throws Error(kInput) when the density
  // is not known where the agent draws.
  virtual void follow(std::shared_ptr<Agent> prior) = 0;

  // Null without one.
  virtual Agent* prior() const = 0;
};

// The amount a learner samples: `batch` transitions or sequences at once.
struct SampleRequest {
  int64_t batch = 0;
  SampleSpec spec = {};
};

// How learning and gathering take turns.
enum class Pace : uint8_t {
  kTogether,  // the environments step while the earned updates are made
  kGather,    // the environments step; updates stay earned
  kLearn,     // the earned updates are made before the next step
};

// An agent that learns from single transitions, whatever their source.
class TransitionAgent : public Agent {
 public:
  virtual SampleRequest request() const = 0;

  // One learning step. Batch::weight, if defined, weights the transitions. The trainer checks that
  // the metrics are finite.
  virtual Learned update(const Batch& batch) = 0;

  // What comes next, with so many updates earned by gathered steps and not yet made. Called once
  // before each turn of a run that gathers.
  virtual Pace pace(int64_t earned_updates);

  // An episode of training has ended, after the random steps before learning.
  virtual void on_episode_end(const Episode& episode);
};

// What an agent also is if its values can be asked for.
class ValuesStates {
 public:
  virtual ~ValuesStates() = default;

  // The values of states to the policy that evaluation follows: the expected discounted return.
  // obs: [N, ...] as in Actor::act(). Returns [N] float32 on the CPU.
  virtual at::Tensor values(const TensorMap& obs) const = 0;
};

// An agent that learns policies for all rewards at once, and is told afterwards which to pursue.
class TaskAgent : public TransitionAgent, public ValuesStates {
 public:
  // How many samples of a reward are used, the first ones.
  static constexpr int64_t kSamples = 10000;

  // Whether its evaluation pursues the goals that the environment shows, whatever its reward.
  virtual bool follows_goals() const = 0;

  // Whether it knows a reward that is not 0 in all of its samples.
  virtual bool has_reward() const = 0;

  // Its evaluation pursues from now on the reward of these samples of its data's states. obs: [N,
  // ...] as in Actor::act(); reward: [N] float32, of reaching each.
  virtual void pursue(const TensorMap& obs, const at::Tensor& reward) = 0;

  // The discounted occupancy of states [M, ...] after the state start [1, ...] under the policy
  // that evaluation follows, as a density relative to the data's distribution: [M] float32 on the
  // CPU, about 0 where it never comes.
  virtual at::Tensor occupancy(const TensorMap& start, const TensorMap& states) const = 0;
};

// An agent that learns from sequences of steps.
class SequenceAgent : public Agent {
 public:
  virtual SampleRequest request() const = 0;
  virtual Learned update(const SequenceBatch& batch) = 0;
};

// The rollout that an on-policy learner needs before each update.
struct RolloutRequest {
  int64_t steps = 0;    // of every environment, >= 1
  double gamma = 0.99;  // discount per step, which a trainer that scales rewards uses
};

// An agent that learns from its own policy's latest experience. Its weights and statistics do not
// change while a rollout is gathered, so the extra columns of the actor (Agent::extra_fields())
// belong to the policy that update() begins with. If the actor has a memory, its state in the
// middle of an episode belongs to those columns too.
class RolloutAgent : public Agent {
 public:
  virtual RolloutRequest request() const = 0;

  // Learns from one rollout, in the agent's own epochs and minibatches. progress: the fraction of
  // the run done before it, [0, 1], for schedules. The caller owns the rollout and the trainer
  // checks that the metrics are finite.
  virtual Learned update(const Rollout& rollout, double progress, Rng& rng) = 0;
};

// A run whose policy is a prior.
struct PriorRun {
  std::string folder;  // "" = no prior
  int64_t step = -1;   // of the checkpoint that was opened; -1 before that
};

// The hyper-parameters of one algorithm. Defaults are the published ones.
class AgentConfig {
 public:
  virtual ~AgentConfig() = default;

  // Lists every hyper-parameter once: flags, TOML, help and dump all come from it.
  virtual void describe(ConfigFields& fields) = 0;

  // The hyper-parameters that only change how a trained policy acts: evaluation and rendering may
  // use other values than training.
  virtual void describe_acting(ConfigFields& /*fields*/) {}

  // The run whose policy learning stays near (FollowsPrior); null if the agent has no such option.
  virtual PriorRun* prior_run() { return nullptr; }

  // spec: as shown by a SpaceAdapter. Throws Error when it does not suit the algorithm (its action
  // space, its fields). The same seed gives the same weights.
  virtual std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device,
                                      uint64_t seed) const = 0;
};

// Makes a policy that needs no training.
struct UntrainedPolicy {
  // make: the environments to be played. Throws Error(kInput) for an unsuitable environment.
  std::function<ActorMaker(const EnvMaker& make)> make;

  // Reads the field "observation", which is requested if the environment shows another one by
  // default.
  bool reads_state = false;
};

class TrainingConfig;

// One line of the registry.
struct AgentEntry {
  std::string name;     // "ddpg"
  std::string summary;  // one line for `reverie list agents`
  std::function<std::unique_ptr<AgentConfig>()> config;

  // Its training options with this agent's defaults (agents/training/trainer.h); empty for a policy
  // that needs no training.
  std::function<std::unique_ptr<TrainingConfig>()> training = {};
  std::optional<UntrainedPolicy> untrained = {};

  // Plans to goals: needs the fields `goal_...` beside its observation
  // (envs/wrappers/reach_goal.h).
  bool reaches_goals = false;

  // Learns a policy; false for what gives rewards alone, which is neither evaluated nor filmed.
  bool acts = true;

  // Learns from pictures, which are requested if an environment does not show them by default.
  bool reads_pixels = false;

  bool learns() const { return !untrained.has_value(); }
};

// An entry without training and options.
AgentEntry untrained_entry(const std::string& name, std::string summary, UntrainedPolicy untrained);

}  // namespace reverie
