#pragma once

#include <memory>
#include <vector>

#include "envs/maze/goal_env.h"
#include "envs/maze2d/point_maze.h"

namespace reverie::maze2d {

inline constexpr Color kBallColor{21, 101, 216};

// The point maze's own factors, after those of all mazes.
enum PointFactor : size_t { kBallRadiusFactor = maze::kOwnFactors };

std::vector<Factor> point_maze_factors(const maze::MazeLayout& layout);

// What the point mazes add to the goal-reaching task.
struct PointTask {
  maze::GoalTask goal;
  bool goal_observation = true;  // the goal is part of the observation
};

// A point that is pushed through a maze to a goal. Position and velocity are clipped and rewarded
// as in the reference; docs/maze2d.md describes what the two conventions have in common.
class MazeEnv final : public maze::GoalEnv {
 public:
  MazeEnv(std::shared_ptr<const PointMaze> maze, std::shared_ptr<const PointTask> task);

  void draw(Canvas& canvas, View view) const override;

 private:
  void place_body() override;
  void drive(ConstFieldView action) override;
  void observe_body(FieldView obs) const override;
  maze::ModelChanges changes() const override;
  std::pair<std::string, double> yardstick(double shortest_path) const override;
  void place_d4rl();

  std::shared_ptr<const PointMaze> maze_;
  std::shared_ptr<const PointTask> task_;
};

}  // namespace reverie::maze2d
