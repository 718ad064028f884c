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
// message for a model that does not compile.
SharedModel compile_model(const std::string& mjcf, const std::string& name);

// One MuJoCo simulation: a shared model and its own state.
//
// The state is what mj_step depends on (time, qpos, qvel, activations, warm start, controls), a few
// hundred bytes. The engine works in an mjData of tens of kilobytes, which belongs to the thread:
// each step loads the state into it and reads the result back. That keeps shared data in the cache,
// and any thread may step a simulation with the same result. A thread allocates its mjData when it
// first uses a model; steps allocate nothing else.
// Forces in mjData::qfrc_applied and xfrc_applied are always 0.
//
// MuJoCo reports a diverged state by warning counters. step() turns them into an Error(kRun) after
// the C code has returned, because exceptions must not pass through it.
class MujocoSimulation {
 public:
  explicit MujocoSimulation(SharedModel model);

  const mjModel& model() const { return own_model_ ? *own_model_ : *shared_model_; }

  // Parts of the state, which may be read and changed between steps. [nq], [nv], [nu]
  std::span<double> qpos() { return part(qpos_, model().nq); }
  std::span<double> qvel() { return part(qvel_, model().nv); }
  std::span<double> ctrl() { return part(ctrl_, model().nu); }
  std::span<const double> qpos() const { return part(qpos_, model().nq); }
  std::span<const double> qvel() const { return part(qvel_, model().nv); }
  std::span<const double> ctrl() const { return part(ctrl_, model().nu); }
  double& time() { return state_[0]; }  // [s]
  double time() const { return state_[0]; }

  // Resets to the model's initial state, as in a new mjData.
  void reset();

  // Calls mj_step `count` times. Returns the thread's mjData with everything that the last call
  // computed, valid until this thread uses another simulation; writes to it are lost. Throws
  // Error(kRun) when position, velocity or acceleration are not finite, or when the engine warns or
  // fails; the simulation is then as it was before the call.
  mjData& step(int count = 1);

  // The thread's mjData with this state and the results of mj_kinematics (xpos, xmat, geom_xpos
  // ...), valid as long as step()'s.
  mjData& kinematics() const;

  // The full state that mj_step depends on, including the warm start: continuing from it is
  // bit-equal.
  size_t state_size() const { return state_.size(); }
  void get_state(std::span<double> out) const;
  void set_state(std::span<const double> state);

  // Gives this simulation its own model: a copy of the shared one, changed by `edit`, whatever was
  // changed before. Sizes must not change. Constants that depend on masses, inertias and positions
  // are recomputed (mj_setConst). Allocates only the first time. The state is kept.
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
  size_t qpos_ = 0, qvel_ = 0, ctrl_ = 0;               // start of each part in the state
  std::vector<double> state_;                           // in the layout of mj_getState
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

// Steps per second of the bare engine: only MuJoCo's own batch stepping (mjb_step) of 32
// simulations on `threads` threads under random controls. An environment's step rate is compared
// with this limit. Returns steps of `frame_skip` engine steps a second.
double bare_step_rate(const SharedModel& model, int frame_skip, int threads, double seconds);

}  // namespace reverie
