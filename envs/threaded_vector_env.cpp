#include "envs/threaded_vector_env.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace reverie {
namespace {

ThreadPool make_pool(const VectorEnvOptions& options) {
  const int64_t most = std::max<int64_t>(options.num_envs, 1);
  return ThreadPool(static_cast<int>(std::min<int64_t>(options.threads, most)), options.cpus);
}

// The flags of many environments share a cache line, which threads would contend for if every step
// wrote to it. Episodes rarely end.
void set_flag(uint8_t& flag, bool value) {
  if (flag != static_cast<uint8_t>(value)) flag = static_cast<uint8_t>(value);
}

}  // namespace

ThreadedVectorEnv::ThreadedVectorEnv(const EnvMaker& make, const VectorEnvOptions& options)
    : lanes_(make_lanes(make, options.num_envs)),
      autoreset_(options.autoreset),
      episode_seeds_(options.episode_seeds),
      fields_(spec().observation),
      action_field_(action_field(spec().action)),
      obs_(fields_, options.num_envs),
      pool_(make_pool(options)) {
  REVERIE_CHECK(options.batch == 0 || options.batch == options.num_envs,
                "vector environment: a batch of {} of {} environments; this one steps all, "
                "AsyncVectorEnv returns the first ones that are done",
                options.batch, options.num_envs);
  const size_t n = lanes_.size();
  if (autoreset_ == AutoReset::kSameStep) final_obs_ = FieldRows(fields_, options.num_envs);
  action_memory_.resize(n * action_field_.bytes());
  reward_.resize(n);
  terminated_.resize(n);
  truncated_.resize(n);
  finished_.reserve(n);
}

template <void (ThreadedVectorEnv::*Work)(size_t)>
void ThreadedVectorEnv::run(int64_t n) {
  pool_.start(
      n,
      [](void* self, int64_t i) {
        (static_cast<ThreadedVectorEnv*>(self)->*Work)(static_cast<size_t>(i));
      },
      this);
}

void ThreadedVectorEnv::clear_result(size_t i) {
  reward_[i] = 0.0;
  set_flag(terminated_[i], false);
  set_flag(truncated_[i], false);
}

void ThreadedVectorEnv::start_lane(size_t i) {
  EnvLane& lane = lanes_[i];
  try {
    lane.error = nullptr;
    const size_t number = static_cast<size_t>(lane.episode) * lanes_.size() + i;
    if (number < episode_seeds_.size()) {
      lane.start_with(episode_seeds_[number], obs_.row(i));
    } else {
      lane.start(start_seed_, i, obs_.row(i));
    }
  } catch (...) {
    lane.error = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
  }
}

VectorStep ThreadedVectorEnv::reset(uint64_t seed) {
  REVERIE_CHECK(!stepping_, "{}: reset() while a step is under way; call wait() first", spec().id);
  seed_ = seed;
  start_seed_ = seed;
  failed_.store(false, std::memory_order_relaxed);
  finished_.clear();
  for (size_t i = 0; i < lanes_.size(); ++i) {
    clear_result(i);
    lanes_[i].episode = 0;
  }
  run<&ThreadedVectorEnv::start_lane>(num_envs());
  pool_.wait();
  started_ = true;
  rethrow_failure();
  return last_step();
}

VectorStep ThreadedVectorEnv::reset_envs(std::span<const uint8_t> mask, uint64_t seed) {
  REVERIE_CHECK(started_, "{}: reset_envs() before reset()", spec().id);
  REVERIE_CHECK(!stepping_, "{}: reset_envs() while a step is under way; call wait() first",
                spec().id);
  REVERIE_CHECK(mask.size() == lanes_.size(),
                "{}: reset_envs() with a mask of {} for {} environments", spec().id, mask.size(),
                num_envs());
  mask_ = mask;
  start_seed_ = seed;
  finished_.clear();
  run<&ThreadedVectorEnv::restart_chosen>(num_envs());
  pool_.wait();
  start_seed_ = seed_;
  failed_.store(std::any_of(lanes_.begin(), lanes_.end(),
                            [](const EnvLane& lane) { return lane.error != nullptr; }),
                std::memory_order_relaxed);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (mask[i] != 0 && lanes_[i].error) lanes_[i].rethrow(i, num_envs());
  }
  return last_step();
}

