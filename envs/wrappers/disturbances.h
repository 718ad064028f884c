#pragma once

#include <memory>
#include <vector>

#include "core/random.h"
#include "envs/wrappers/wrapper.h"

namespace reverie {

// Three disturbances of the controlled machine. Each draws from its own generator, seeded from the
// episode's seed, so that enabling one leaves the draws of the task and of the others unchanged.
// The reference returns are dropped, because they were measured without disturbances.

// With probability p, a simulator step repeats the previously executed action instead of the given
// one. The first step of an episode executes the given action.
// Source: Machado et al. 2018, Revisiting the Arcade Learning Environment, section 5.3.
class StickyActions final : public Wrapper {
 public:
  StickyActions(std::unique_ptr<Env> inner, double probability);  // in [0, 1)

  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;

 private:
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  double probability_;
  Field action_field_;
  std::vector<std::byte> previous_;  // the action executed last
  bool has_previous_ = false;
  Rng rng_{0};
};

// action += (high - low) / 2 * N(0, std^2) in each simulator step, clipped to the bounds before and
// after.
class ActionNoise final : public Wrapper {
 public:
  // Throws Error for discrete actions and for a Box without finite bounds.
  ActionNoise(std::unique_ptr<Env> inner, double std);

  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;

 private:
  template <typename T>
  void disturb(std::span<const T> action);
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  Field box_;
  std::vector<double> low_, high_;  // [numel]
  double std_;
  std::vector<std::byte> noisy_;  // the action that is executed
  Rng rng_{0};
};

// Adds N(0, std^2), in the observation's own units, to every element of the float fields, which
// then have no bounds.
class ObservationNoise final : public ObservationWrapper {
 public:
  // Throws Error when there is no float field.
  ObservationNoise(std::unique_ptr<Env> inner, double std);

 private:
  void start(uint64_t seed) override;
  void observe(FieldViews obs, bool first) override;
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  double std_;
  Rng rng_{0};
};

}  // namespace reverie
