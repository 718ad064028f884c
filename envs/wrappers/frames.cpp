#include "envs/wrappers/frames.h"

#include <algorithm>
#include <cstring>

#include "envs/wrappers/state_numbers.h"

namespace reverie {
namespace {

constexpr size_t kMaxStackBytes = size_t{1} << 30;  // catches a mistake early

}  // namespace

FrameSkip::FrameSkip(std::unique_ptr<Env> wrapped, int64_t skip)
    : Wrapper(std::move(wrapped), fmt::format("frame_skip {}", skip)), skip_(skip) {
  EnvSpec& spec = edit_spec();
  spec.dt *= static_cast<double>(skip);
  spec.max_steps = (spec.max_steps + skip - 1) / skip;
  if (PhysicsState* physics = inner().physics()) physics_.emplace(*physics);
}

StepResult FrameSkip::step(ConstFieldView action, FieldViews obs) {
  StepResult result;
  double sum = 0.0;
  for (int64_t i = 0; i < skip_ && !result.terminated && !result.truncated; ++i) {
    result = inner().step(action, obs);
    sum += result.reward;
  }
  result.reward = sum;
  return result;
}

FrameStack::FrameStack(std::unique_ptr<Env> wrapped, int64_t count)
    : ObservationWrapper(std::move(wrapped), fmt::format("frame_stack {}", count)),
      count_(static_cast<size_t>(count)) {
  std::vector<Field>& fields = edit_spec().observation;
  auto found = fields.end();
  for (const char* name : {"observation", "pixels"}) {
    const auto named = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field& field) { return field.name == name; });
    if (named != fields.end()) found = named;
  }
  std::string names;
  for (const Field& field : fields) names += (names.empty() ? "" : ", ") + field.name;
  REVERIE_CHECK(found != fields.end(),
                "{}: --frame-stack {}: the observation has the fields ({}), expected 'pixels' or "
                "'observation' among them",
                spec().id, count, names);
  field_ = *found;
  place_ = static_cast<size_t>(found - fields.begin());
  REVERIE_CHECK(count_ <= kMaxStackBytes / field_.bytes(),
                "{}: --frame-stack {}: {} frames of {} bytes, expected at most {} bytes in all",
                spec().id, count, count, field_.bytes(), kMaxStackBytes);
  frames_.resize(count_ * field_.bytes());
  for (const Field& field : inner().spec().observation) views_.push_back({&field, nullptr, 1});
  found->shape.insert(found->shape.begin(), count);
  found->stacked = count;
  for (std::vector<float>* bound : {&found->low, &found->high}) {
    if (bound->size() <= 1) continue;
    const std::vector<float> once = *bound;
    for (size_t i = 1; i < count_; ++i) bound->insert(bound->end(), once.begin(), once.end());
  }
}

FieldViews FrameStack::inner_views(FieldViews obs) {
  for (size_t f = 0; f < views_.size(); ++f) {
    views_[f].data = f == place_ ? frame(oldest_) : obs[f].data;
  }
  return views_;
}

void FrameStack::observe(FieldViews obs, bool first) {
  const size_t bytes = field_.bytes();
  if (first) {
    for (size_t i = 0; i < count_; ++i) {
      if (i != oldest_) std::memcpy(frame(i), frame(oldest_), bytes);
    }
  }
  oldest_ = (oldest_ + 1) % count_;
  std::byte* out = obs[place_].data;
  const size_t behind = (count_ - oldest_) * bytes;
  std::memcpy(out, frame(oldest_), behind);
  std::memcpy(out + behind, frames_.data(), oldest_ * bytes);
}

std::vector<double> FrameStack::memory() const {
  StateWriter writer;
  for (size_t i = 0; i < count_; ++i) {
    const size_t at = (oldest_ + i) % count_ * field_.bytes();
    writer.row(field_, std::span(frames_).subspan(at, field_.bytes()));
  }
  return writer.take();
}

void FrameStack::set_memory(std::span<const double> numbers) {
  StateReader reader(fmt::format("{}: frame_stack", spec().id), numbers);
  std::vector<std::byte> frames;
  for (size_t i = 0; i < count_; ++i) {
    const std::vector<std::byte> row = reader.row(field_);
    frames.insert(frames.end(), row.begin(), row.end());
  }
  frames_ = std::move(frames);
  oldest_ = 0;
}

}  // namespace reverie
