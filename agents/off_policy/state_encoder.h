#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/observation_encoder.h"
#include "agents/off_policy/options.h"
#include "core/random.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "replay/batch.h"

namespace reverie {

// The state s that actor and critics of an off-policy agent read: the floating-point fields of the
// observations, and the features of the pictures, see ObservationEncoder.
//
// From pictures as DrQ-v2:
//
//   s = conv(shift(o)),  s' = conv(shift(o')) without gradient; every picture is shifted by its own
//       draw of up to `random_shift` pixels (nn/random_shift.h), in training only
//   - The convolutions are shared by actor and critics. The critics' loss alone trains them, by an
//     optimiser of their own; the actor reads s.detach().
//   - They have no slow copy: target critics read s' of the convolutions that learn. (DrQ and
//     SAC-AE give the target critic its own; DrQ-v2 does without, and an update encodes each
//     picture once.)
//   - Each network begins with a Trunk of `feature_size` numbers (MlpOptions), which twin critics
//     share; actions enter behind it.
//
// Source: Yarats et al. 2021, "Mastering visual continuous control", arXiv:2107.09645, section 3.1,
// and the authors' code (facebookresearch/drqv2, drqv2.py @421dfde). Differs: pixels are in [0, 1]
// instead of [-1/2, 1/2], and weights begin as PyTorch's defaults instead of orthogonal.
//
// With floating-point fields alone it has no weights and draws nothing.
class StateEncoder {
 public:
  // normalize: standardise the floating-point fields. trunk: s itself is a Trunk's output of so
  // many numbers, trained as the convolutions are; 0: none. Throws Error as ObservationEncoder.
  struct Options {
    const PictureOptions& pictures;
    double learning_rate;
    bool normalize = false;
    int64_t trunk = 0;
  };
  StateEncoder(const EnvSpec& spec, const Options& options, uint64_t seed, Rng& rng,
               at::Device device);
  StateEncoder(const StateEncoder&) = delete;
  StateEncoder& operator=(const StateEncoder&) = delete;

  int64_t size() const { return encoder_.size(); }
  at::Device device() const { return encoder_.device(); }
  bool reads_pictures() const { return encoder_.parameters() != nullptr; }

  // The hidden widths of a network that reads s: from pictures, its trunk's before the others.
  std::vector<int64_t> widths(const std::vector<int64_t>& hidden) const;

  // s of the environments' observations: [N, size()].
  at::Tensor operator()(const TensorMap& obs) const { return encoder_(obs); }

  // s with gradient to the convolutions, s' without: [B, size()] each.
  struct States {
    at::Tensor s, s_next;
  };
  States states(const Batch& batch);

  // Adam of the convolutions; null with floating-point fields alone.
  Adam* optimizer() { return optimizer_ ? &*optimizer_ : nullptr; }

  const ObservationEncoder& encoder() const { return encoder_; }

  // Adds the observations to the running statistics.
  void observe(const TensorMap& obs) { encoder_.observe(obs); }

  void state(StateList& list);

 private:
  TensorMap shifted(const TensorMap& prepared) const;

  const int64_t random_shift_, feature_size_;
  ObservationEncoder encoder_;
  std::optional<Adam> optimizer_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
};

}  // namespace reverie
