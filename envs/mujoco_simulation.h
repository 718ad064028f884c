#pragma once

#include <memory>
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

// One MuJoCo simulation: a model that many share, and data of its own.
//
// MuJoCo reports a state that has blown up by warning counters; step() turns them into an
// Error(kRun) after the C code has returned, because exceptions must not pass through it.
class MujocoSimulation {
 public:
  explicit MujocoSimulation(SharedModel model);

  const mjModel& model() const { return *model_; }
  mjData& data() { return *data_; }
  const mjData& data() const { return *data_; }

  // Back to the model's initial state, as a new mjData.
  void reset();

  // `count` calls of mj_step. Throws Error(kRun) when position, velocity or acceleration are not
  // finite; the simulation then needs reset().
  void step(int count = 1);

  // The full state that mj_step depends on, warm start included: continuing is bit-equal.
  size_t state_size() const { return static_cast<size_t>(state_size_); }
  void get_state(std::span<double> out) const;
  void set_state(std::span<const double> state);

 private:
  SharedModel model_;
  std::unique_ptr<mjData, MjDataDeleter> data_;
  int state_size_;
};

// qpos and qvel of a simulation as the named parts of PhysicsState.
class MujocoPhysicsState : public PhysicsState {
 public:
  explicit MujocoPhysicsState(MujocoSimulation& simulation) : simulation_(simulation) {}

  std::vector<std::pair<std::string, size_t>> parts() const override;
  void get(std::string_view part, std::span<double> out) const override;
  void set(std::string_view part, std::span<const double> values) override;

 private:
  std::span<double> find(std::string_view part) const;

  MujocoSimulation& simulation_;
};

// Throws Error unless `values` has `expected` finite numbers. `what` opens the message.
void check_finite_values(std::string_view what, std::span<const double> values, size_t expected);

// Steps a second of the bare engine: 32 simulations a thread under random controls, mj_step and
// nothing else. It is the limit that an environment's step rate is compared with. Returns steps of
// `frame_skip` engine steps a second.
double bare_step_rate(const SharedModel& model, int frame_skip, int threads, double seconds);

}  // namespace reverie
