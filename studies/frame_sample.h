#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runs/world_model_run.h"

namespace reverie {

// A number of the simulator that a dataset recorded with its pictures: "qpos[0]".
struct StateNumber {
  std::string part;     // the field
  int64_t index = 0;    // within the field
  bool is_info = true;  // among the dataset's infos, not its observations
  size_t column = 0;    // of the dataset
  std::string name;     // "qpos[0]", or "hull_angle" for a scalar
};

// All floating-point numbers of infos and observations. Fields with more numbers than a body's
// state (pictures of floats, maps) go to `left_out`. Throws Error(kInput) if nothing is left.
std::vector<StateNumber> state_numbers(const Dataset& dataset, std::vector<std::string>& left_out);

// Frames of episodes: their latents, and the simulator's values.
struct FrameSample {
  at::Tensor latents;  // [N, D] float32
  at::Tensor targets;  // [N, K] float64, in the order of the state numbers
  // [frames] of each path: consecutive frames of one episode, a block of actions apart.
  std::vector<int64_t> paths;
  int64_t episodes = 0;

  // latent_statistics() of the latents; straightness over all turns of all paths, NaN if no path
  // has three frames.
  TensorMap statistics() const;
};

// About `count` frames, paths of up to kPathFrames of them (longer where there are few episodes)
// from as many of the episodes as needed, in the given order. The same generator gives the same
// frames. Fewer if the episodes do not hold as many. Throws Error(kInput) for none.
inline constexpr int64_t kPathFrames = 32;
FrameSample sample_frames(const WorldModelRun& run, const std::vector<int64_t>& episodes,
                          const std::vector<StateNumber>& numbers, int64_t count, Rng& rng,
                          const std::function<void(int64_t)>& on_frames = {});

}  // namespace reverie
