#pragma once

#include <cstdint>

#include "core/random.h"
#include "worldmodel/jepa/part.h"

namespace reverie {

// Linear, batch normalisation, GELU, linear: what stands between features and latents. The batch
// normalisation is what lets SIGReg shape the latents behind a network that ends in a layer norm.
class Projector final : public Part {
 public:
  Projector(int64_t inputs, int64_t hidden, int64_t outputs, Rng& rng, at::Device device);

  // x: [..., inputs]. Returns [..., outputs]. training: statistics are those of the batch, all
  // leading axes together, and the running ones follow.
  at::Tensor operator()(const at::Tensor& x, bool training);

 private:
  Linear input_;
  BatchNorm1d norm_;
  Linear output_;
};

}  // namespace reverie
