#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "core/spec.h"
#include "nn/tensor_map.h"
#include "replay/batch.h"
#include "worldmodel/decoder.h"
#include "worldmodel/world_model.h"

namespace reverie {

struct DecoderTrainingOptions {
  int64_t updates = 1500;
  int64_t minibatch = 32;       // pictures
  double learning_rate = 3e-3;  // Adam's at the beginning; a cosine takes it to 0
  uint64_t seed = 0;            // of the weights and of the pictures that are drawn
};

// The latents of single observations: fields [N, ...] to [N, D], without gradient.
at::Tensor encode_frames(WorldModel& model, const TensorMap& obs);

// Trains a decoder of the model's latents on the pictures of `training`; the model stays as it is.
// pixels: the environment's field. on_update gets the number of updates so far and the loss; where
// it returns false the training ends at once and there is no decoder. Throws Error(kInput) for
// pictures that Decoder cannot draw, Error(kRun) where the loss is not finite.
std::unique_ptr<Decoder> train_decoder(
    WorldModel& model, const SampleSource& training, const Field& pixels,
    const DecoderTrainingOptions& options,
    const std::function<bool(int64_t updates, double loss)>& on_update);

// The mean squared error of its pictures of single frames, 1.0 being white, over some frames of
// `source`.
double decoder_error(WorldModel& model, const Decoder& decoder, const SampleSource& source,
                     uint64_t seed);

// Where the decoder of a run lies: RUN/decoder.safetensors.
std::filesystem::path decoder_file(const std::filesystem::path& run);

// The decoder of a run for the model of the checkpoint of that step. Throws Error(kInput) where
// there is none, where it was trained for another step, and as Decoder::load_file() does.
std::unique_ptr<Decoder> load_decoder(const std::filesystem::path& run, WorldModel& model,
                                      const Field& pixels, int64_t step);

}  // namespace reverie
