#include "apps/bench_replay.h"

#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/field_numbers.h"
#include "core/random.h"
#include "envs/env_lane.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "replay/replay_buffer.h"

namespace reverie {
namespace {

constexpr int64_t kBatch = 256;
constexpr int64_t kStateCapacity = 1'000'000;
constexpr int64_t kSequences = 16, kSequenceLength = 32;
constexpr int64_t kPixelCapacity = 60'000;  // 737 MB: beyond any cache
constexpr int64_t kEpisodeLength = 500;     // [steps]
constexpr int64_t kStackCapacity = 20'000;

// Twice as many values as the field has, so that a row can be cut out anywhere.
std::vector<std::byte> make_noise(const Field& field, Rng& rng) {
  Field twice{.name = field.name, .shape = {2 * field.numel()}, .dtype = field.dtype};
  std::vector<double> values(static_cast<size_t>(twice.numel()));
  const bool whole = field.dtype == DType::kUInt8;
  for (double& value : values) {
    value = whole ? static_cast<double>(rng.integers(0, 128)) : rng.uniform(-1.0, 1.0);
  }
  std::vector<std::byte> noise(twice.bytes());
  write_numbers({&twice, noise.data(), 1}, values);
  return noise;
}

// A buffer full of episodes of noise. The values do not affect the speed; their location does.
std::unique_ptr<ReplayBuffer> fill_buffer(const Field& observation, const Field& action,
                                          int64_t capacity, const ReplayOptions& options = {}) {
  const EnvSpec spec{.id = "noise", .observation = {observation}, .action = action};
  auto replay = std::make_unique<ReplayBuffer>(spec, capacity, 1, at::kCPU, options);
  FieldRows rows(spec.observation, 2);
  Rng rng(0);
  const std::vector<std::byte> noise = make_noise(observation, rng);
  std::vector<std::byte> action_bytes(action.bytes());
  const auto show = [&](FieldView view, int64_t t) {
    const auto shift = static_cast<size_t>(t % observation.numel());
    std::memcpy(view.data, noise.data() + shift * item_size(observation.dtype),
                observation.bytes());
    // A stack begins with one frame repeated.
    const size_t frame = observation.bytes() / static_cast<size_t>(observation.stacked);
    for (int64_t k = 1; t == 0 && k < observation.stacked; ++k) {
      std::memcpy(view.data + static_cast<size_t>(k) * frame, view.data, frame);
    }
  };
  show(rows.row(0)[0], 0);
  replay->start(rows.row(0));
  const uint8_t terminated = 0;
  for (int64_t t = 1; t < capacity; ++t) {
    const int64_t step = t % kEpisodeLength;
    const uint8_t truncated = step == 0 ? 1 : 0;
    const double reward = static_cast<double>(step);
    show(rows.row(0)[0], step);
    show(rows.row(1)[0], step == 0 ? kEpisodeLength : step);
    replay->add({&action, action_bytes.data(), 1}, {.obs = rows.row(0),
                                                    .final_obs = rows.row(1),
                                                    .reward = {&reward, 1},
                                                    .terminated = {&terminated, 1},
                                                    .truncated = {&truncated, 1}});
  }
  return replay;
}

// As the environment declares it: 17 numbers of float64 and 6 of float32.
const EnvSpec& half_cheetah() {
  static const std::unique_ptr<Env> env = find_env("half-cheetah").config()->maker()();
  return env->spec();
}
Field half_cheetah_action() { return action_field(half_cheetah().action); }

Field pixels() { return {.name = "pixels", .shape = {64, 64, 3}, .dtype = DType::kUInt8}; }

std::vector<BenchResult> bench_states(const BenchFlags& flags) {
  const Field observation = half_cheetah().field("observation");
  const Field action = half_cheetah_action();
  const auto replay = fill_buffer(observation, action, kStateCapacity, {.priority_exponent = 0.6});
  Rng rng(0);
  const SampleSpec prioritized{.prioritized = true};
  const auto measured = measure_in_turns(
      {[&](double seconds) {
         return calls_per_second([&] { replay->sample(kBatch, {}, rng); }, seconds);
       },
       [&](double seconds) {
         return calls_per_second([&] { replay->sample(kBatch, prioritized, rng); }, seconds);
       },
       [&](double seconds) -> std::optional<double> {
         if (!flags.peers) return std::nullopt;
         return run_peer(fmt::format("stable_baselines3_sampling.py --seconds {}", seconds),
                         "batches_per_second");
       }},
      flags.seconds, /*rounds=*/3);
  return {{.name = "sample-256-state",
           .value = *measured[0],
           .unit = "batches/s",
           .peers = {{"stable-baselines3", measured[2]}}},
          {.name = "sample-256-prioritized", .value = *measured[1], .unit = "batches/s"},
          {.name = "memory-half-cheetah",
           .value = static_cast<double>(replay->bytes_per_transition()),
           .unit = "bytes/transition",
           .limit = static_cast<double>(sizeof(float)) *
                    static_cast<double>(observation.numel() + action.numel())}};
}

// Copies as many bytes as a batch of sequences has, in pieces of one sequence, from random places
// of an equally large memory: the upper bound of sampling.
class PieceCopier {
 public:
  PieceCopier()
      : from_(static_cast<size_t>(kPixelCapacity) * pixels().bytes(), std::byte{1}),
        piece_(static_cast<size_t>(kSequenceLength + 1) * pixels().bytes()) {}

