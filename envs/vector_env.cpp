#include "envs/vector_env.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/random.h"

namespace reverie {

VectorEnv::VectorEnv(const EnvMaker& make, int64_t num_envs, int threads)
    : pool_(static_cast<int>(std::min<int64_t>(threads, std::max<int64_t>(num_envs, 1)))) {
  REVERIE_CHECK(num_envs >= 1, "vector environment: {} environments, expected at least 1",
                num_envs);
  for (int64_t i = 0; i < num_envs; ++i) envs_.push_back(make());
  const size_t n = envs_.size();
  fields_ = spec().observation;
  action_field_ = action_field(spec().action);
  action_memory_.resize(n * action_field_.bytes());
  obs_ = make_columns();
  final_obs_ = make_columns();
  reward_.resize(n);
  terminated_.resize(n);
  truncated_.resize(n);
  lanes_.resize(n);
  finished_.reserve(n);
}

VectorEnv::Columns VectorEnv::make_columns() const {
  Columns columns;
  const size_t n = envs_.size();
  for (const Field& field : fields_) {
    columns.memory.emplace_back(n * field.bytes());
    columns.views.push_back({&field, columns.memory.back().data(), static_cast<int64_t>(n)});
  }
  for (size_t i = 0; i < n; ++i) {
    for (const FieldView& view : columns.views) {
      columns.rows.push_back(view.row(static_cast<int64_t>(i)));
    }
  }
  return columns;
}

void VectorEnv::note_failure(size_t i) {
  lanes_[i].error = std::current_exception();
  failed_.store(true, std::memory_order_relaxed);
}

void VectorEnv::start_episode(size_t i) {
  Lane& lane = lanes_[i];
  lane.seed = mix_seed({seed_, i, static_cast<uint64_t>(lane.episode)});
  lane.length = 0;
  lane.episode_return = 0.0;
  envs_[i]->reset(lane.seed, obs_.row(i, fields_.size()));
}

VectorStep VectorEnv::reset(uint64_t seed) {
  REVERIE_CHECK(!stepping_, "{}: reset() while a step is under way; call wait() first", spec().id);
  seed_ = seed;
  std::fill(reward_.begin(), reward_.end(), 0.0);
  std::fill(terminated_.begin(), terminated_.end(), uint8_t{0});
  std::fill(truncated_.begin(), truncated_.end(), uint8_t{0});
  finished_.clear();
  pool_.start(
      num_envs(),
      [](void* self, int64_t index) {
        auto& vector = *static_cast<VectorEnv*>(self);
        const auto i = static_cast<size_t>(index);
        vector.lanes_[i] = {};
        try {
          vector.start_episode(i);
        } catch (...) {
          vector.note_failure(i);
        }
      },
      this);
  pool_.wait();
  started_ = true;
  rethrow_failures();
  return result();
}

VectorStep VectorEnv::step(ConstFieldView actions) {
  step_async(actions);
  return wait();
}

void VectorEnv::step_async(ConstFieldView actions) {
  REVERIE_CHECK(started_, "{}: step() before reset()", spec().id);
  REVERIE_CHECK(!stepping_, "{}: a step is under way already; call wait() first", spec().id);
  REVERIE_CHECK(actions.count == num_envs(), "{}: {} actions for {} environments", spec().id,
                actions.count, num_envs());
  try {
    check_action(spec().id, spec().action, actions);
  } catch (const Error&) {
    for (int64_t i = 0; i < num_envs(); ++i) {  // again, to say which environment it was
      try {
        check_action(spec().id, spec().action, actions.row(i));
      } catch (const Error& error) {
        fail_input("environment {} of {}: {}", i, num_envs(), error.what());
      }
    }
    throw;
  }
  std::memcpy(action_memory_.data(), actions.data, action_memory_.size());
  stepping_ = true;
  pool_.start(
      num_envs(),
      [](void* self, int64_t i) {
        static_cast<VectorEnv*>(self)->step_one(static_cast<size_t>(i));
      },
      this);
}

void VectorEnv::step_one(size_t i) {
  Lane& lane = lanes_[i];
  try {
    const FieldViews row = obs_.row(i, fields_.size());
    const ConstFieldView actions{&action_field_, action_memory_.data(), num_envs()};
    const StepResult step = envs_[i]->step(actions.row(static_cast<int64_t>(i)), row);
    reward_[i] = step.reward;
    // The flags of many environments share a cache line, which threads would fight over if each
    // step wrote to it. Episodes seldom end.
    const auto set_flag = [](uint8_t& flag, bool value) {
      if (flag != static_cast<uint8_t>(value)) flag = static_cast<uint8_t>(value);
    };
    set_flag(terminated_[i], step.terminated);
    set_flag(truncated_[i], step.truncated);
    lane.episode_return += step.reward;
    ++lane.length;
    // The rest of an ended episode (its report, the reset) waits for wait(), except what is heavy.
    if (step.terminated || step.truncated) {
      const FieldViews last = final_obs_.row(i, fields_.size());
      for (size_t f = 0; f < fields_.size(); ++f) {
        std::memcpy(last[f].data, row[f].data, fields_[f].bytes());
      }
    }
  } catch (...) {
    note_failure(i);
  }
}

VectorStep VectorEnv::wait() {
  REVERIE_CHECK(stepping_, "{}: wait() without step_async()", spec().id);
  pool_.wait();
  stepping_ = false;
  finished_.clear();
  rethrow_failures();
  bool any = false;
  for (size_t i = 0; i < envs_.size(); ++i) {
    if (terminated_[i] == 0 && truncated_[i] == 0) continue;
    any = true;
    const Lane& lane = lanes_[i];
    finished_.push_back({.env = static_cast<int64_t>(i),
                         .index = lane.episode,
                         .seed = lane.seed,
                         .episode_return = lane.episode_return,
                         .length = lane.length,
                         .terminated = terminated_[i] != 0,
                         .metrics = envs_[i]->metrics()});
  }
  if (any) {
    // New episodes start on the pool too: a car-racing track takes longer than a step.
    pool_.start(
        static_cast<int64_t>(finished_.size()),
        [](void* self, int64_t k) {
          auto& vector = *static_cast<VectorEnv*>(self);
          const auto i = static_cast<size_t>(vector.finished_[static_cast<size_t>(k)].env);
          try {
            ++vector.lanes_[i].episode;
            vector.start_episode(i);
          } catch (...) {
            vector.note_failure(i);
          }
        },
        this);
    pool_.wait();
    rethrow_failures();
  }
  return result();
}

void VectorEnv::rethrow_failures() {
  if (!failed_.load(std::memory_order_relaxed)) return;
  failed_.store(false, std::memory_order_relaxed);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i].error) continue;
    started_ = false;
    const std::exception_ptr first = lanes_[i].error;
    for (Lane& lane : lanes_) lane.error = nullptr;
    const auto fail = [&](const std::exception& error, ErrorKind kind) {
      throw Error(fmt::format("environment {} of {} (seed {}, step {}): {}", i, num_envs(),
                              lanes_[i].seed, lanes_[i].length, error.what()),
                  kind);
    };
    try {
      std::rethrow_exception(first);
    } catch (const Error& error) {
      fail(error, error.kind());
    } catch (const std::exception& error) {
      fail(error, ErrorKind::kRun);
    }
  }
}