void ThreadedVectorEnv::restart_chosen(size_t i) {
  clear_result(i);
  if (mask_[i] == 0) return;
  ++lanes_[i].episode;
  start_lane(i);
}

void ThreadedVectorEnv::step_async(ConstFieldView actions) {
  REVERIE_CHECK(started_, "{}: step() before reset()", spec().id);
  REVERIE_CHECK(!stepping_, "{}: a step is under way already; call wait() first", spec().id);
  REVERIE_CHECK(actions.count == num_envs(), "{}: {} actions for {} environments", spec().id,
                actions.count, num_envs());
  rethrow_failure();
  if (autoreset_ == AutoReset::kOff) {
    for (size_t i = 0; i < lanes_.size(); ++i) {
      REVERIE_CHECK(!lanes_[i].ended,
                    "environment {} of {}: {}: step() after the end of the episode; call "
                    "reset_envs() for it first",
                    i, num_envs(), spec().id);
    }
  }
  check_actions(spec(), actions, num_envs());
  std::memcpy(action_memory_.data(), actions.data, action_memory_.size());
  stepping_ = true;
  if (autoreset_ == AutoReset::kNextStep) {
    run<&ThreadedVectorEnv::step_or_start_lane>(num_envs());
  } else {
    run<&ThreadedVectorEnv::step_lane>(num_envs());
  }
}

void ThreadedVectorEnv::step_lane(size_t i) {
  EnvLane& lane = lanes_[i];
  try {
    const FieldViews row = obs_.row(i);
    const ConstFieldView actions{&action_field_, action_memory_.data(), num_envs()};
    const StepResult step = lane.step(actions.row(static_cast<int64_t>(i)), row);
    reward_[i] = step.reward;
    set_flag(terminated_[i], step.terminated);
    set_flag(truncated_[i], step.truncated);
    // The remaining work of an ended episode (its report, the reset) waits for wait(), except the
    // expensive part.
    if (step.terminated || step.truncated) {
      lane.ended = true;
      if (autoreset_ == AutoReset::kSameStep) copy_row(row, final_obs_.row(i));
    }
  } catch (...) {
    lane.error = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
    clear_result(i);
  }
}

void ThreadedVectorEnv::step_or_start_lane(size_t i) {
  EnvLane& lane = lanes_[i];
  if (!lane.ended) return step_lane(i);
  clear_result(i);
  ++lane.episode;
  start_lane(i);
}

VectorStep ThreadedVectorEnv::wait() {
  REVERIE_CHECK(stepping_, "{}: wait() without step_async()", spec().id);
  pool_.wait();
  stepping_ = false;
  finished_.clear();
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (terminated_[i] == 0 && truncated_[i] == 0) continue;
    finished_.push_back(lanes_[i].report(i, terminated_[i] != 0));
  }
  if (!finished_.empty() && autoreset_ == AutoReset::kSameStep) {
    // New episodes start on the pool too: a car-racing track takes longer than a step.
    run<&ThreadedVectorEnv::restart_finished>(static_cast<int64_t>(finished_.size()));
    pool_.wait();
  }
  rethrow_failure();
  return last_step();
}

void ThreadedVectorEnv::restart_finished(size_t k) {
  const auto i = static_cast<size_t>(finished_[k].env);
  ++lanes_[i].episode;
  start_lane(i);
}

void ThreadedVectorEnv::rethrow_failure() const {
  if (!failed_.load(std::memory_order_relaxed)) return;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].error) lanes_[i].rethrow(i, num_envs());
  }
}

VectorStep ThreadedVectorEnv::last_step() const {
  const bool same_step = autoreset_ == AutoReset::kSameStep;
  return {obs_.all(), same_step ? final_obs_.all() : obs_.all(), reward_, terminated_, truncated_,
          finished_};
}

