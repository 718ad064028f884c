#include "envs/env_lane.h"

#include <cstring>
#include <new>

#include "core/random.h"

namespace reverie {
namespace {

constexpr size_t kCacheLine = 64;  // [bytes]

}  // namespace

FieldRows::FieldRows(std::span<const Field> fields, int64_t rows) {
  for (const Field& field : fields) {
    try {
      memory_.emplace_back(static_cast<size_t>(rows) * field.bytes() + kCacheLine);
    } catch (const std::bad_alloc&) {
      fail_run(
          "no memory for {} rows of '{}' ({} MB); ask for fewer environments or smaller pictures",
          rows, field.name, static_cast<size_t>(rows) * field.bytes() / 1000000);
    }
    all_.push_back({&field, memory_.back().data(), rows});
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (const FieldView& view : all_) single_.push_back(view.row(i));
  }
}

size_t FieldRows::bytes() const {
  size_t sum = 0;
  for (const auto& column : memory_) sum += column.size() - kCacheLine;
  return sum;
}

void copy_row(FieldViews from, FieldViews to) {
  for (size_t f = 0; f < from.size(); ++f) {
    std::memcpy(to[f].data, from[f].data, from[f].field->bytes());
  }
}

void EnvLane::start(uint64_t run_seed, size_t i, FieldViews obs) {
  start_with(mix_seed({run_seed, i, static_cast<uint64_t>(episode)}), obs);
}

void EnvLane::start_with(uint64_t episode_seed, FieldViews obs) {
  seed = episode_seed;
  length = 0;
  episode_return = 0.0;
  ended = false;
  env->reset(seed, obs);
}

Episode EnvLane::report(size_t i, bool terminated) const {
  return {.env = static_cast<int64_t>(i),
          .index = episode,
          .seed = seed,
          .episode_return = episode_return,
          .length = length,
          .terminated = terminated,
          .metrics = env->metrics()};
}

void EnvLane::rethrow(size_t i, int64_t num_envs) const {
  std::string found;
  ErrorKind kind = ErrorKind::kRun;
  try {
    std::rethrow_exception(error);
  } catch (const Error& thrown) {
    found = thrown.what();
    kind = thrown.kind();
  } catch (const std::exception& thrown) {
    found = thrown.what();
  }
  throw Error(fmt::format("environment {} of {} (seed {}, step {}): {}; it needs a reset", i,
                          num_envs, seed, length, found),
              kind);
}

std::vector<EnvLane> make_lanes(const EnvMaker& make, int64_t num_envs) {
  REVERIE_CHECK(num_envs >= 1, "vector environment: {} environments, expected at least 1",
                num_envs);
  std::vector<EnvLane> lanes(static_cast<size_t>(num_envs));
  for (EnvLane& lane : lanes) lane.env = make();
  return lanes;
}

void check_actions(const EnvSpec& spec, ConstFieldView actions, int64_t num_envs,
                   std::span<const int64_t> env_ids) {
  try {
    check_action(spec.id, spec.action, actions);
  } catch (const Error&) {
    for (int64_t i = 0; i < actions.count; ++i) {  // again, to name the environment
      try {
        check_action(spec.id, spec.action, actions.row(i));
      } catch (const Error& error) {
        const int64_t env = env_ids.empty() ? i : env_ids[static_cast<size_t>(i)];
        fail_input("environment {} of {}: {}", env, num_envs, error.what());
      }
    }
    throw;
  }
}

}  // namespace reverie
