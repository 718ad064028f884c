#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agents/agent.h"
#include "agents/space_adapter.h"
#include "agents/training/transition_learner.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "envs/env_lane.h"
#include "envs/maze/waypoint.h"
#include "envs/thread_pool.h"
#include "runs/policy_mixture.h"

namespace reverie {

// How data are collected for a dataset.
struct CollectOptions {
  int64_t steps = 1'000'000;
  uint64_t seed = 0;
  int threads = 1;
  double noise = 0.0;  // standard deviation of normal noise on Box actions, which are then clipped
  // Waypoint controller only: steps after which an unreached target is replaced, 0 = never.
  int64_t target_limit = 0;
  int64_t lanes = 0;  // environments in parallel; 0 = as many as the steps keep busy, at most 8
  // The policy that plays an episode is recorded as the simulator's field `policy_index` [N].
  const PolicyMixture* mixture = nullptr;
  // Chooses the actions instead of a policy and learns from each step; its experience is recorded.
  TransitionLearner* learner = nullptr;
};

// Collects episodes from parallel environments; one seed gives one dataset for any number of
// threads. Episodes enter the dataset in the order in which they end. An episode that is running
// when the last step is taken is cut there and ends with neither flag.
//
// With a policy or a learner each episode begins with a reset. Without either, the waypoint
// controller of the point mazes drives, as D4RL generates its data. Each environment then makes one
// long trajectory: when the target is reached, or the limit passed, a new target is drawn without a
// reset, the episode counts as truncated and another one begins. The reward of `maze2d-*` is
// relabelled as in D4RL: reward t is that of observation t, towards the environment's own goal, not
// the controller's target. In `pointmaze-*` the target becomes the environment's goal, and the
// reward is the environment's own.
class Collector {
 public:
  // policy: an actor for lanes() environments; null for the waypoint controller and with a learner.
  // Throws Error(kInput) when the waypoint controller is used without a point maze, and for noise
  // on discrete actions.
  Collector(const EnvMaker& make, Actor* policy, const CollectOptions& options);
  ~Collector();

  const DatasetSchema& schema() const { return schema_; }

  // The number of environments in parallel.
  static int64_t lanes(const EnvSpec& spec, bool drives, const CollectOptions& options);

  // Runs until the writer has options.steps steps or `stop` is set; does not commit. If an
  // environment, the policy or the learner throws, the run ends and the exception is returned; all
  // earlier episodes are whole. Otherwise returns null. Exceptions of the writer are not caught:
  // its file is then unusable.
  std::exception_ptr run(DatasetWriter& writer, const std::atomic<bool>& stop,
                         const std::function<void(const EpisodeData&)>& on_episode);

 private:
  struct Lane;

  void start_lane(size_t i);
  void draw_target(Lane& lane, EnvLane& env, FieldViews obs);
  void step_lanes(ThreadPool& pool);
  void act();
  void store_for_learner();
  at::Tensor taken_actions() const;
  void choose_waypoint_action(Lane& lane, std::span<std::byte> action, bool& solved);
  void step_lane(size_t i);
  void run_lane(size_t i);
  void rethrow_failure();
  bool drives() const { return policy_ == nullptr && options_.learner == nullptr; }

  Actor* policy_;
  CollectOptions options_;
  std::vector<EnvLane> env_lanes_;
  std::vector<Field> fields_;
  ActionSpace action_space_;
  Field action_field_;
  std::vector<PhysicsState::Part> parts_;
  DatasetSchema schema_;
  bool relabels_ = false;  // D4RL's reward of the observation before the step
  FieldRows obs_;
  std::optional<SpaceAdapter> adapter_;  // for policy and learner
  at::Tensor decided_;                   // what they chose last
  std::vector<std::byte> actions_;       // [lanes, ...]
  std::vector<uint8_t> started_;         // [lanes] 1 where an episode has just begun
  // The results of the last actions, for the learner.
  FieldRows final_obs_;                          // [lanes, ...] valid where an episode ended
  std::vector<double> reward_;                   // [lanes]
  std::vector<uint8_t> terminated_, truncated_;  // [lanes]
  std::vector<Lane> lanes_;
};

}  // namespace reverie
