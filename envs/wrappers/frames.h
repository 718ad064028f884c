#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "envs/wrappers/wrapper.h"

namespace reverie {

// Applies each action for N simulator steps, or until the episode ends, and sums the rewards. One
// step lasts N dt; max_steps is ceil(max_steps / N). Metrics still count simulator steps.
//
// physics() has no reward() and no outcome(): a reward is a sum over N states, of which only the
// last is known there.
class FrameSkip final : public Wrapper {
 public:
  FrameSkip(std::unique_ptr<Env> inner, int64_t skip);  // skip >= 2

  StepResult step(ConstFieldView action, FieldViews obs) override;
  PhysicsState* physics() override { return physics_ ? &*physics_ : nullptr; }

 private:
  class Physics final : public WrappedPhysics {
   public:
    explicit Physics(PhysicsState& inner) : WrappedPhysics(inner) {}
    std::optional<double> reward() const override { return std::nullopt; }
    std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                      std::span<const double> /*desired*/) const override {
      return std::nullopt;
    }
  };

  int64_t skip_;
  std::optional<Physics> physics_;  // if the inner environment has named parts
};

// The last K values of a field, oldest first, under a new leading axis: [K, ...]. At the start of
// an episode, its first value is repeated for the missing ones. The field is "pixels" if there is
// one, else "observation"; other fields are unchanged.
class FrameStack final : public ObservationWrapper {
 public:
  // count >= 2. Throws Error when there is neither field, and for a stack larger than 1 GiB.
  FrameStack(std::unique_ptr<Env> inner, int64_t count);

 private:
  FieldViews inner_views(FieldViews obs) override;
  void observe(FieldViews obs, bool first) override;
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  std::byte* frame(size_t place) { return frames_.data() + place * field_.bytes(); }

  Field field_;       // of one frame
  size_t place_ = 0;  // of the field in the observation
  size_t count_;
  std::vector<std::byte> frames_;  // [K, ...] as a ring
  size_t oldest_ = 0;              // the next frame is written over it
  std::vector<FieldView> views_;
};

}  // namespace reverie
