#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/random.h"
#include "core/spec.h"
#include "nn/adam.h"
#include "nn/state_list.h"
#include "nn/tensor_map.h"
#include "replay/batch.h"
#include "worldmodel/decoder.h"
#include "worldmodel/world_model.h"

namespace reverie {

struct DecoderTrainingOptions {
  int64_t updates = 1500;
  int64_t minibatch = 32;       // pictures
  double learning_rate = 3e-3;  // Adam's initial rate; a cosine reduces it to 0
  uint64_t seed = 0;            // of the weights and of the pictures that are drawn
};

// The latents of single observations: fields [N, ...] to [N, D], without gradient.
at::Tensor encode_frames(WorldModel& model, const TensorMap& obs);

// Trains a decoder of a fixed model's latents on the pictures of `training`.
//
//   repeat:  draw pictures, encode them;  one step of Adam on the decoder's loss
class DecoderLearner {
 public:
  // pixels: the environment's field. Model and training must outlive it. Throws Error(kInput) for
  // pictures that Decoder cannot draw.
  DecoderLearner(WorldModel& model, const SampleSource& training, const Field& pixels,
                 const DecoderTrainingOptions& options);

  // Computes the means of latents and pictures that the decoder draws relative to. Call it once,
  // when the model is trained and before the first update.
  void take_statistics();

  void update();
  int64_t updates() const { return updates_; }

  // The loss of the last update. Waits for the device; throws Error(kRun) if it is not finite.
  double loss() const;

  Decoder& decoder() { return decoder_; }

  void state(StateList& list);

 private:
  WorldModel& model_;
  const SampleSource& training_;
  const DecoderTrainingOptions options_;
  Rng rng_;
  Decoder decoder_;
  Adam adam_;
  at::Tensor loss_;
  int64_t updates_ = 0;
};

// The mean squared error of the decoder's pictures of single frames, with white as 1.0, over some
// frames of `source`.
double decoder_error(WorldModel& model, const Decoder& decoder, const SampleSource& source,
                     uint64_t seed);

// The path of a run's decoder: RUN/decoder.safetensors.
std::filesystem::path decoder_file(const std::filesystem::path& run);

// The decoder of a run for the model of the checkpoint of that step. Throws Error(kInput) when
// there is none, when it was trained for another step, and as Decoder::load_file() does.
std::unique_ptr<Decoder> load_decoder(const std::filesystem::path& run, WorldModel& model,
                                      const Field& pixels, int64_t step);

}  // namespace reverie
