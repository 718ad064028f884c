#include "nn/pch.h"
#include "worldmodel/jepa/encoder.h"

namespace reverie {
namespace {

constexpr int64_t kPatch = 4;

std::string layer_name(size_t index) { return fmt::format("layers.{}", index); }

// The number of cells left along a side of `pixels`.
int64_t cells(int64_t pixels, const ConvEncoderOptions& options) {
  const int64_t reduction = kPatch << (options.channels.size() - 1);
  REVERIE_CHECK(pixels > 0 && pixels % reduction == 0,
                "convolutional encoder: pictures of {}x{} pixels, expected sides that {} divides",
                options.width, options.height, reduction);
  return pixels / reduction;
}

Shapes shapes(const ConvEncoderOptions& options) {
  REVERIE_CHECK(!options.channels.empty(), "convolutional encoder: no layers, expected at least 1");
  Shapes out;
  int64_t inputs = options.image_channels;
  for (size_t i = 0; i < options.channels.size(); ++i) {
    Conv2d::declare(out, layer_name(i), inputs, options.channels[i], i == 0 ? kPatch : 3);
    inputs = options.channels[i];
  }
  const int64_t flat = inputs * cells(options.height, options) * cells(options.width, options);
  Linear::declare(out, "output", flat, options.features);
  return out;
}

class ConvEncoder final : public Encoder {
 public:
  ConvEncoder(const ConvEncoderOptions& options, Rng& rng, at::Device device)
      : Encoder(shapes(options), {options.image_channels, options.height, options.width}, device),
        features_(options.features),
        output_(parameters(), "output") {
    for (size_t i = 0; i < options.channels.size(); ++i) {
      const bool is_patch = i == 0;
      layers_.emplace_back(parameters(), layer_name(i), is_patch ? kPatch : 2, is_patch ? 0 : 1);
    }
    reset_parameters(parameters(), rng);
  }

  int64_t features() const override { return features_; }

 private:
  at::Tensor encode(const at::Tensor& pixels) const override {
    // Channels last: the fast layout of convolutions on a CPU.
    at::Tensor x = pixels.contiguous(at::MemoryFormat::ChannelsLast);
    for (const Conv2d& layer : layers_) x = at::relu(layer(x));
    return output_(x.flatten(1));
  }

  int64_t features_;
  std::vector<Conv2d> layers_;
  Linear output_;
};

}  // namespace

std::unique_ptr<Encoder> make_conv_encoder(const ConvEncoderOptions& options, Rng& rng,
                                           at::Device device) {
  return std::make_unique<ConvEncoder>(options, rng, device);
}

}  // namespace reverie
