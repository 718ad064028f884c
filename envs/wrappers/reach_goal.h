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

// From one state to another.
struct ReachGoalTask {
  // Parts of PhysicsState by name; in all tasks the same ones in one order. Where parts can be set,
  // those that make up the state, "qpos" among them; else the one that says where the body is.
  using State = std::vector<std::pair<std::string, std::vector<double>>>;
  State start;
  // Env::state() of the start, for environments whose parts can only be read; else empty. It brings
  // back the recorded episode as it was, so `picture` is asked for too.
  std::vector<double> start_state = {};
  State goal = {};  // empty: only its picture is known, nothing is measured and nothing reached
  // One frame as the field "pixels" holds it (of a stack: one of its frames). Empty: the picture of
  // the goal state is drawn.
  std::vector<uint8_t> picture = {};
};

struct ReachGoalOptions {
  int64_t budget = 50;  // steps after which an episode is truncated, >= 1
  // [m] no further than this is reached, > 0; the environment's own where not given. Where parts
  // can only be read it has none: nothing counts as reached then.
  std::optional<double> radius = {};
  // Adds the fields that a planner on the true simulator needs.
  bool planner_fields = false;
};

// Makes the task "get to where this picture was taken" of any environment that shows its picture
// and whose state can be set, part by part or as a whole (ReachGoalTask::start_state). Its own
// goal, rewards and metrics are not looked at; an episode that it ends is truncated.
//
// reset(seed) plays task number seed mod tasks: the seeds 0 .. n-1 play each of n tasks once
// (EvaluationOptions::episode_seeds). The seed also begins the inner episode, which decides the
// factors of variation; goal and start are then set.
//
// Observation: the inner fields, then
//
//   goal_pixels      as "pixels"    the picture of the goal, by the looks of this episode
//   and with planner_fields
//   simulator_state  float64 [S]    Env::state() of the inner environment
//   goal_<part>      float64 [...]  the goal's parts, goal_qpos for instance
//
// Reward 1 and termination where the step leads to the goal (PhysicsState::goal_distance() no
// larger than the radius), else 0. Metrics: success; goal_distance, at the end, and
// least_goal_distance, since the start and with it [m]. An environment that measures no such
// distance reports the root mean square difference of qpos in its place, no success, and never
// terminates; where parts can only be read it is the distance of the places, and there is success
// where a radius is given. Allocates in a step only for simulator_state.
class ReachGoal final : public Wrapper {
 public:
  // Throws Error(kInput) where the environment has no field "pixels", no named parts, or a field of
  // a name above; for no tasks, and with its number for one whose parts are not those of the first,
  // unknown, of another size or not finite, whose start_state or picture is missing where parts
  // cannot be set, whose picture has another size, that has neither goal nor picture, or, with
  // planner_fields, no goal that can be set; for options out of range and a radius where no
  // distance is measured.
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
  std::optional<Nearness> nearness() const;  // of the state as it now is; none without a goal state

  std::shared_ptr<const std::vector<ReachGoalTask>> tasks_;
  ReachGoalOptions options_;
  PhysicsState* inner_physics_;
  Physics physics_;
  size_t inner_fields_;             // how many
  size_t pixels_ = 0;               // which of them is "pixels"
  bool restores_ = false;           // parts can only be read: starts are whole states
  size_t place_ = 0;                // which of a task's parts is "qpos", or else where the body is
  bool measures_distance_ = false;  // the environment does
  size_t state_size_ = 0;           // of the inner environment
  mutable std::vector<double> here_;  // that part on its way

  // The episode:
  size_t task_ = 0;
  std::vector<std::byte> goal_picture_;
  int64_t steps_ = 0;
  double least_distance_ = 0.0;
  bool reached_ = false;
  bool ended_ = true;  // until the first reset()
};

// Instances for a ThreadedVectorEnv. Throws Error as the constructor does, at once.
EnvMaker reach_goal_maker(EnvMaker inner, std::shared_ptr<const std::vector<ReachGoalTask>> tasks,
                          const ReachGoalOptions& options);

}  // namespace reverie
