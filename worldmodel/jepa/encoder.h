#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.h"
#include "worldmodel/network.h"

namespace reverie {

// Maps pictures to features.
class Encoder : public Network {
 public:
  struct PictureSize {
    int64_t channels, height, width;
  };

  // pixels: [N, C, H, W] float32, standardised. Returns [N, features()]. Throws Error(kInput) for
  // pictures of a size other than the encoder's.
  at::Tensor operator()(const at::Tensor& pixels) const;

  virtual int64_t features() const = 0;

 protected:
  Encoder(const Shapes& shapes, const PictureSize& picture, at::Device device)
      : Network(shapes, device), picture_(picture) {}

 private:
  virtual at::Tensor encode(const at::Tensor& pixels) const = 0;

  PictureSize picture_;
};

// A small convolutional network that is cheap on a CPU: patches of 4 x 4 pixels become the channels
// of one cell, followed by 3 x 3 convolutions of stride 2, each with a ReLU, and a linear layer
// over the result.
struct ConvEncoderOptions {
  int64_t height = 64, width = 64;  // [px], multiples of 4 * 2^(layers - 1)
  int64_t image_channels = 3;
  std::vector<int64_t> channels = {32, 64, 128};  // of each layer
  int64_t features = 256;
};

// Throws Error(kInput) for a size that the strides do not divide.
std::unique_ptr<Encoder> make_conv_encoder(const ConvEncoderOptions& options, Rng& rng,
                                           at::Device device);

// LeWorldModel's: the vision transformer of Hugging Face's ViTModel without a pooler, under the
// same tensor names (Dosovitskiy et al. 2021). Square patches become tokens, preceded by an
// additional token (CLS), and learned positions are added. Blocks of attention and a perceptron,
// each after a layer norm (epsilon 1e-12), process all tokens. The features are CLS after a last
// layer norm. The defaults are ViT-Tiny with patches of 14: 198 tensors, 5,501,376 parameters.
struct VitEncoderOptions {
  int64_t height = 224, width = 224;  // [px], multiples of the patch
  int64_t image_channels = 3;
  int64_t patch = 14;         // side [px]
  int64_t features = 192;     // width of the blocks, a multiple of the heads
  int64_t depth = 12;         // blocks
  int64_t heads = 3;          // of attention
  int64_t hidden_size = 768;  // of the blocks' perceptrons
};

// Weights, positions and CLS are initialised from N(0, 0.02^2), biases with 0. Throws Error(kInput)
// for sides that the patch does not divide and widths that the heads do not divide.
std::unique_ptr<Encoder> make_vit_encoder(const VitEncoderOptions& options, Rng& rng,
                                          at::Device device);

}  // namespace reverie
