#pragma once

#include <array>
#include <memory>
#include <vector>

#include "envs/ant_maze/ant_world.h"
#include "envs/env.h"
#include "envs/maze/goal_episode.h"
#include "envs/maze/maze_model.h"

namespace reverie::ant_maze {

inline constexpr Color kAntColor{196, 98, 34};

// The factors of the ant's own, behind those of all mazes.
enum AntFactor : size_t { kFriction = maze::kOwnFactors };

std::vector<Factor> ant_maze_factors(const maze::MazeLayout& layout);

// What the ant adds to the task of reaching a goal.
struct AntTask {
  maze::GoalTask goal;
  bool goal_observation = true;  // the goal is part of the observation
};

// A four-legged body that walks through a maze to a goal. It may fall over: neither reference ends
// the episode then.
//
// Observation, Robotics: [105] = z, quaternion, joint angles (qpos[2:]), qvel [14], contact forces
// on 13 bodies (torque, force) clipped to [-1, 1]; the place is achieved_goal. D4RL: [29] = qpos,
// qvel, the place included.
class AntMazeEnv final : public Env {
 public:
  AntMazeEnv(std::shared_ptr<const AntWorld> world, std::shared_ptr<const AntTask> task);

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
    explicit Physics(AntMazeEnv& env) : MazePhysics(env.simulation_, env.episode_), env_(env) {}
    void observe(FieldViews obs) const override { env_.observe(obs); }

   private:
    AntMazeEnv& env_;
  };

  bool is_d4rl() const { return world_->convention == maze::Convention::kD4rl; }
  maze::Position position() const;
  void place_robotics();
  void place_d4rl();
  void change_model();
  void read_contact_forces(mjData& data);
  void observe(FieldViews obs) const;

  std::shared_ptr<const AntWorld> world_;
  std::shared_ptr<const AntTask> task_;
  maze::GoalEpisode episode_;
  MujocoSimulation simulation_;
  // [bodies, 6] of the last step: the engine computes them on demand and keeps none in its state.
  std::array<double, size_t{6} * kBodies> contact_forces_{};
  Physics physics_{*this};
};

}  // namespace reverie::ant_maze
