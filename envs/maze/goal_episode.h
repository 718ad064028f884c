#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/random.h"
#include "envs/env.h"
#include "envs/maze/maze_factors.h"
#include "envs/maze/maze_layout.h"
#include "envs/maze/shortest_path.h"
#include "envs/mujoco_simulation.h"

namespace reverie::maze {

// The settings of a goal-reaching task in a maze, whatever body moves there.
struct GoalTask {
  EnvSpec spec;
  bool dense = false;              // reward exp(-distance) instead of 1 within the goal's radius
  bool goal_when_reached = false;  // a new goal whenever one is reached
  bool ends_at_goal = false;       // the episode terminates at the goal
  bool one_goal = false;           // every episode has the layout's first goal, apart from factors
  // [m] half width of the uniform noise on positions that factors vary.
  double start_noise = 0.0, goal_noise = 0.0;
  double start_distance = 0.0;  // [m] a drawn start is further than this from the goal
  std::shared_ptr<const FactorPlan> factors = {};
  std::shared_ptr<const ShortestPath> paths = {};  // of the layout, for the yardstick
};

// One episode of such a task: the goal, the clock, the score, the factors of variation and the
// generator of all draws.
class GoalEpisode {
 public:
  GoalEpisode(std::shared_ptr<const MazeLayout> layout, std::shared_ptr<const GoalTask> task);

  const GoalTask& task() const { return *task_; }
  const MazeLayout& layout() const { return *layout_; }
  const FactorValues& factors() const { return factors_; }
  Rng& rng() { return rng_; }

  // Begins an episode: draws the factors, seeds the generator, clears clock and score. The caller
  // then places goal and body.
  void begin(uint64_t seed);

  // Draws goal and start as Gymnasium-Robotics does, in its order, so that a seed gives its
  // episode; a factor's value takes precedence. Returns the start.
  Position place_robotics();

  // The start and the goal if factors decide them; nothing if the task draws them.
  std::optional<Position> chosen_start() const;
  std::optional<Position> chosen_goal() const;

  const Position& goal() const { return goal_; }
  void set_goal(const Position& goal) { goal_ = goal; }

  // The reward for being at `place` when `goal` is pursued.
  double reward(const Position& place, const Position& goal) const;
  bool at_goal() const { return at_goal_; }  // after the last step

  // Throws Error(kInput) that names the environment unless an episode is running.
  void check_running() const;

  // Ends the episode after the simulator failed.
  void fail() { ended_ = true; }

  // The body before a step. The first one of an episode is its start.
  void note_start(const Position& position, const Position& velocity);

  // The shortest way from the start to the goal of the first step [m], as ShortestPath::to_goal()
  // gives it; NaN before that step.
  double shortest_path() const;
  const Position& start_velocity() const { return start_velocity_; }  // [m/s]

  // Counts and scores a step that led the body to `place`.
  StepResult advance(const Position& place);

  // success, success_at_end, time_to_goal [steps] and distance_to_goal [m].
  Metrics metrics(const Position& place) const;

  // The episode as numbers: factors, goal, counters, flags, start, generator. set_state() throws
  // Error for another length, values that are not finite or out of range, and then changes nothing.
  size_t state_size() const;
  void append_state(std::vector<double>& state) const;
  void set_state(std::span<const double> state);

 private:
  Position draw_goal();
  Position chosen_place(size_t factor) const;
  template <typename Accept>
  Position vary_place(size_t factor, double noise, const Accept& accept) const;

  std::shared_ptr<const MazeLayout> layout_;
  std::shared_ptr<const GoalTask> task_;
  FactorValues factors_;
  Rng rng_{0};
  Position goal_{};
  Position start_{}, start_velocity_{}, first_goal_{};  // of the first step
  int64_t steps_ = 0;
  int64_t reached_at_ = 0;  // first step within the goal's radius; 0 = not yet
  bool at_goal_ = false;
  bool ended_ = true;  // until the first begin()
};

// qpos, qvel and desired_goal as the named parts of PhysicsState.
class MazePhysics : public MujocoPhysicsState {
 public:
  MazePhysics(MujocoSimulation& simulation, GoalEpisode& episode)
      : MujocoPhysicsState(simulation), episode_(episode) {}

  std::vector<Part> parts() const override;
  void get(std::string_view part, std::span<double> out) const override;
  void set(std::string_view part, std::span<const double> values) override;
  std::optional<double> reward() const override;
  std::optional<StepResult> outcome(std::span<const double> achieved,
                                    std::span<const double> desired) const override;
  std::vector<Quantity> quantities() const override;
  void measure(std::span<double> out) const override;
  std::vector<NamedReward> named_rewards() const override;
  std::optional<GoalDistance> goal_distance(std::span<const double> goal_qpos) const override;

  // For planning in the maze or scoring recorded positions. They live as long as the environment.
  const MazeLayout& layout() const { return episode_.layout(); }
  const GoalTask& task() const { return episode_.task(); }

  // Whether all episodes have the same goal.
  bool has_fixed_goal() const { return task().one_goal && !episode_.factors().varied(kGoal); }

 private:
  GoalEpisode& episode_;
};

// The physics of a maze inside all wrappers; null for an environment that is none.
const MazePhysics* find_maze(Env& env);

// Throws Error(kInput) that opens with `what`, which names the goal, when the environment is a maze
// and the position x, y [m] is in a wall, outside, or cannot be reached. The message names the
// nearest place that is allowed.
void check_goal_place(Env& env, std::string_view what, double x, double y);

}  // namespace reverie::maze
