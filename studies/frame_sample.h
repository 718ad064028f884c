#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runs/world_model_run.h"

namespace reverie {

// A number of the simulator that a dataset recorded beside its pictures: "qpos[0]".
struct StateNumber {
  std::string part;     // the field
  int64_t index = 0;    // within the field
  bool is_info = true;  // among the dataset's infos, not its observations
  size_t column = 0;    // of the dataset
  std::string name;     // "qpos[0]", or "hull_angle" for a scalar
};

// All floating point numbers of infos and observations, but those of `left_out`: fields with more
// numbers than a body's state has (pictures of floats, maps). Throws Error(kInput) for none at all.
std::vector<StateNumber> state_numbers(const Dataset& dataset, std::vector<std::string>& left_out);

// Frames of episodes: what the model makes of them, and what the simulator knew.
struct FrameSample {
  at::Tensor latents;  // [N, D] float32
  at::Tensor targets;  // [N, K] float64, in the order of the state numbers
  // [frames] of each path: frames of one episode, a block of actions apart, one behind the other.
  std::vector<int64_t> paths;
  int64_t episodes = 0;

  // What latent_statistics() says of the latents; straightness over all turns of all paths, NaN
  // where no path has three frames.
  TensorMap statistics() const;
};

// About `count` frames, paths of up to kPathFrames of them (longer where there are few episodes)
// from the episodes in the order given, as many as are needed. The same generator gives the same
// frames. Fewer where the episodes do not hold as many. Throws Error(kInput) for none.
inline constexpr int64_t kPathFrames = 32;
FrameSample sample_frames(const WorldModelRun& run, const std::vector<int64_t>& episodes,
                          const std::vector<StateNumber>& numbers, int64_t count, Rng& rng,
                          const std::function<void(int64_t)>& on_frames = {});

}  // namespace reverie
