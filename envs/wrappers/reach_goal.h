#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "envs/wrappers/wrapper.h"

namespace reverie {

// A task: from one state to another.
struct ReachGoalTask {
  // Parts of PhysicsState by name, the same parts in the same order in all tasks. If parts can be
  // set: those that make up the state, including "qpos". Otherwise: the one that holds the body's
  // position.
  using State = std::vector<std::pair<std::string, std::vector<double>>>;
  State start;
  // Env::state() of the start, for environments whose parts are read-only; otherwise empty. It
  // restores the recorded episode, so `picture` is required too.
  std::vector<double> start_state = {};
  State goal = {};  // empty: only its picture is known; nothing is measured or reached
  // One frame as in the field "pixels" (of a stack: one of its frames). Empty: the picture of the
  // goal state is drawn.
  std::vector<uint8_t> picture = {};
};

struct ReachGoalOptions {
  int64_t budget = 50;  // steps after which an episode is truncated, >= 1
  // [m] a distance no larger than this counts as reached, > 0; by default the environment's own.
  // Environments with read-only parts have no default: nothing counts as reached then.
  std::optional<double> radius = {};
  // Adds the fields that a planner on the true simulator needs.
  bool planner_fields = false;
};

// Turns any environment that observes its picture and whose state can be set, by parts or as a
// whole (ReachGoalTask::start_state), into the task "get to where this picture was taken". The
// environment's own goal, rewards and metrics are ignored; an episode that it ends is truncated.
//
// reset(seed) plays task number seed mod tasks: the seeds 0 .. n-1 play each of n tasks once
// (EvaluationOptions::episode_seeds). The seed also resets the inner episode, which decides the
// factors of variation; then goal and start are set.
//
// Observation: the inner fields, then
//
//   goal_pixels      as "pixels"    the picture of the goal, with this episode's factors
//   and with planner_fields
//   simulator_state  float64 [S]    Env::state() of the inner environment
//   goal_<part>      float64 [...]  the goal's parts, goal_qpos for instance
//
// Reward 1 and termination when the step reaches the goal (PhysicsState::goal_distance() no larger
// than the radius), else 0. Metrics: success; goal_distance at the end, and least_goal_distance
// since the start, including it [m]. An environment without such a distance reports the root mean
// square difference of qpos instead, without success, and never terminates. With read-only parts
// the distance is that of the positions, and success exists only if a radius is given. A step
// allocates only for simulator_state.
class ReachGoal final : public Wrapper {
 public:
  // Throws Error(kInput) when the environment has no field "pixels", no named parts, or already has
  // a field with one of the names above; for no tasks; and for options out of range or a radius
  // without a measured distance. Throws Error(kInput) with the task's number for parts that are not
  // those of the first task, unknown, of another size or not finite; for a missing start_state or
  // picture when parts cannot be set; for a picture of another size; for a task with neither goal
  // nor picture; and, with planner_fields, for one without a goal that can be set.
  ReachGoal(std::unique_ptr<Env> inner, std::shared_ptr<const std::vector<ReachGoalTask>> tasks,
            const ReachGoalOptions& options);

  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;
  Metrics metrics() const override;
  PhysicsState* physics() override { return &physics_; }

 private:
  class Physics final : public WrappedPhysics {
   public:
    Physics(PhysicsState& inner, ReachGoal& wrapper) : WrappedPhysics(inner), wrapper_(wrapper) {}
    void observe(FieldViews obs) const override;
    std::optional<double> reward() const override;
    std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                      std::span<const double> /*desired*/) const override {
      return std::nullopt;  // the inner goals are not the task's
    }

   private:
    ReachGoal& wrapper_;
  };

  struct Nearness {
    double distance = 0.0;
    bool reached = false;
  };

  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  void check_tasks();
  void check_state(const std::string& who, const ReachGoalTask::State& state) const;
  void add_fields();
  PhysicsState& parts() const { return *inner_physics_; }
  const ReachGoalTask& task() const { return (*tasks_)[task_]; }
  FieldViews inner_views(FieldViews obs) const { return obs.first(inner_fields_); }
  void check_start(const std::string& who, const ReachGoalTask& task) const;
  void place(const ReachGoalTask::State& state);
  void begin_at_start();
  void take_goal_picture(FieldViews inner_obs);
  void show_goal(FieldViews obs) const;
  std::optional<Nearness> nearness() const;  // in the current state; none without a goal state

  std::shared_ptr<const std::vector<ReachGoalTask>> tasks_;
  ReachGoalOptions options_;
  PhysicsState* inner_physics_;
  Physics physics_;
  size_t inner_fields_;    // their number
  size_t pixels_ = 0;      // which of them is "pixels"
  bool restores_ = false;  // parts are read-only: starts are whole states
  size_t place_ = 0;       // the part of a task that is "qpos" or holds the body's position
  bool measures_distance_ = false;    // the environment does
  size_t state_size_ = 0;             // of the inner environment
  mutable std::vector<double> here_;  // temporary copy of that part

  // The episode:
  size_t task_ = 0;
  std::vector<std::byte> goal_picture_;
  int64_t steps_ = 0;
  double least_distance_ = 0.0;
  bool reached_ = false;
  bool ended_ = true;  // until the first reset()
};

// Instances for a ThreadedVectorEnv. Throws Error as the constructor does, and at once.
EnvMaker reach_goal_maker(EnvMaker inner, std::shared_ptr<const std::vector<ReachGoalTask>> tasks,
                          const ReachGoalOptions& options);

}  // namespace reverie
