#include "worldmodel/jepa/encoder.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor Encoder::operator()(const at::Tensor& pixels) const {
  const auto& [channels, height, width] = picture_;
  REVERIE_CHECK(pixels.dim() == 4 && pixels.size(1) == channels && pixels.size(2) == height &&
                    pixels.size(3) == width,
                "encoder: pixels of shape {}, expected pictures x {} x {} x {}",
                fmt::join(pixels.sizes(), "x"), channels, height, width);
  return encode(pixels);
}

}  // namespace reverie
