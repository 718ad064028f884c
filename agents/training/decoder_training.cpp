#include "agents/training/decoder_training.h"

#include <cmath>
#include <numbers>

#include "nn/adam.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Pictures that the decoder's means are taken of.
constexpr int64_t kStatisticsPictures = 512;

struct Frames {
  at::Tensor latents;  // [N, D]
  at::Tensor pixels;   // [N, H, W, C]
};

Frames draw_frames(WorldModel& model, const SampleSource& source, int64_t count, Rng& rng) {
  const TensorMap obs = source.sample(count, {}, rng).obs;
  return {encode_frames(model, obs), obs.at("pixels")};
}

}  // namespace

at::Tensor encode_frames(WorldModel& model, const TensorMap& obs) {
  const at::NoGradGuard no_grad;
  TensorMap frames;  // [N, 1, ...]
  for (const auto& [name, values] : obs) frames.add(name, values.unsqueeze(1));
  return model.encode(frames, {}).latest();
}

std::unique_ptr<Decoder> train_decoder(WorldModel& model, const SampleSource& training,
                                       const Field& pixels, const DecoderTrainingOptions& options,
                                       const std::function<bool(int64_t, double)>& on_update) {
  Rng rng(options.seed);
  const Frames first = draw_frames(model, training, kStatisticsPictures, rng);
  auto decoder =
      std::make_unique<Decoder>(first.latents.size(1), pixels.shape, rng, first.latents.device());
  decoder->set_statistics(first.latents, first.pixels);
  Adam adam(decoder->parameters(), {.learning_rate = options.learning_rate});
  for (int64_t i = 0; i < options.updates; ++i) {
    const Frames frames = draw_frames(model, training, options.minibatch, rng);
    const double done = static_cast<double>(i) / static_cast<double>(options.updates);
    adam.set_learning_rate(options.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
    decoder->parameters().zero_grad();
    const at::Tensor loss = decoder->loss(frames.latents, frames.pixels);
    loss.backward();
    adam.step();
    const auto value = loss.item<double>();
    REVERIE_CHECK_RUN(std::isfinite(value), "decoder: its loss is {} at update {}", value, i + 1);
    if (!on_update(i + 1, value)) return nullptr;
  }
  return decoder;
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
  std::vector<int64_t> shape = pixels.shape;
  shape.insert(shape.begin(), 1);
  const at::Tensor latent = encode_frames(model, {{"pixels", at::zeros(shape, at::kByte)}});
  Rng rng(0);  // its weights are read
  auto decoder = std::make_unique<Decoder>(latent.size(1), pixels.shape, rng, latent.device());
  const int64_t found = decoder->load_file(file);
  REVERIE_CHECK(found == step,
                "{}: was trained for the model of step {}, the latest checkpoint is of step {}; "
                "`reverie decoder {}` trains it anew",
                file.string(), found, step, run.string());
  return decoder;
}

}  // namespace reverie
