#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mujoco/mujoco.h>

#include "envs/env.h"

namespace reverie {

struct MjModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
struct MjDataDeleter {
  void operator()(mjData* data) const { mj_deleteData(data); }
};
using SharedModel = std::shared_ptr<const mjModel>;

// Compiles MJCF text. `name` stands for the file in messages. Throws Error(kInput) with MuJoCo's
// own words for a model that does not compile.
SharedModel compile_model(const std::string& mjcf, const std::string& name);

// One MuJoCo simulation: a model that many share, and a state of its own.
//
// The state is what mj_step depends on (time, qpos, qvel, activations, warm start, controls), a few
// hundred bytes. The mjData that the engine works in, tens of kilobytes, belongs to the thread:
// each step loads the state into it and reads the result back. What many simulations touch stays
// in the cache that way, and a simulation may be stepped by any thread with the same result. A
// thread allocates its mjData when it first meets a model, steps allocate nothing else.
// Forces in mjData::qfrc_applied and xfrc_applied are always 0.
//
// MuJoCo reports a state that has blown up by warning counters; step() turns them into an
// Error(kRun) after the C code has returned, because exceptions must not pass through it.
class MujocoSimulation {
 public:
  explicit MujocoSimulation(SharedModel model);

  const mjModel& model() const { return own_model_ ? *own_model_ : *shared_model_; }

  // Parts of the state, to be read and changed between steps. [nq], [nv], [nu]
  std::span<double> qpos() { return part(qpos_, model().nq); }
  std::span<double> qvel() { return part(qvel_, model().nv); }
  std::span<double> ctrl() { return part(ctrl_, model().nu); }
  std::span<const double> qpos() const { return part(qpos_, model().nq); }
  std::span<const double> qvel() const { return part(qvel_, model().nv); }
  std::span<const double> ctrl() const { return part(ctrl_, model().nu); }
  double& time() { return state_[0]; }  // [s]
  double time() const { return state_[0]; }

  // Back to the model's initial state, as a new mjData.
  void reset();

  // `count` calls of mj_step. Returns the thread's mjData with everything that the last of them
  // computed, valid until this thread uses another simulation; what is written there is lost.
  // Throws Error(kRun) when position, velocity or acceleration are not finite, or the engine warns
  // or fails; the simulation is then as it was before the call.
  mjData& step(int count = 1);

  // The thread's mjData with this state and what mj_kinematics makes of it (xpos, xmat, geom_xpos
  // ...), valid as long as that of step().
  mjData& kinematics() const;

  // The full state that mj_step depends on, warm start included: continuing is bit-equal.
  size_t state_size() const { return state_.size(); }
  void get_state(std::span<double> out) const;
  void set_state(std::span<const double> state);

  // Gives this simulation a model of its own: a copy of the shared one, changed by `edit`, whatever
  // was changed before. Sizes must stay. Constants that depend on masses, inertias and positions
  // are computed anew (mj_setConst). Allocates only the first time. The state stays.
  void change_model(const std::function<void(mjModel&)>& edit);

 private:
  std::span<double> part(size_t begin, int size) {
    return {state_.data() + begin, static_cast<size_t>(size)};
  }
  std::span<const double> part(size_t begin, int size) const {
    return {state_.data() + begin, static_cast<size_t>(size)};
  }
  mjData& load() const;

  SharedModel shared_model_;
  std::unique_ptr<mjModel, MjModelDeleter> own_model_;  // null unless changed
  size_t qpos_ = 0, qvel_ = 0, ctrl_ = 0;               // where the parts of the state begin
  std::vector<double> state_;                           // as mj_getState lays it out
};

// qpos and qvel of a simulation as the named parts of PhysicsState.
class MujocoPhysicsState : public PhysicsState {
 public:
  explicit MujocoPhysicsState(MujocoSimulation& simulation) : simulation_(simulation) {}

  std::vector<Part> parts() const override;
  void get(std::string_view part, std::span<double> out) const override;
  void set(std::string_view part, std::span<const double> values) override;

  const MujocoSimulation& simulation() const { return simulation_; }

 private:
  std::span<double> find(std::string_view part) const;

  MujocoSimulation& simulation_;
};

// Throws Error unless `values` has `expected` finite numbers. `what` opens the message.
void check_finite_values(std::string_view what, std::span<const double> values, size_t expected);

// Steps a second of the bare engine: MuJoCo's own batch stepping (mjb_step) of 32 simulations on
// `threads` threads under random controls and nothing else. It is the limit that an environment's
// step rate is compared with. Returns steps of `frame_skip` engine steps a second.
double bare_step_rate(const SharedModel& model, int frame_skip, int threads, double seconds);

}  // namespace reverie
