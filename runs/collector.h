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

// How data are gathered for a dataset.
struct CollectOptions {
  int64_t steps = 1'000'000;
  uint64_t seed = 0;
  int threads = 1;
  double noise = 0.0;  // standard deviation of normal noise on Box actions, which are then clipped
  // Waypoint alone: steps after which a target that was not reached is replaced, 0 = never.
  int64_t target_limit = 0;
  int64_t lanes = 0;  // environments side by side; 0 = as many as the steps keep busy, at most 8
  // Which policy plays an episode is kept as the field `policy_index` [N] of the simulator's.
  const PolicyMixture* mixture = nullptr;
  // Chooses the actions in place of a policy and learns from each step; what it sees is kept.
  TransitionLearner* learner = nullptr;
};

// Gathers episodes from environments side by side, one seed giving one dataset for any number of
// threads. Episodes enter the dataset in the order in which they end; the one that is under way
// when the last step is taken is cut there and ends with neither flag.
//
// With a policy or a learner each episode begins with a reset. Without either the waypoint
// controller of the point mazes drives, as D4RL generates its data: each environment makes one long
// trajectory, and when the target is reached, or the limit passed, a new one is drawn without a
// reset; from there on it is another episode, truncated. The reward of `maze2d-*` is relabelled as
// D4RL does it: reward t is that of observation t, towards the environment's own goal, not the
// controller's target. In `pointmaze-*` the target becomes the environment's goal and the reward is
// its own.
class Collector {
 public:
  // policy: an actor for as many environments as lanes(); null for the waypoint controller and with
  // a learner. Throws Error(kInput) where that meets no point maze, and for noise on discrete
  // actions.
  Collector(const EnvMaker& make, Actor* policy, const CollectOptions& options);
  ~Collector();

  const DatasetSchema& schema() const { return schema_; }

  // Environments side by side.
  static int64_t lanes(const EnvSpec& spec, bool drives, const CollectOptions& options);

  // Runs until the writer has options.steps steps or `stop` is set; does not commit. Returns what
  // an environment, the policy or the learner threw, with which the run ended and all episodes
  // before it are whole; else null. What the writer throws goes through: its file is then of no
  // use.
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
  // What came of the last actions, for the learner.
  FieldRows final_obs_;                          // [lanes, ...] read where an episode ended
  std::vector<double> reward_;                   // [lanes]
  std::vector<uint8_t> terminated_, truncated_;  // [lanes]
  std::vector<Lane> lanes_;
};

}  // namespace reverie
