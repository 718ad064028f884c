#include "agents/off_policy/state_encoder.h"

#include "agents/continuous_actions.h"
#include "nn/pch.h"
#include "nn/random_shift.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

EncoderOptions encoder_options(const StateEncoder::Options& options) {
  return {.convolutions = options.pictures.convolutions,
          .normalize_observation = options.normalize,
          .trunk = options.trunk};
}

constexpr uint64_t kShiftStream = 2;  // of update_rng(); agents' noise has the first

}  // namespace

StateEncoder::StateEncoder(const EnvSpec& spec, const Options& options, uint64_t seed, Rng& rng,
                           at::Device device)
    : random_shift_(options.pictures.random_shift),
      feature_size_(options.pictures.feature_size),
      encoder_(spec, encoder_options(options), rng, device),
      rng_(update_rng(seed, kShiftStream)),
      noise_(device, 0) {
  if (Parameters* parameters = encoder_.parameters()) {
    optimizer_.emplace(*parameters, AdamOptions{.learning_rate = options.learning_rate});
  }
}

std::vector<int64_t> StateEncoder::widths(const std::vector<int64_t>& hidden) const {
  std::vector<int64_t> widths;
  if (reads_pictures()) widths.push_back(feature_size_);
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  return widths;
}

StateEncoder::States StateEncoder::states(const Batch& batch) {
  if (reads_pictures()) noise_.reseed(rng_.next_uint64());
  const at::Tensor s = encoder_.encode(shifted(encoder_.prepare(batch.obs)));
  const at::NoGradGuard no_grad;
  return {s, encoder_.encode(shifted(encoder_.prepare(batch.next_obs)))};
}

TensorMap StateEncoder::shifted(const TensorMap& prepared) const {
  if (random_shift_ == 0) return prepared;
  TensorMap moved;
  for (const auto& [name, values] : prepared) {
    const bool is_picture = values.scalar_type() == at::kByte;
    moved.add(name, is_picture ? randomly_shifted(values, random_shift_, noise_) : values);
  }
  return moved;
}

void StateEncoder::state(StateList& list) {
  encoder_.state(list);
  if (!reads_pictures()) return;
  list.add("convolutions", *optimizer_);
  list.add("agent.shift_rng", rng_);
}

}  // namespace reverie
