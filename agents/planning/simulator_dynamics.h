#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/action_scale.h"
#include "envs/env.h"
#include "envs/thread_pool.h"
#include "worldmodel/dynamics.h"

namespace reverie {

// The simulator itself as the planning model: shows what a planner reaches with a perfect model.
// Letters: B worlds, n numbers of Env::state(), q numbers of the physics parts.
//
// A latent state is
//   z: [B, n + 1] float64, Env::state() and a flag for an ended episode (0 or 1);
//   h: [B, q] float64, the physics parts that costs are measured by, one after the other.
// All tensors are on the CPU. Rows are spread over threads; results do not depend on their number.
class SimulatorDynamics final : public Dynamics {
 public:
  // One environment per thread. Throws Error(kInput) for an environment without these physics
  // parts, for no parts, and for a number of threads that ThreadPool refuses.
  explicit SimulatorDynamics(const EnvMaker& make, int threads = 1,
                             const std::vector<std::string>& parts = {"qpos"});
  ~SimulatorDynamics() override;

  // The start states of plans. states: [B, n] float64, results of Env::state() in running episodes.
  // Throws Error(kInput) for other shapes and for states that the environment refuses.
  LatentState start(const at::Tensor& states);

  // One model step of `block` consecutive environment steps. action: [B, block * A] in [-1, 1], or
  // [B, block] int64 where actions are discrete. A row whose episode ends stays where it ended.
  // Throws Error that names the row for states and actions that the environment refuses and where
  // the simulator fails.
  LatentState predict(const LatentState& state, const at::Tensor& action) override;

  bool differentiable() const override { return false; }

  const EnvSpec& spec() const;
  int64_t state_size() const { return state_size_; }  // n

 private:
  struct Lane;
  struct Round;

  at::Tensor in_own_units(const at::Tensor& unit) const;
  LatentState run(const at::Tensor& z, const at::Tensor& action, int64_t block);
  void work(const Round& round, size_t lane) const;
  void advance(const Round& round, Lane& lane, int64_t row) const;

  std::vector<std::unique_ptr<Lane>> lanes_;  // one a thread
  std::optional<ActionScale> scale_;
  Field action_field_;
  std::vector<PhysicsState::Part> parts_;
  int64_t state_size_ = 0;
  int64_t part_size_ = 0;  // q
  ThreadPool pool_;
};

}  // namespace reverie