VectorEnvSnapshot ThreadedVectorEnv::snapshot() const {
  REVERIE_CHECK(started_ && !stepping_, "{}: snapshot() between steps only", spec().id);
  rethrow_failure();
  VectorEnvSnapshot out;
  // Doubles hold whole numbers up to 2^53 exactly; the seed is stored in halves.
  const auto push_seed = [&](uint64_t seed) {
    out.state.push_back(static_cast<double>(seed >> 32));
    out.state.push_back(static_cast<double>(seed & 0xffffffffU));
  };
  push_seed(seed_);
  for (const EnvLane& lane : lanes_) {
    const std::vector<double> state = lane.env->state();
    push_seed(lane.seed);
    out.state.insert(out.state.end(), {static_cast<double>(lane.episode),
                                       static_cast<double>(lane.length), lane.episode_return});
    if (autoreset_ != AutoReset::kSameStep) out.state.push_back(lane.ended ? 1.0 : 0.0);
    out.state.push_back(static_cast<double>(state.size()));
    out.state.insert(out.state.end(), state.begin(), state.end());
  }
  for (const FieldView& view : obs_.all()) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(view.data);
    const size_t size = lanes_.size() * view.field->bytes();
    out.observations.insert(out.observations.end(), bytes, bytes + size);
  }
  return out;
}

void ThreadedVectorEnv::restore(const VectorEnvSnapshot& snapshot) {
  REVERIE_CHECK(!stepping_, "{}: restore() while a step is under way; call wait() first",
                spec().id);
  size_t position = 0;
  const auto next = [&] {
    REVERIE_CHECK(position < snapshot.state.size(),
                  "{}: the snapshot ends after {} numbers, more are needed for {} environments",
                  spec().id, snapshot.state.size(), num_envs());
    return snapshot.state[position++];
  };
  const auto next_count = [&](double limit) {
    const double value = next();
    REVERIE_CHECK(value >= 0 && value <= limit && value == std::floor(value),
                  "{}: the snapshot holds {} where a whole number in [0, {}] is expected",
                  spec().id, value, limit);
    return static_cast<uint64_t>(value);
  };
  const auto next_seed = [&] {
    const uint64_t high = next_count(4294967295.0);
    return high << 32 | next_count(4294967295.0);
  };
  const size_t bytes = obs_.bytes();
  REVERIE_CHECK(snapshot.observations.size() == bytes,
                "{}: the snapshot holds {} bytes of observations, expected {}", spec().id,
                snapshot.observations.size(), bytes);

  started_ = false;  // until everything is read: after a failure half-way it needs reset()
  seed_ = next_seed();
  start_seed_ = seed_;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    EnvLane& lane = lanes_[i];
    lane.seed = next_seed();
    lane.episode = static_cast<int64_t>(next_count(0x1p53));
    lane.length = static_cast<int64_t>(next_count(0x1p53));
    lane.episode_return = next();
    lane.ended = autoreset_ != AutoReset::kSameStep && next_count(1.0) != 0;
    const uint64_t size = next_count(static_cast<double>(snapshot.state.size() - position));
    lane.error = nullptr;
    lane.env->reset(lane.seed, obs_.row(i));
    lane.env->set_state({snapshot.state.data() + position, static_cast<size_t>(size)});
    position += size;
  }
  REVERIE_CHECK(position == snapshot.state.size(),
                "{}: the snapshot holds {} numbers, {} were expected for {} environments",
                spec().id, snapshot.state.size(), position, num_envs());
  const uint8_t* source = snapshot.observations.data();
  for (const FieldView& view : obs_.all()) {
    const size_t size = lanes_.size() * view.field->bytes();
    std::memcpy(view.data, source, size);
    source += size;
  }
  for (size_t i = 0; i < lanes_.size(); ++i) clear_result(i);
  failed_.store(false, std::memory_order_relaxed);
  finished_.clear();
  started_ = true;
}

}  // namespace reverie
