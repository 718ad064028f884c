#pragma once

#include <cstdint>
#include <memory>

#include "envs/wrappers/wrapper.h"

namespace reverie {

// Truncates an episode after `limit` of its own steps in a row without a positive reward, unless it
// ended before. For training: what an agent does once it is stuck teaches it little.
class StallLimit final : public Wrapper {
 public:
  StallLimit(std::unique_ptr<Env> inner, int64_t limit);  // >= 1

  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;

 private:
  std::vector<double> memory() const override;
  void set_memory(std::span<const double> numbers) override;

  int64_t limit_;
  int64_t stalled_ = 0;  // steps since the last positive reward
};

}  // namespace reverie
