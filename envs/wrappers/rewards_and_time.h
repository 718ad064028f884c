#pragma once

#include <cstdint>
#include <memory>

#include "envs/wrappers/wrapper.h"

namespace reverie {

// These wrappers change the return or length of an episode, so the reference returns are dropped.

// reward *= scale.
class RewardScale final : public RewardWrapper {
 public:
  RewardScale(std::unique_ptr<Env> inner, double scale);

 private:
  double change(double reward) const override { return reward * scale_; }

  double scale_;
};

// reward = min(max(reward, -bound), bound).
class RewardClip final : public RewardWrapper {
 public:
  RewardClip(std::unique_ptr<Env> inner, double bound);  // > 0

 private:
  double change(double reward) const override;

  double bound_;
};

// Truncates an episode after `limit` of its own steps, unless it ended before. The outcomes in
// physics() do not depend on the clock and stay as they are.
class TimeLimit final : public Wrapper {
 public:
  TimeLimit(std::unique_ptr<Env> inner, int64_t limit);  // >= 1

  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;

 private:
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  int64_t limit_;
  int64_t steps_ = 0;
};

}  // namespace reverie