  void copy() {
    const at::Tensor out =
        at::empty({kSequences * static_cast<int64_t>(piece_)}, at::TensorOptions(at::kByte));
    auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
    for (int64_t i = 0; i < kSequences; ++i) {
      const auto place =
          static_cast<size_t>(rng_.integers(0, static_cast<int64_t>(from_.size() - piece_)));
      std::memcpy(to + static_cast<size_t>(i) * piece_, from_.data() + place, piece_);
    }
  }

 private:
  std::vector<std::byte> from_;
  size_t piece_;  // [bytes]
  Rng rng_{1};
};

std::vector<BenchResult> bench_sequences(const BenchFlags& flags) {
  const Field observation = pixels();
  const Field action = half_cheetah_action();
  const auto in_memory = fill_buffer(observation, action, kPixelCapacity);
  const size_t third = static_cast<size_t>(kPixelCapacity) * observation.bytes() / 3;
  const auto mapped =
      fill_buffer(observation, action, kPixelCapacity,
                  {.memory_budget = third, .disk_folder = std::filesystem::temp_directory_path()});
  REVERIE_CHECK_RUN(mapped->on_disk(), "bench replay: the buffer was not stored on disk");
  PieceCopier copier;
  const SampleSpec spec{.length = kSequenceLength};
  Rng rng(0);
  const auto rate = [&](const ReplayBuffer& replay) -> Measurement {
    return [&](double seconds) {
      return calls_per_second([&] { replay.sample_sequences(kSequences, spec, rng); }, seconds);
    };
  };
  const Measurement copying = [&](double seconds) {
    return calls_per_second([&] { copier.copy(); }, seconds);
  };
  const auto measured = measure_in_turns({rate(*in_memory), rate(*mapped), copying}, flags.seconds);
  return {{.name = "sample-16x32-pixels",
           .value = *measured[0],
           .unit = "batches/s",
           .limit = measured[2]},
          {.name = "sample-16x32-pixels-mapped",
           .value = *measured[1],
           .unit = "batches/s",
           .limit = measured[0]}};
}

std::vector<BenchResult> bench_stacks(const BenchFlags& flags) {
  const Field stack{
      .name = "pixels", .shape = {4, 84, 84, 1}, .dtype = DType::kUInt8, .stacked = 4};
  const auto replay = fill_buffer(stack, half_cheetah_action(), kStackCapacity);
  Rng rng(0);
  const double rate = calls_per_second([&] { replay->sample(32, {}, rng); }, flags.seconds);
  const double frame = static_cast<double>(stack.bytes()) / 4.0;
  return {{.name = "sample-32-stacks", .value = rate, .unit = "batches/s"},
          {.name = "memory-stack-4-84x84",
           .value = static_cast<double>(replay->bytes_per_transition()),
           .unit = "bytes/transition",
           .limit = frame}};
}

}  // namespace

std::vector<BenchResult> bench_replay(const BenchFlags& flags) {
  std::vector<BenchResult> results = bench_states(flags);
  for (const auto& more : {bench_sequences(flags), bench_stacks(flags)}) {
    results.insert(results.end(), more.begin(), more.end());
  }
  return results;
}

}  // namespace reverie
