#include "worldmodel/vae/vae.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/ranges.h>

#include "nn/pch.h"

namespace reverie {
namespace {

constexpr int64_t kKernel = 4, kStride = 2;                     // of the encoder
constexpr std::array<int64_t, 4> kPaperKernels = {5, 5, 6, 6};  // of its decoder
constexpr int64_t kPaperSide = 64;
constexpr double kLeastLogStd = -6.0;  // of a learnt output_std; that of its authors' code

std::string encoder_name(size_t i) { return fmt::format("encoder.{}", i); }
std::string decoder_name(size_t i) { return fmt::format("decoder.{}", i); }

bool is_paper(const VaeOptions& options) { return options.layout == "paper"; }

int64_t shrunk(int64_t side) { return (side - kKernel) / kStride + 1; }

// The sides [H, W] before each convolution, and behind the last one.
std::vector<std::array<int64_t, 2>> sides(const VaeOptions& options,
                                          const std::vector<int64_t>& picture) {
  std::vector<std::array<int64_t, 2>> out = {{picture[0], picture[1]}};
  for (size_t i = 0; i < options.channels.size(); ++i) {
    const auto [height, width] = out.back();
    REVERIE_CHECK(
        std::min(height, width) >= kKernel,
        "vae: pictures of {} [height, width, channels] are {}x{} before convolution {} of "
        "{}, expected at least {}x{}; give fewer channels",
        picture, height, width, i + 1, options.channels.size(), kKernel, kKernel);
    out.push_back({shrunk(height), shrunk(width)});
  }
  return out;
}

// Repeats the last row or column where a convolution did not reach one.
at::Tensor extended(const at::Tensor& x, int64_t axis, int64_t size) {
  const int64_t last = x.size(axis) - 1;
  return last + 1 < size ? at::cat({x, x.narrow(axis, last, 1)}, axis) : x;
}

void check(const VaeOptions& options, const std::vector<int64_t>& picture) {
  REVERIE_CHECK(picture.size() == 3 && *std::ranges::min_element(picture) >= 1,
                "vae: pictures of {}, expected [height, width, channels] of at least 1 each",
                picture);
  REVERIE_CHECK(options.latent_size >= 1, "vae: a latent size of {}, expected at least 1",
                options.latent_size);
  REVERIE_CHECK(!options.channels.empty() && *std::ranges::min_element(options.channels) >= 1,
                "vae: convolutions of {} channels, expected one or more of at least 1",
                options.channels);
  REVERIE_CHECK(options.layout == "paper" || options.layout == "mirror",
                "vae: a layout '{}', expected paper or mirror", options.layout);
  REVERIE_CHECK(!is_paper(options) || (picture[0] == kPaperSide && picture[1] == kPaperSide &&
                                       options.channels.size() == kPaperKernels.size()),
                "vae: pictures of {} [height, width, channels] and {} convolutions, expected {}x{} "
                "and {} of the layout 'paper'; the layout 'mirror' takes any",
                picture, options.channels.size(), kPaperSide, kPaperSide, kPaperKernels.size());
  REVERIE_CHECK(options.beta >= 0.0 && options.free_nats >= 0.0,
                "vae: beta {} and {} free nats, expected none below 0", options.beta,
                options.free_nats);
  REVERIE_CHECK(options.output_std > 0.0 && std::isfinite(options.output_std),
                "vae: an output_std of {}, expected a finite number above 0", options.output_std);
  REVERIE_CHECK(
      !options.learn_output_std || options.output_std > std::exp(kLeastLogStd),
      "vae: an output_std of {} to learn from, expected more than {:.4f}, the least that it "
      "can become",
      options.output_std, std::exp(kLeastLogStd));
}

}  // namespace

void VaeOptions::describe(ConfigFields& f) {
  f.add("latent_size", latent_size, "numbers in a picture's latent", between(1, 1 << 16));
  f.add("vae_channels", channels,
        "channels of the encoder's convolutions; the decoder mirrors them", between(1, 1 << 16));
  f.add("vae_layout", layout,
        "sizes of the convolutions: paper = World Models', for 64x64 pictures and 4 convolutions; "
        "mirror = any",
        {"paper", "mirror"});
  f.add("beta", beta, "weight of the latents' information in the loss", at_least(0));
  f.add("free_nats", free_nats, "information per latent number that costs nothing [nats]",
        at_least(0));
  f.add("learn_output_std", learn_output_std,
        "learn the deviation of pixels (sigma-VAE) instead of keeping output_std");
  f.add(
      "output_std", output_std,
      "deviation of pixels from the decoder's picture, where white is 1; 0.7071 = the loss is the "
      "sum of squared errors",
      above(0));
}

Shapes Vae::shapes(const VaeOptions& options, const std::vector<int64_t>& picture) {
  check(options, picture);
  const std::vector<int64_t>& channels = options.channels;
  const size_t layers = channels.size();
  const auto [height, width] = sides(options, picture).back();
  const int64_t features = channels.back() * height * width;
  Shapes out;
  for (size_t i = 0; i < layers; ++i) {
    Conv2d::declare(out, encoder_name(i), i == 0 ? picture[2] : channels[i - 1], channels[i],
                    kKernel);
  }
  GaussianLayer::declare(out, "code", features, options.latent_size);
  Linear::declare(out, "cells", options.latent_size, features);
  for (size_t i = 0; i < layers; ++i) {
    // The paper's decoder begins with all features as the channels of one pixel.
    const int64_t first = is_paper(options) ? features : channels.back();
    ConvTranspose2d::declare(out, decoder_name(i), i == 0 ? first : channels[layers - 1 - i],
                             i + 1 < layers ? channels[layers - 2 - i] : picture[2],
                             is_paper(options) ? kPaperKernels[i] : kKernel);
  }
  if (options.learn_output_std) out.push_back({"log_std", {1}});
  return out;
}

Vae::Vae(const VaeOptions& options, const std::vector<int64_t>& picture, Rng& rng,
         at::Device device)
    : Network(shapes(options, picture), device),
      options_(options),
      picture_(picture),
      device_(device),
      code_(parameters(), "code"),
      cells_(parameters(), "cells") {
  for (size_t i = 0; i < options.channels.size(); ++i) {
    encoder_.emplace_back(parameters(), encoder_name(i), kStride, /*padding=*/0);
    decoder_.emplace_back(parameters(), decoder_name(i), kStride);
  }
  reset_parameters(parameters(), rng);
  if (options.learn_output_std) {
    // The inverse of log_std().
    const double above = std::log(options.output_std) - kLeastLogStd;
    parameters().at("log_std").detach().fill_(kLeastLogStd + std::log(std::expm1(above)));
  }
}

at::Tensor Vae::as_input(const at::Tensor& pixels) const {
  const std::vector<int64_t> found = pixels.sizes().vec();
  const bool fits =
      found.size() == 4 && std::equal(picture_.begin(), picture_.end(), ++found.begin());
  REVERIE_CHECK(fits && pixels.scalar_type() == at::kByte,
                "vae: pictures of {} {}, expected [any, {}] uint8: count, height, width, channels; "
                "the network was made for other data",
                found, c10::toString(pixels.scalar_type()), fmt::join(picture_, ", "));
  // Channels last: the layout of the bytes, and the fast one of convolutions on a CPU.
  return pixels.to(device_)
      .permute({0, 3, 1, 2})
      .to(at::kFloat, false, false, at::MemoryFormat::ChannelsLast)
      .div_(255.0);
}

at::Tensor Vae::features(const at::Tensor& input) const {
  at::Tensor h = input;
  for (const Conv2d& layer : encoder_) h = at::relu(layer(h));
  return h.flatten(1);
}

GaussianCode Vae::code(const at::Tensor& pixels) const { return code_(features(as_input(pixels))); }

at::Tensor Vae::encode(const at::Tensor& pixels) const {
  const at::NoGradGuard no_grad;
  return code_.mean(features(as_input(pixels)));
}

at::Tensor Vae::decode(const at::Tensor& z) const {
  const auto sizes = sides(options_, picture_);
  at::Tensor h = cells_(z);
  if (is_paper(options_)) {
    h = h.view({z.size(0), h.size(1), 1, 1});
  } else {
    h = h.view({z.size(0), options_.channels.back(), sizes.back()[0], sizes.back()[1]});
  }
  for (size_t i = 0; i < decoder_.size(); ++i) {
    h = decoder_[i](h.contiguous(at::MemoryFormat::ChannelsLast));
    if (!is_paper(options_)) {
      const auto [height, width] = sizes[decoder_.size() - 1 - i];
      h = extended(extended(h, 2, height), 3, width);
    }
    h = i + 1 < decoder_.size() ? at::relu(h) : at::sigmoid(h);
  }
  return h;
}

at::Tensor Vae::pictures(const at::Tensor& z) const {
  const at::NoGradGuard no_grad;
  const at::Tensor drawn = (decode(z) * 255.0).round();
  return drawn.permute({0, 2, 3, 1}).to(at::kByte).cpu().contiguous();
}

at::Tensor Vae::log_std() const {
  if (!options_.learn_output_std) {
    return at::full({}, std::log(options_.output_std), parameters().flat().options());
  }
  return kLeastLogStd + at::softplus(parameters().at("log_std").squeeze(0) - kLeastLogStd);
}

at::Tensor Vae::output_std() const {
  const at::NoGradGuard no_grad;
  return log_std().exp();
}

at::Tensor Vae::squared_errors(const at::Tensor& drawn, const at::Tensor& seen) const {
  return (drawn - seen).square().sum({1, 2, 3});
}

Vae::Loss Vae::loss(const at::Tensor& pixels, const NoiseSource& noise) const {
  const at::Tensor seen = as_input(pixels);
  const GaussianCode code = code_(features(seen));
  const at::Tensor errors = squared_errors(decode(code.draw(noise)), seen).mean();
  const at::Tensor log_s = log_std();
  at::Tensor reconstruction = 0.5 * errors * at::exp(-2.0 * log_s);
  if (options_.learn_output_std) {
    const auto numbers = static_cast<double>(seen[0].numel());
    reconstruction = reconstruction + numbers * log_s;
  }
  const at::Tensor kl = code.kl();
  const double free = options_.free_nats * static_cast<double>(options_.latent_size);
  return {.total = reconstruction + kl_penalty(kl, options_.beta, free),
          .reconstruction = reconstruction,
          .kl = kl.mean()};
}

at::Tensor Vae::log_likelihood(const at::Tensor& pixels) const {
  const at::NoGradGuard no_grad;
  const at::Tensor seen = as_input(pixels);
  const at::Tensor errors = squared_errors(decode(code_.mean(features(seen))), seen);
  const auto numbers = static_cast<double>(seen[0].numel());
  const at::Tensor log_s = log_std();
  const at::Tensor constant = numbers * (log_s + 0.5 * std::log(2.0 * std::numbers::pi));
  return -0.5 * errors * at::exp(-2.0 * log_s) - constant;
}

}  // namespace reverie
