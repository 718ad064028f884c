#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/random.h"
#include "replay/replay_buffer.h"

namespace reverie {

// N environments whose every observation tells its origin:
//
//   observation    float64 [3]           lane, episode, step
//   pixels         uint8   [K, 2, 2, 1]  a stack of frames {lane, episode, step, 7}, mod 256
//   achieved_goal  float64 [1]           goal_of(lane, episode, step)
//   desired_goal   float64 [1]           -1
//
// The action is 10 * step, the reward is 1 + step. Episode lengths differ (1 to longest); even
// episodes terminate, odd ones are truncated. With hide_ends() the buffer is not told what even
// episodes end with.
class ScriptedEnvs {
 public:
  ScriptedEnvs(int64_t lanes, int64_t stack, int64_t longest)
      : lanes_(static_cast<size_t>(lanes)), longest_(longest), fields_(spec(stack).observation) {
    position_.resize(lanes_);
    for (const Field& field : fields_) {
      const size_t bytes = field.bytes() * lanes_;
      obs_.emplace_back(bytes);
      final_.emplace_back(bytes);
    }
    for (size_t f = 0; f < fields_.size(); ++f) {
      obs_views_.push_back({&fields_[f], obs_[f].data(), lanes});
      final_views_.push_back({&fields_[f], final_[f].data(), lanes});
    }
    for (size_t lane = 0; lane < lanes_; ++lane) write(obs_, lane);
  }

  static EnvSpec spec(int64_t stack) {
    EnvSpec spec{.id = "scripted",
                 .observation = {{.name = "observation", .shape = {3}, .dtype = DType::kFloat64},
                                 {.name = "pixels",
                                  .shape = {stack, 2, 2, 1},
                                  .dtype = DType::kUInt8,
                                  .stacked = stack},
                                 {.name = "achieved_goal", .shape = {1}, .dtype = DType::kFloat64},
                                 {.name = "desired_goal", .shape = {1}, .dtype = DType::kFloat64}},
                 .action = Field{.name = "action", .shape = {1}, .low = {-1e6F}, .high = {1e6F}}};
    return spec;
  }

  static double goal_of(int64_t lane, int64_t episode, int64_t step) {
    return static_cast<double>(100000 * lane + 100 * episode + step);
  }

  int64_t length(int64_t lane, int64_t episode) const {
    const uint64_t drawn = mix_seed({static_cast<uint64_t>(lane), static_cast<uint64_t>(episode)});
    return 1 + static_cast<int64_t>(drawn % static_cast<uint64_t>(longest_));
  }

  // Frame k, 0 <= k < stack, of the stack at a step.
  static std::vector<uint8_t> frame(int64_t lane, int64_t episode, int64_t step, int64_t stack,
                                    int64_t k) {
    const int64_t of = std::max<int64_t>(step - (stack - 1 - k), 0);
    return {static_cast<uint8_t>(lane), static_cast<uint8_t>(episode), static_cast<uint8_t>(of), 7};
  }

  FieldViews observations() { return obs_views_; }
  void hide_ends() { hides_ends_ = true; }

  void step(ReplayBuffer& replay) {
    std::vector<float> action(lanes_);
    std::vector<double> reward(lanes_);
    std::vector<uint8_t> terminated(lanes_);
    std::vector<uint8_t> truncated(lanes_);
    for (size_t i = 0; i < lanes_; ++i) {
      auto& [episode, step] = position_[i];
      action[i] = 10.0F * static_cast<float>(step);
      reward[i] = 1.0 + static_cast<double>(step);
      ++step;
      if (step == length(static_cast<int64_t>(i), episode)) {
        (episode % 2 == 0 ? terminated : truncated)[i] = 1;
        if (hides_ends_ && episode % 2 == 0) {
          for (size_t f = 0; f < fields_.size(); ++f) {
            std::fill_n(final_[f].begin() + static_cast<int64_t>(i * fields_[f].bytes()),
                        fields_[f].bytes(), std::byte{0x42});
          }
        } else {
          write(final_, i);
        }
        ++episode;
        step = 0;
      }
      write(obs_, i);
    }
    const Field field = std::get<Field>(spec(1).action);
    replay.add(
        {&field, reinterpret_cast<const std::byte*>(action.data()), static_cast<int64_t>(lanes_)},
        {obs_views_, final_views_, reward, terminated, truncated},
        hides_ends_ ? terminated : std::vector<uint8_t>());
  }

 private:
  struct Position {
    int64_t episode = 0, step = 0;
  };

  void write(std::vector<std::vector<std::byte>>& out, size_t i) {
    const auto [episode, step] = position_[i];
    const auto lane = static_cast<int64_t>(i);
    const double numbers[] = {static_cast<double>(i), static_cast<double>(episode),
                              static_cast<double>(step)};
    std::memcpy(out[0].data() + i * sizeof(numbers), numbers, sizeof(numbers));
    const int64_t stack = fields_[1].stacked;
    for (int64_t k = 0; k < stack; ++k) {
      const std::vector<uint8_t> pixels = frame(lane, episode, step, stack, k);
      std::memcpy(out[1].data() + 4 * (i * static_cast<size_t>(stack) + static_cast<size_t>(k)),
                  pixels.data(), 4);
    }
    const double goals[] = {goal_of(lane, episode, step), -1.0};
    std::memcpy(out[2].data() + i * sizeof(double), &goals[0], sizeof(double));
    std::memcpy(out[3].data() + i * sizeof(double), &goals[1], sizeof(double));
  }

  size_t lanes_;
  int64_t longest_;
  bool hides_ends_ = false;
  std::vector<Field> fields_;
  std::vector<Position> position_;
  std::vector<std::vector<std::byte>> obs_, final_;
  std::vector<FieldView> obs_views_, final_views_;
};

// A buffer that has seen `steps` steps of each lane.
inline ReplayBuffer scripted_replay(int64_t slots, int64_t lanes, int64_t stack, int64_t longest,
                                    int64_t steps, const ReplayOptions& options = {}) {
  ReplayBuffer replay(ScriptedEnvs::spec(stack), slots * lanes, lanes, at::kCPU, options);
  ScriptedEnvs envs(lanes, stack, longest);
  replay.start(envs.observations());
  for (int64_t t = 0; t < steps; ++t) envs.step(replay);
  return replay;
}

}  // namespace reverie
