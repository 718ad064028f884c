#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "envs/env.h"
#include "envs/maze2d/point_maze.h"

namespace reverie::maze2d {

// What one maze task is, beside its map.
struct Task {
  EnvSpec spec;
  bool dense = false;            // reward exp(-distance) instead of 1 within the goal's radius
  bool reset_target = false;     // D4RL: a new goal each episode; Robotics: a new goal once reached
  bool continuing_task = true;   // Robotics: false terminates the episode at the goal
  bool goal_observation = true;  // the goal is part of the observation
};

// A point that is pushed through a maze to a goal. Position and velocity are clipped and rewarded
// as the reference does it; see docs/maze2d.md for what the two conventions have in common.
class MazeEnv final : public Env {
 public:
  MazeEnv(std::shared_ptr<const Maze> maze, std::shared_ptr<const Task> task);

  const EnvSpec& spec() const override { return task_->spec; }
  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void draw(Canvas& canvas, View view) const override;
  Metrics metrics() const override;
  PhysicsState* physics() override { return &physics_; }

 private:
  // qpos, qvel and desired_goal.
  class Physics final : public MujocoPhysicsState {
   public:
    explicit Physics(MazeEnv& env) : MujocoPhysicsState(env.simulation_), env_(env) {}
    std::vector<std::pair<std::string, size_t>> parts() const override;
    void get(std::string_view part, std::span<double> out) const override;
    void set(std::string_view part, std::span<const double> values) override;
    void observe(FieldViews obs) const override { env_.observe(obs); }

   private:
    MazeEnv& env_;
  };

  Position position() const { return {simulation_.qpos()[0], simulation_.qpos()[1]}; }
  double distance_to_goal() const;
  Position noisy(Position centre);
  Position draw_goal();
  void place_d4rl();
  void place_robotics();
  void observe(FieldViews obs) const;

  std::shared_ptr<const Maze> maze_;
  std::shared_ptr<const Task> task_;
  MujocoSimulation simulation_;
  Physics physics_{*this};
  Rng rng_{0};
  Position goal_{};
  int64_t steps_ = 0;
  int64_t reached_at_ = 0;  // the first step within the goal's radius; 0 = not yet
  bool at_goal_ = false;    // after the last step
  bool ended_ = true;       // until the first reset()
};

}  // namespace reverie::maze2d
