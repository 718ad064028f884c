#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.h"
#include "worldmodel/jepa/part.h"

namespace reverie {

// Pictures to features.
class Encoder : public Part {
 public:
  // pixels: [N, C, H, W] float32, standardised. Returns [N, features()].
  virtual at::Tensor operator()(const at::Tensor& pixels) const = 0;

  virtual int64_t features() const = 0;

 protected:
  using Part::Part;
};

// A small convolutional network that is cheap on a CPU: patches of 4 x 4 pixels become the channels
// of one cell, then 3 x 3 convolutions of stride 2, ReLU behind each, and a linear layer over what
// is left.
struct ConvEncoderOptions {
  int64_t height = 64, width = 64;  // [px], multiples of 4 * 2^(layers - 1)
  int64_t image_channels = 3;
  std::vector<int64_t> channels = {32, 64, 128};  // of each layer
  int64_t features = 256;
};

// Throws Error(kInput) for a size that the strides do not divide.
std::unique_ptr<Encoder> make_conv_encoder(const ConvEncoderOptions& options, Rng& rng,
                                           at::Device device);

}  // namespace reverie
