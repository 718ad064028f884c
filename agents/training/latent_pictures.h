#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "replay/replay_buffer.h"
#include "worldmodel/decoder.h"
#include "worldmodel/world_model.h"

namespace reverie {

// Pictures that show what latents represent.

// Episodes as recorded and as the model imagines them. Letters: B episodes, T model steps.
struct OpenLoop {
  at::Tensor seen;      // [B, T + 1, H, W, C] uint8, a block of actions apart
  at::Tensor imagined;  // decoded from the first picture and the actions alone
};

// The number of model steps in the longest episode; 0 if there is none.
int64_t longest_rollout(const WorldModel& model, const ReplayBuffer& episodes);

// Open-loop rollouts of `count` pieces of episodes with the recorded actions. steps: T, 1 to
// longest_rollout(). Throws Error(kInput) for more.
OpenLoop imagine_episodes(WorldModel& model, const Decoder& decoder, const ReplayBuffer& episodes,
                          int64_t count, int64_t steps, Rng& rng);

// Writes a PNG file: frames of held-out episodes beside the decoder's pictures of their latents,
// and open-loop rollouts over up to `steps` model steps, fewer if no episode is as long.
void write_decoder_sheet(const std::filesystem::path& path, const std::string& title,
                         WorldModel& model, const Decoder& decoder, const ReplayBuffer& held_out,
                         int64_t steps, uint64_t seed);

// The frames with the nearest latents for each of the first Q of N frames, nearest first.
struct Neighbours {
  at::Tensor index;     // [Q, K] int64
  at::Tensor distance;  // [Q, K] Euclidean
  double mean_distance = 0.0;
  bool is_one_episode = false;  // only one episode exists, so neighbours are from it too
};

// K is `count`, or the number that every query has if that is less. latents: [N, D]; episode and
// frame, [N] int64: the episode and frame index of each. Neighbours come from other episodes, and a
// frame drawn twice counts once.
Neighbours nearest_neighbours(const at::Tensor& latents, const at::Tensor& episode,
                              const at::Tensor& frame, int64_t queries, int64_t count);

// Writes a PNG file: one row for each of some held-out frames, with the frames of other held-out
// episodes whose latents are nearest, and their distances relative to the mean distance of two
// frames (about 1 throughout if the latents carry no information). The same seed draws the same
// frames. If there is only one episode, neighbours come from that episode.
void write_neighbour_sheet(const std::filesystem::path& path, const std::string& title,
                           WorldModel& model, const ReplayBuffer& held_out, uint64_t seed);

}  // namespace reverie
