#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/observation_features.h"
#include "core/config.h"
#include "core/random.h"
#include "nn/parameters.h"

namespace reverie {

struct EncoderOptions {
  std::string convolutions = "nature";
  bool normalize_observation = false;

  // Of pictures: a Trunk (nn/layers.h) of so many numbers behind everything that is read; 0: none.
  int64_t trunk = 0;

  // The first two: a trunk is an agent's choice.
  void describe(ConfigFields& fields);
};

// What an agent's networks read of an environment's observations, as one vector: the floating-point
// fields (ObservationFeatures), then the features of the pictures. Pictures pass through
// convolutions with ReLU that learn with the agent; the frames and colours of a stack are their
// channels, scaled to [0, 1]:
//
//   nature   32 of 8x8 / 4, 64 of 4x4 / 2, 64 of 3x3 / 1
//            (Mnih et al. 2015, extended data table 1)
//   small    8 of 4x4 / 2, 16, 32 and 64 of 3x3 / 2, 128 and 256 of 3x3 / 1: a third of the
//            arithmetic of `nature` at 96x96
//   drq      32 of 3x3 / 2, three times 32 of 3x3 / 1      (Yarats et al. 2021, DrQ-v2)
//
// A copy has its own weights: a target network.
class ObservationEncoder {
 public:
  // Throws Error(kInput) when the environment has neither a floating-point nor a picture field, and
  // for pictures that are too small for the convolutions.
  ObservationEncoder(const EnvSpec& spec, const EncoderOptions& options, Rng& rng,
                     at::Device device);

  // The option EncoderOptions::convolutions, for configs that do not have all of EncoderOptions.
  static void describe_convolutions(ConfigFields& fields, std::string& name);

  int64_t size() const { return size_; }
  at::Device device() const { return device_; }

  // obs: [B, ...] of every field. Returns [B, size()] float32 on the device, with gradient to the
  // parameters: encode(prepare(obs)).
  at::Tensor operator()(const TensorMap& obs) const { return encode(prepare(obs)); }

  // What does not depend on the parameters, on the device: the joined floating-point fields [B, D]
  // as "features", and the pictures as they are. For learners that read the same observations
  // several times.
  TensorMap prepare(const TensorMap& obs) const;
  at::Tensor encode(const TensorMap& prepared) const;

  // The weights of the convolutions, and of the trunk; null when there are no pictures.
  Parameters* parameters() { return convolutions_ ? &*convolutions_ : nullptr; }
  const Parameters* parameters() const { return convolutions_ ? &*convolutions_ : nullptr; }

  // Adds the observations to the running statistics.
  void observe(const TensorMap& obs);

  void state(StateList& list);

 private:
  struct Layer {
    int64_t channels, kernel, stride;
  };

  static std::vector<Layer> layers_of(const std::string& name);

  at::Device device_;
  std::vector<Layer> layers_;
  std::vector<std::string> pictures_;            // names of the fields
  std::optional<ObservationFeatures> features_;  // of the floating-point fields, if any
  std::optional<Parameters> convolutions_;
  bool has_trunk_ = false;
  int64_t size_ = 0;
};

}  // namespace reverie
