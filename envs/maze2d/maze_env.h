#pragma once

#include <memory>
#include <vector>

#include "envs/env.h"
#include "envs/maze/goal_episode.h"
#include "envs/maze/maze_model.h"
#include "envs/maze2d/point_maze.h"

namespace reverie::maze2d {

inline constexpr Color kBallColor{21, 101, 216};

// The factors of a point maze's own, behind those of all mazes.
enum PointFactor : size_t { kBallRadiusFactor = maze::kOwnFactors };

std::vector<Factor> point_maze_factors(const maze::MazeLayout& layout);

// What the point mazes add to the task of reaching a goal.
struct PointTask {
  maze::GoalTask goal;
  bool goal_each_episode = false;  // D4RL: a new goal each episode
  bool goal_observation = true;    // the goal is part of the observation
};

// A point that is pushed through a maze to a goal. Position and velocity are clipped and rewarded
// as the reference does it; see docs/maze2d.md for what the two conventions have in common.
class MazeEnv final : public Env {
 public:
  MazeEnv(std::shared_ptr<const PointMaze> maze, std::shared_ptr<const PointTask> task);

  const EnvSpec& spec() const override { return task_->goal.spec; }
  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void draw(Canvas& canvas, View view) const override;
  Metrics metrics() const override { return episode_.metrics(position()); }
  PhysicsState* physics() override { return &physics_; }

 private:
  class Physics final : public maze::MazePhysics {
   public:
    explicit Physics(MazeEnv& env) : MazePhysics(env.simulation_, env.episode_), env_(env) {}
    void observe(FieldViews obs) const override { env_.observe(obs); }

   private:
    MazeEnv& env_;
  };

  maze::Position position() const;
  void place_d4rl();
  void place_robotics();
  void change_model();
  void observe(FieldViews obs) const;

  std::shared_ptr<const PointMaze> maze_;
  std::shared_ptr<const PointTask> task_;
  maze::GoalEpisode episode_;
  MujocoSimulation simulation_;
  Physics physics_{*this};
};

}  // namespace reverie::maze2d
