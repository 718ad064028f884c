#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "envs/cheetah/cheetah_factors.h"
#include "envs/cheetah/planar_tree.h"
#include "envs/env.h"
#include "envs/mujoco_simulation.h"

namespace reverie::cheetah {

// What all cheetah tasks need, configured once and shared by the instances.
struct Setup {
  EnvSpec spec;
  SharedModel model;
  std::shared_ptr<const FactorPlan> factors;
  bool observe_x = false;  // qpos starts with the horizontal position
};

// Compiles assets/cheetah/FILE. Throws Error(kInput) naming the file.
SharedModel load_cheetah(const std::string& file);

// A cheetah on a plane: simulation, observation, factors of variation, drawing and state. Tasks add
// how an episode begins and the reward of a step.
class CheetahEnv : public Env {
 public:
  const EnvSpec& spec() const override { return setup_->spec; }
  void reset(uint64_t seed, FieldViews obs) final;
  StepResult step(ConstFieldView action, FieldViews obs) final;
  std::vector<double> state() const final;
  void set_state(std::span<const double> state) final;
  void draw(Canvas& canvas, View view) const final;
  Metrics metrics() const final;
  PhysicsState* physics() final { return &physics_; }

 protected:
  explicit CheetahEnv(std::shared_ptr<const Setup> setup);

  // Puts the simulation, just reset, into an episode's first state.
  virtual void place(uint64_t seed) = 0;

  // Clips a valid action into ctrl, advances the simulation by spec().dt and returns the reward.
  virtual double advance(ConstFieldView action) = 0;

  // PhysicsState::reward().
  virtual std::optional<double> state_reward() const { return std::nullopt; }

  MujocoSimulation& simulation() { return simulation_; }
  const MujocoSimulation& simulation() const { return simulation_; }
  const PlanarTree& tree() const { return tree_; }

 private:
  class Physics final : public MujocoPhysicsState {
   public:
    explicit Physics(CheetahEnv& env) : MujocoPhysicsState(env.simulation_), env_(env) {}
    void observe(FieldViews obs) const override { env_.observe(obs); }
    std::optional<double> reward() const override { return env_.state_reward(); }
    std::vector<Quantity> quantities() const override;
    void measure(std::span<double> out) const override;
    std::vector<NamedReward> named_rewards() const override;

   private:
    CheetahEnv& env_;
  };

  void observe(FieldViews obs) const;
  void use_factors();

  std::shared_ptr<const Setup> setup_;
  MujocoSimulation simulation_;
  FactorValues factors_;
  PlanarTree tree_;
  Physics physics_{*this};
  double start_x_ = 0.0;      // [m]
  double start_angle_ = 0.0;  // [rad]
  double effort_ = 0.0;       // sum of squared controls
  int64_t steps_ = 0;
  bool ended_ = true;  // until the first reset()
};

}  // namespace reverie::cheetah
