#include "agents/observation_features.h"

#include "nn/pch.h"

namespace reverie {
namespace {

bool is_vector(const Field& field) {
  return field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
}

int64_t feature_count(const EnvSpec& spec) {
  int64_t count = 0;
  for (const Field& field : spec.observation) count += is_vector(field) ? field.numel() : 0;
  REVERIE_CHECK(count > 0,
                "{} has no floating-point observation field for a network on vectors; "
                "--observation state adds one",
                spec.id);
  return count;
}

}  // namespace

ObservationFeatures::ObservationFeatures(const EnvSpec& spec, bool normalize, at::Device device)
    : size_(feature_count(spec)),
      device_(device),
      normalize_(normalize),
      normalizer_(size_, device) {
  for (const Field& field : spec.observation) {
    if (is_vector(field)) names_.push_back(field.name);
  }
}

at::Tensor ObservationFeatures::joined(const TensorMap& obs) const {
  std::vector<at::Tensor> parts;
  for (const std::string& name : names_) {
    const at::Tensor field = obs.at(name).to(device_, at::kFloat);
    parts.push_back(field.dim() == 1 ? field.unsqueeze(1) : field.flatten(1));  // B may be 0
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

void ObservationFeatures::observe(const TensorMap& obs) {
  if (normalize_) normalizer_.update(joined(obs));
}

void ObservationFeatures::state(StateList& list) {
  if (normalize_) list.add("observation", normalizer_);
}

}  // namespace reverie
