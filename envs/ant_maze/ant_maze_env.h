#pragma once

#include <array>
#include <memory>
#include <vector>

#include "envs/ant_maze/ant_world.h"
#include "envs/maze/goal_env.h"

namespace reverie::ant_maze {

inline constexpr Color kAntColor{196, 98, 34};

// The ant's own factors, after those of all mazes.
enum AntFactor : size_t { kFriction = maze::kOwnFactors };

std::vector<Factor> ant_maze_factors(const maze::MazeLayout& layout);

// What the ant adds to the goal-reaching task.
struct AntTask {
  maze::GoalTask goal;
  bool goal_observation = true;  // the goal is part of the observation
};

// A four-legged body that walks through a maze to a goal. It may fall over: in neither reference
// does that end the episode.
//
// Observation, Robotics: [105] = z, quaternion, joint angles (qpos[2:]), qvel [14], contact forces
// on 13 bodies (torque, force) clipped to [-1, 1]; the position is in achieved_goal. D4RL: [29] =
// qpos, qvel, including the position.
class AntMazeEnv final : public maze::GoalEnv {
 public:
  AntMazeEnv(std::shared_ptr<const AntWorld> world, std::shared_ptr<const AntTask> task);

  void draw(Canvas& canvas, View view) const override;

 private:
  bool is_d4rl() const { return world_->convention == maze::Convention::kD4rl; }
  void place_body() override;
  void drive(ConstFieldView action) override;
  void observe_body(FieldView obs) const override;
  maze::ModelChanges changes() const override;
  std::span<const double> memory() const override { return contact_forces_; }
  void set_memory(std::span<const double> numbers) override;
  void place_d4rl();
  void read_contact_forces(mjData& data);

  std::shared_ptr<const AntWorld> world_;
  // [bodies, 6] of the last step. The engine computes them on demand and does not keep them in its
  // state.
  std::array<double, size_t{6} * kBodies> contact_forces_{};
};

}  // namespace reverie::ant_maze
