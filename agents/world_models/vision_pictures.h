#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/core/TensorBody.h>

#include "agents/world_models/vision_memory.h"
#include "worldmodel/mdn_rnn/mdn_rnn_learner.h"
#include "worldmodel/vae/vae.h"

namespace reverie {

// Pictures that show what V and M know.

constexpr int64_t kDrawnPictures = 9;
constexpr int64_t kDrawnDreams = 4;

// Writes a PNG file: held-out pictures beside their reconstructions, pictures of random latents,
// and what each of the latent numbers that carry most information changes in the first picture.
// pixels: [kDrawnPictures, H, W, C] uint8.
void write_vision_sheet(const std::filesystem::path& path, const std::string& title,
                        const Vae& vision, const at::Tensor& pixels, uint64_t seed);

// Writes a PNG file: decoded latents of recorded sequences, and dreams of the same actions from
// their first latents. seen: as M learns from it, of kDrawnDreams sequences.
void write_dream_sheet(const std::filesystem::path& path, const std::string& title,
                       const VisionMemory& model, const LatentSequences& seen, uint64_t seed);

}  // namespace reverie
