#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "envs/env.h"

namespace reverie {

// An environment around another one, with the same contract (envs/env.h). It forwards everything; a
// wrapper overrides what it changes and edits spec() in its constructor. State that it keeps
// between steps goes through memory(), so that state() is complete.
class Wrapper : public Env {
 public:
  const EnvSpec& spec() const override { return spec_; }
  void reset(uint64_t seed, FieldViews obs) override { inner_->reset(seed, obs); }
  StepResult step(ConstFieldView action, FieldViews obs) override {
    return inner_->step(action, obs);
  }
  void draw(Canvas& canvas, View view) const override { inner_->draw(canvas, view); }
  Metrics metrics() const override { return inner_->metrics(); }
  PhysicsState* physics() override { return inner_->physics(); }

  // The numbers of the inner environment, then those of memory().
  std::vector<double> state() const final;
  void set_state(std::span<const double> state) final;

 protected:
  // note: the part of spec().source that describes this wrapper, for example "frame_skip 4".
  Wrapper(std::unique_ptr<Env> inner, std::string_view note);

  Env& inner() { return *inner_; }
  const Env& inner() const { return *inner_; }
  EnvSpec& edit_spec() { return spec_; }

  // What the wrapper remembers, as finite numbers. Their count is constant.
  virtual std::vector<double> memory() const { return {}; }

  // Restores what memory() returned. For other numbers it throws Error and changes nothing.
  virtual void set_memory(std::span<const double> /*numbers*/) {}

 private:
  std::unique_ptr<Env> inner_;
  EnvSpec spec_;
};

// The named parts of a wrapped environment. It forwards everything; a wrapper derives from it to
// change what physics() shows.
class WrappedPhysics : public PhysicsState {
 public:
  std::vector<Part> parts() const override { return inner_.parts(); }
  void get(std::string_view part, std::span<double> out) const override { inner_.get(part, out); }
  void set(std::string_view part, std::span<const double> values) override {
    inner_.set(part, values);
  }
  bool settable() const override { return inner_.settable(); }
  std::vector<Constant> constants() const override { return inner_.constants(); }
  void observe(FieldViews obs) const override { inner_.observe(obs); }
  std::optional<double> reward() const override { return inner_.reward(); }
  std::optional<StepResult> outcome(std::span<const double> achieved,
                                    std::span<const double> desired) const override {
    return inner_.outcome(achieved, desired);
  }
  std::vector<Quantity> quantities() const override { return inner_.quantities(); }
  void measure(std::span<double> out) const override { inner_.measure(out); }
  std::vector<NamedReward> named_rewards() const override { return inner_.named_rewards(); }
  std::optional<GoalDistance> goal_distance(std::span<const double> goal_qpos) const override {
    return inner_.goal_distance(goal_qpos);
  }
  const PhysicsState& innermost() const override { return inner_.innermost(); }

 protected:
  explicit WrappedPhysics(PhysicsState& inner) : inner_(inner) {}

 private:
  PhysicsState& inner_;
};

// A wrapper that changes the reward, both in step() and through physics(): hindsight goals or a
// relabelled dataset thus get the rewards that step() gives.
class RewardWrapper : public Wrapper {
 public:
  StepResult step(ConstFieldView action, FieldViews obs) final;
  PhysicsState* physics() final { return physics_ ? &*physics_ : nullptr; }

 protected:
  RewardWrapper(std::unique_ptr<Env> inner, std::string_view note);

  // The new reward of a step whose inner reward is `reward`.
  virtual double change(double reward) const = 0;

 private:
  class Physics final : public WrappedPhysics {
   public:
    Physics(PhysicsState& inner, const RewardWrapper& wrapper)
        : WrappedPhysics(inner), wrapper_(wrapper) {}
    std::optional<double> reward() const override;
    std::optional<StepResult> outcome(std::span<const double> achieved,
                                      std::span<const double> desired) const override;

   private:
    const RewardWrapper& wrapper_;
  };

  std::optional<Physics> physics_;  // if the inner environment has named parts
};

// A wrapper that changes the observation of a reset, of a step and through physics() alike.
class ObservationWrapper : public Wrapper {
 public:
  void reset(uint64_t seed, FieldViews obs) final;
  StepResult step(ConstFieldView action, FieldViews obs) final;
  PhysicsState* physics() final { return physics_ ? &*physics_ : nullptr; }

 protected:
  ObservationWrapper(std::unique_ptr<Env> inner, std::string_view note);

  // Called before the first observation of an episode.
  virtual void start(uint64_t /*seed*/) {}

  // Where the inner environment writes, given where the result goes.
  virtual FieldViews inner_views(FieldViews obs) { return obs; }

  // Makes the wrapped observation from the inner one. first: nothing came before it (a reset, or a
  // state that was set part by part).
  virtual void observe(FieldViews obs, bool first) = 0;

 private:
  class Physics final : public WrappedPhysics {
   public:
    Physics(PhysicsState& inner, ObservationWrapper& wrapper)
        : WrappedPhysics(inner), wrapper_(wrapper) {}
    void observe(FieldViews obs) const override;

   private:
    ObservationWrapper& wrapper_;
  };

  std::optional<Physics> physics_;  // if the inner environment has named parts
};

}  // namespace reverie
