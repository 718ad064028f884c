#include "worldmodel/decoder.h"

#include <array>
#include <charconv>

#include <fmt/ranges.h>

#include "nn/pch.h"
#include "nn/safetensors.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

constexpr int64_t kHidden = 256;
constexpr std::array<int64_t, 4> kChannels = {64, 64, 32, 16};  // into each convolution

// The extra weight of a pixel that is black where the mean picture is white.
constexpr double kContrastWeight = 20.0;

constexpr const char* kPrefix = "decoder";
constexpr const char* kStepKey = "model_step";

std::string layer_name(size_t index) { return fmt::format("layers.{}", index); }

Shapes shapes(int64_t latent_size, const std::vector<int64_t>& picture) {
  REVERIE_CHECK(Decoder::can_draw(picture),
                "decoder: pictures of {} [height, width, channels], expected sides that {} divides "
                "and 1 or 3 channels",
                picture, Decoder::kCell);
  const int64_t cells = picture[0] / Decoder::kCell * (picture[1] / Decoder::kCell);
  Shapes out;
  Linear::declare(out, "hidden", latent_size, kHidden);
  Linear::declare(out, "cells", kHidden, kChannels[0] * cells);
  for (size_t i = 0; i < kChannels.size(); ++i) {
    const int64_t outputs = i + 1 < kChannels.size() ? kChannels[i + 1] : picture[2];
    Conv2d::declare(out, layer_name(i), kChannels[i], 4 * outputs, 3);
  }
  return out;
}

}  // namespace

bool Decoder::can_draw(const std::vector<int64_t>& picture) {
  return picture.size() == 3 && picture[0] > 0 && picture[0] % kCell == 0 && picture[1] > 0 &&
         picture[1] % kCell == 0 && (picture[2] == 1 || picture[2] == 3);
}

Decoder::Decoder(int64_t latent_size, const std::vector<int64_t>& picture, Rng& rng,
                 at::Device device)
    : Network(shapes(latent_size, picture), device),
      picture_(picture),
      hidden_(parameters(), "hidden"),
      cells_(parameters(), "cells") {
  for (size_t i = 0; i < kChannels.size(); ++i) {
    layers_.emplace_back(parameters(), layer_name(i), /*stride=*/1, /*padding=*/1);
  }
  reset_parameters(parameters(), rng);
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(device);
  latent_mean_ = at::zeros({latent_size}, options);
  latent_scale_ = at::ones({latent_size}, options);
  picture_mean_ = at::zeros({picture[2], picture[0], picture[1]}, options);
  picture_scale_ = at::ones({}, options);
  buffers() = {{"latent_mean", latent_mean_},
               {"latent_scale", latent_scale_},
               {"picture_mean", picture_mean_},
               {"picture_scale", picture_scale_}};
}

// [N, H, W, C] uint8 to [N, C, H, W] in [0, 1].
at::Tensor Decoder::as_input(const at::Tensor& pixels) const {
  const std::vector<int64_t> found = pixels.sizes().slice(1).vec();
  REVERIE_CHECK(found == picture_, "decoder: pictures of {}, expected {} [height, width, channels]",
                found, picture_);
  return pixels.to(picture_mean_.device()).permute({0, 3, 1, 2}).to(at::kFloat) / 255.0;
}

void Decoder::set_statistics(const at::Tensor& latents, const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  latent_mean_.copy_(latents.mean(0));
  // A tiny scale would magnify the smallest deviation of a number that did not vary. Rounding gives
  // constants a standard deviation that is not quite 0.
  const at::Tensor scale = latents.std(0, /*unbiased=*/false);
  const at::Tensor varies = scale > 1e-6 * latents.abs().amax(0);
  latent_scale_.copy_(at::where(varies, scale, at::ones_like(scale)));
  const at::Tensor seen = as_input(pixels);
  picture_mean_.copy_(seen.mean(0));
  picture_scale_.copy_((seen - picture_mean_).square().mean().sqrt());
}

at::Tensor Decoder::operator()(const at::Tensor& latents) const {
  const at::Tensor standard = (latents - latent_mean_) / latent_scale_;
  at::Tensor x = at::relu(cells_(at::relu(hidden_(standard))));
  x = x.view({-1, kChannels[0], picture_[0] / kCell, picture_[1] / kCell});
  x = x.contiguous(at::MemoryFormat::ChannelsLast);  // the fast layout of convolutions on a CPU
  for (size_t i = 0; i < layers_.size(); ++i) {
    x = at::pixel_shuffle(layers_[i](x), 2);
    if (i + 1 < layers_.size()) x = at::relu(x);
  }
  return at::addcmul(picture_mean_, x, picture_scale_);
}

at::Tensor Decoder::loss(const at::Tensor& latents, const at::Tensor& pixels) const {
  const at::Tensor seen = as_input(pixels);
  const at::Tensor contrast = (seen - picture_mean_).abs().amax(1, /*keepdim=*/true);
  const at::Tensor error = ((*this)(latents)-seen).square();
  return (error * (1.0 + kContrastWeight * contrast)).mean();
}

at::Tensor Decoder::pictures(const at::Tensor& latents) const {
  const at::NoGradGuard no_grad;
  const at::Tensor drawn = ((*this)(latents)*255.0).round().clamp(0.0, 255.0);
  return drawn.permute({0, 2, 3, 1}).to(at::kByte).cpu().contiguous();
}

void Decoder::save_file(const std::filesystem::path& file, int64_t model_step) {
  save_safetensors(file.string(), tensors_of(*this, kPrefix).entries(),
                   {{kStepKey, std::to_string(model_step)}});
}

int64_t Decoder::load_file(const std::filesystem::path& file) {
  const SafetensorsFile saved = load_safetensors(file.string());
  TensorMap tensors = tensors_of(*this, kPrefix);
  check_tensors_match(file.string(), tensors.entries(), saved.tensors);
  const auto found = saved.metadata.find(kStepKey);
  const std::string text = found == saved.metadata.end() ? "" : found->second;
  int64_t step = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  REVERIE_CHECK(error == std::errc() && end == text.data() + text.size() && step >= 0,
                "{}: its metadata have {} '{}', expected the training step of the world model",
                file.string(), kStepKey, text);
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : tensors) tensor.copy_(saved.tensor(name));
  return step;
}

}  // namespace reverie
