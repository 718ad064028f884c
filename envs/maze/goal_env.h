#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "envs/env.h"
#include "envs/maze/goal_episode.h"
#include "envs/maze/maze_model.h"

namespace reverie::maze {

// A body that MuJoCo moves through a maze to a goal: the common part of the point and the ant. The
// body's position is qpos[0] and qpos[1]. A derived class defines how the body is driven, placed,
// observed and drawn.
class GoalEnv : public Env {
 public:
  // goal_observation: achieved_goal and desired_goal come after the body's own field.
  GoalEnv(std::shared_ptr<const MazeLayout> layout, std::shared_ptr<const GoalTask> task,
          SharedModel model, bool goal_observation);

  const EnvSpec& spec() const final { return episode_.task().spec; }
  void reset(uint64_t seed, FieldViews obs) final;
  StepResult step(ConstFieldView action, FieldViews obs) final;
  std::vector<double> state() const final;
  void set_state(std::span<const double> state) final;
  Metrics metrics() const final;
  PhysicsState* physics() final { return &physics_; }

 protected:
  // Draws and sets start, goal and velocities of a new episode. The simulation was just reset.
  virtual void place_body() = 0;

  // Sets the controls and takes the engine's steps. action: checked, but not clipped.
  virtual void drive(ConstFieldView action) = 0;

  // Writes the body's own field, which is the first.
  virtual void observe_body(FieldView obs) const = 0;

  // The model changes that the chosen factors ask for.
  virtual ModelChanges changes() const = 0;

  // The metric that no policy beats, from the shortest way from the episode's start to its goal
  // [m], NaN if unknown.
  virtual std::pair<std::string, double> yardstick(double shortest_path) const {
    return {"shortest_path", shortest_path};
  }

  // Numbers of the state that are in neither the engine nor the episode. Their count is constant.
  virtual std::span<const double> memory() const { return {}; }
  virtual void set_memory(std::span<const double> /*numbers*/) {}

  // Places the start as Gymnasium-Robotics draws it.
  void place_robotics();
  void set_position(const Position& position);
  Position position() const { return {simulation_.qpos()[0], simulation_.qpos()[1]}; }

  const GoalEpisode& episode() const { return episode_; }
  GoalEpisode& episode() { return episode_; }
  const MujocoSimulation& simulation() const { return simulation_; }
  MujocoSimulation& simulation() { return simulation_; }

 private:
  class Physics final : public MazePhysics {
   public:
    explicit Physics(GoalEnv& env) : MazePhysics(env.simulation_, env.episode_), env_(env) {}
    void observe(FieldViews obs) const override { env_.observe(obs); }

   private:
    GoalEnv& env_;
  };

  void change_model();
  void observe(FieldViews obs) const;

  bool goal_observation_;
  GoalEpisode episode_;
  MujocoSimulation simulation_;
  Physics physics_{*this};
};

}  // namespace reverie::maze
