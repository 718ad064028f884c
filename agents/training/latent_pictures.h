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

// Pictures that show people what latents know.

// Episodes as they were and as the model imagines them. Letters: B episodes, T model steps.
struct OpenLoop {
  at::Tensor seen;      // [B, T + 1, H, W, C] uint8, a block of actions apart
  at::Tensor imagined;  // the same decoded: from the first picture and the actions alone
};

// Model steps that the longest episode has; 0 for none.
int64_t longest_rollout(const WorldModel& model, const ReplayBuffer& episodes);

// Open-loop rollouts of `count` pieces of episodes under the actions that were taken. steps: T, 1
// to longest_rollout(). Throws Error(kInput) for more.
OpenLoop imagine_episodes(WorldModel& model, const Decoder& decoder, const ReplayBuffer& episodes,
                          int64_t count, int64_t steps, Rng& rng);

// A PNG file: frames of held-out episodes with what the decoder makes of their latents, and open-
// loop rollouts over up to `steps` model steps, fewer where no episode is as long.
void write_decoder_sheet(const std::filesystem::path& path, const std::string& title,
                         WorldModel& model, const Decoder& decoder, const ReplayBuffer& held_out,
                         int64_t steps, uint64_t seed);

// For each of the first Q of N frames those whose latents are nearest, nearest first.
struct Neighbours {
  at::Tensor index;     // [Q, K] int64
  at::Tensor distance;  // [Q, K] Euclidean
  double mean_distance = 0.0;
  bool is_one_episode = false;  // there is no other one: they come from the same
};

// K is `count`, or as many as every query has. latents: [N, D]; episode and frame, [N] int64: which
// episode and which of its frames each is. Neighbours come from other episodes, and a frame that
// was drawn twice counts once.
Neighbours nearest_neighbours(const at::Tensor& latents, const at::Tensor& episode,
                              const at::Tensor& frame, int64_t queries, int64_t count);

// A PNG file: some held-out frames, a row each, with the frames of other held-out episodes whose
// latents are nearest, and how far they are relative to the mean distance of two frames (about 1
// throughout where the latents say nothing). The same seed draws the same frames. Where there is
// one episode only, it is looked for neighbours in itself.
void write_neighbour_sheet(const std::filesystem::path& path, const std::string& title,
                           WorldModel& model, const ReplayBuffer& held_out, uint64_t seed);

}  // namespace reverie
