#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/formula.h"
#include "envs/wrappers/wrapper.h"

namespace reverie {

// Replaces the reward by a formula over the state after a step and its action. Ends of episodes,
// metrics and what is observed stay the environment's own. The names in a formula:
//
//   speed, x, ...     the environment's quantities (PhysicsState::quantities())
//   qpos_0, qvel_3    the numbers of its parts, from 0; a scalar part has its name alone
//   action_0, ...     the numbers of the action, within their bounds
//
// The goal of a formula is the one that the step pursued, also where reaching it gives a new one.
//
// Hindsight goals have no outcome: a formula says nothing of other goals than the episode's. A
// formula with actions has no reward of a state alone (PhysicsState::reward()).
class FormulaReward final : public Wrapper {
 public:
  // reward: a formula, or one of PhysicsState::named_rewards(). Throws Error(kInput) for another
  // name, as Formula does, and for an environment without named parts.
  FormulaReward(std::unique_ptr<Env> inner, const std::string& reward);

  // Throws Error(kRun) when the reward is not finite.
  StepResult step(ConstFieldView action, FieldViews obs) override;
  PhysicsState* physics() override { return &physics_; }

 private:
  class Physics final : public WrappedPhysics {
   public:
    Physics(PhysicsState& inner, const FormulaReward& wrapper)
        : WrappedPhysics(inner), wrapper_(wrapper) {}
    std::optional<double> reward() const override;
    std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                      std::span<const double> /*desired*/) const override {
      return std::nullopt;
    }

   private:
    const FormulaReward& wrapper_;
  };

  // A part of the state that the formula reads, and its place in numbers_.
  struct PartPlace {
    std::string name;
    size_t first, size;
  };

  void read_action(ConstFieldView action);
  double evaluate() const;
  double evaluate_towards(std::span<const double> goal);

  PhysicsState* inner_physics_;
  std::vector<double> goal_, new_goal_;  // the part "desired_goal"; empty where there is none
  size_t quantities_ = 0;                // how many numbers_ begin with
  std::vector<PartPlace> parts_;
  bool reads_action_ = false;
  size_t action_ = 0;  // where it begins in numbers_
  // The numbers that the formula reads, in the order of its names.
  mutable std::vector<double> numbers_;
  mutable Formula formula_;
  Physics physics_;
};

// The names that a formula for this environment may contain, with their meaning.
std::vector<PhysicsState::Quantity> reward_names(Env& env);

}  // namespace reverie
