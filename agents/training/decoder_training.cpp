#include "agents/training/decoder_training.h"

#include <cmath>
#include <numbers>

#include "nn/adam.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// The number of pictures for the decoder's mean.
constexpr int64_t kStatisticsPictures = 512;

struct Frames {
  at::Tensor latents;  // [N, D]
  at::Tensor pixels;   // [N, H, W, C]
};

Frames draw_frames(WorldModel& model, const SampleSource& source, int64_t count, Rng& rng) {
  const TensorMap obs = source.sample(count, {}, rng).obs;
  return {encode_frames(model, obs), obs.at("pixels")};
}

// A decoder of the model's latents with weights to begin with.
Decoder blank_decoder(WorldModel& model, const Field& pixels, Rng& rng) {
  std::vector<int64_t> shape = pixels.shape;
  shape.insert(shape.begin(), 1);
  const at::Tensor latent = encode_frames(model, {{"pixels", at::zeros(shape, at::kByte)}});
  return {latent.size(1), pixels.shape, rng, latent.device()};
}

}  // namespace

at::Tensor encode_frames(WorldModel& model, const TensorMap& obs) {
  const at::NoGradGuard no_grad;
  TensorMap frames;  // [N, 1, ...]
  for (const auto& [name, values] : obs) frames.add(name, values.unsqueeze(1));
  return model.encode(frames, {}).latest();
}

DecoderLearner::DecoderLearner(WorldModel& model, const SampleSource& training, const Field& pixels,
                               const DecoderTrainingOptions& options)
    : model_(model),
      training_(training),
      options_(options),
      rng_(options.seed),
      decoder_(blank_decoder(model, pixels, rng_)),
      adam_(decoder_.parameters(), {.learning_rate = options.learning_rate}) {}

void DecoderLearner::take_statistics() {
  const Frames frames = draw_frames(model_, training_, kStatisticsPictures, rng_);
  decoder_.set_statistics(frames.latents, frames.pixels);
}

void DecoderLearner::update() {
  const Frames frames = draw_frames(model_, training_, options_.minibatch, rng_);
  const double done = static_cast<double>(updates_) / static_cast<double>(options_.updates);
  adam_.set_learning_rate(options_.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
  adam_.zero_grad();
  const at::Tensor loss = decoder_.loss(frames.latents, frames.pixels);
  loss.backward();
  adam_.step();
  loss_ = loss.detach();
  ++updates_;
}

double DecoderLearner::loss() const {
  const auto value = loss_.item<double>();
  REVERIE_CHECK_RUN(std::isfinite(value), "decoder: its loss is {} at update {}", value, updates_);
  return value;
}

void DecoderLearner::state(StateList& list) {
  list.add("weights", decoder_);
  list.add("optimizer", adam_);
  list.add("rng", rng_);
  list.add("updates", updates_);
}

double decoder_error(WorldModel& model, const Decoder& decoder, const SampleSource& source,
                     uint64_t seed) {
  Rng rng(seed);
  const Frames frames = draw_frames(model, source, kStatisticsPictures, rng);
  const at::Tensor drawn = decoder.pictures(frames.latents).to(at::kFloat);
  return ((drawn - frames.pixels.cpu().to(at::kFloat)) / 255.0).square().mean().item<double>();
}

std::filesystem::path decoder_file(const std::filesystem::path& run) {
  return run / "decoder.safetensors";
}

std::unique_ptr<Decoder> load_decoder(const std::filesystem::path& run, WorldModel& model,
                                      const Field& pixels, int64_t step) {
  const std::filesystem::path file = decoder_file(run);
  REVERIE_CHECK(std::filesystem::exists(file),
                "{}: has no decoder; `reverie decoder {}` trains one", run.string(), run.string());
  Rng rng(0);  // its weights are read from the file afterwards
  std::unique_ptr<Decoder> decoder(new Decoder(blank_decoder(model, pixels, rng)));
  const int64_t found = decoder->load_file(file);
  REVERIE_CHECK(found == step,
                "{}: was trained for the model of step {}, the latest checkpoint is of step {}; "
                "`reverie decoder {}` trains a new one",
                file.string(), found, step, run.string());
  return decoder;
}

}  // namespace reverie
