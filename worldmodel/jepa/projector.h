#pragma once

#include <cstdint>

#include "core/random.h"
#include "worldmodel/network.h"

namespace reverie {

// Linear, batch normalisation, GELU, linear: maps features to latents. The batch normalisation
// allows SIGReg to shape the latents after a network that ends in a layer norm.
class Projector final : public Network {
 public:
  Projector(int64_t inputs, int64_t hidden, int64_t outputs, Rng& rng, at::Device device);

  // x: [..., inputs]. Returns [..., outputs]. All leading axes together are the batch of
  // BatchNorm1d.
  at::Tensor operator()(const at::Tensor& x, ForwardMode mode);

 private:
  Linear input_;
  BatchNorm1d norm_;
  Linear output_;
};

}  // namespace reverie