VectorStep VectorEnv::result() const {
  return {obs_.views, final_obs_.views, reward_, terminated_, truncated_};
}

VectorEnvSnapshot VectorEnv::snapshot() const {
  REVERIE_CHECK(started_ && !stepping_, "{}: snapshot() between steps only", spec().id);
  VectorEnvSnapshot out;
  // Doubles carry whole numbers up to 2^53 exactly; the seed goes in halves.
  const auto push_seed = [&](uint64_t seed) {
    out.state.push_back(static_cast<double>(seed >> 32));
    out.state.push_back(static_cast<double>(seed & 0xffffffffU));
  };
  push_seed(seed_);
  for (size_t i = 0; i < envs_.size(); ++i) {
    const std::vector<double> state = envs_[i]->state();
    const Lane& lane = lanes_[i];
    push_seed(lane.seed);
    out.state.insert(out.state.end(),
                     {static_cast<double>(lane.episode), static_cast<double>(lane.length),
                      lane.episode_return, static_cast<double>(state.size())});
    out.state.insert(out.state.end(), state.begin(), state.end());
  }
  for (const auto& column : obs_.memory) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(column.data());
    out.observations.insert(out.observations.end(), bytes, bytes + column.size());
  }
  return out;
}

void VectorEnv::restore(const VectorEnvSnapshot& snapshot) {
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
  size_t bytes = 0;
  for (const auto& column : obs_.memory) bytes += column.size();
  REVERIE_CHECK(snapshot.observations.size() == bytes,
                "{}: the snapshot holds {} bytes of observations, expected {}", spec().id,
                snapshot.observations.size(), bytes);

  started_ = false;  // until all of it is read: what fails half-way needs reset()
  seed_ = next_seed();
  for (size_t i = 0; i < envs_.size(); ++i) {
    Lane lane;
    lane.seed = next_seed();
    lane.episode = static_cast<int64_t>(next_count(0x1p53));
    lane.length = static_cast<int64_t>(next_count(0x1p53));
    lane.episode_return = next();
    const uint64_t size = next_count(static_cast<double>(snapshot.state.size() - position));
    envs_[i]->reset(lane.seed, obs_.row(i, fields_.size()));
    envs_[i]->set_state({snapshot.state.data() + position, static_cast<size_t>(size)});
    position += size;
    lanes_[i] = lane;
  }
  REVERIE_CHECK(position == snapshot.state.size(),
                "{}: the snapshot holds {} numbers, {} were expected for {} environments",
                spec().id, snapshot.state.size(), position, num_envs());
  const uint8_t* source = snapshot.observations.data();
  for (auto& column : obs_.memory) {
    std::memcpy(column.data(), source, column.size());
    source += column.size();
  }
  finished_.clear();
  started_ = true;
}

}  // namespace reverie
