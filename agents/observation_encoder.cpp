#include "agents/observation_encoder.h"

#include <algorithm>

#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie {
namespace {

const std::string kFeatures = "features";  // no field has this name beside a picture's
const std::string kTrunk = "trunk";        // layers of convolutions are "FIELD.INDEX"

bool is_picture(const Field& field) {
  return field.dtype == DType::kUInt8 && (field.shape.size() == 3 || field.shape.size() == 4);
}

// [B, H, W, C] or [B, K, H, W, C] uint8 to [B, K C, H, W] in [0, 1].
at::Tensor channels_first(const at::Tensor& x) {
  const at::Tensor moved =
      x.dim() == 5 ? x.permute({0, 1, 4, 2, 3}).flatten(1, 2) : x.permute({0, 3, 1, 2});
  return moved.to(at::kFloat, false, false, at::MemoryFormat::ChannelsLast).div_(255.0);
}

}  // namespace

void EncoderOptions::describe(ConfigFields& f) {
  ObservationEncoder::describe_convolutions(f, convolutions);
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by running mean and variance");
}

void ObservationEncoder::describe_convolutions(ConfigFields& f, std::string& name) {
  f.add("convolutions", name, "convolutions of pictures, if the environment shows any",
        {"nature", "small", "drq"});
}

std::vector<ObservationEncoder::Layer> ObservationEncoder::layers_of(const std::string& name) {
  if (name == "nature") return {{32, 8, 4}, {64, 4, 2}, {64, 3, 1}};
  if (name == "small") {
    return {{8, 4, 2}, {16, 3, 2}, {32, 3, 2}, {64, 3, 2}, {128, 3, 1}, {256, 3, 1}};
  }
  return {{32, 3, 2}, {32, 3, 1}, {32, 3, 1}, {32, 3, 1}};
}

ObservationEncoder::ObservationEncoder(const EnvSpec& spec, const EncoderOptions& options, Rng& rng,
                                       at::Device device)
    : device_(device), layers_(layers_of(options.convolutions)) {
  Shapes shapes;
  bool has_vectors = false;
  for (const Field& field : spec.observation) {
    has_vectors = has_vectors || field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
    if (!is_picture(field)) continue;
    const size_t rank = field.shape.size();
    int64_t channels = field.shape[rank - 1] * (rank == 4 ? field.shape[0] : 1);
    int64_t height = field.shape[rank - 3], width = field.shape[rank - 2];
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      REVERIE_CHECK(std::min(height, width) >= layer.kernel,
                    "{} shows {} of {}x{}, which --convolutions {} cannot read: {}x{} are left "
                    "before its layer {} of {}x{}",
                    spec.id, field.name, field.shape[rank - 2], field.shape[rank - 3],
                    options.convolutions, width, height, i + 1, layer.kernel, layer.kernel);
      Conv2d::declare(shapes, fmt::format("{}.{}", field.name, i), channels, layer.channels,
                      layer.kernel);
      height = (height - layer.kernel) / layer.stride + 1;
      width = (width - layer.kernel) / layer.stride + 1;
      channels = layer.channels;
    }
    pictures_.push_back(field.name);
    size_ += channels * height * width;
  }
  if (has_vectors || pictures_.empty()) {  // without both it says what is missing
    features_.emplace(spec, options.normalize_observation, device);
    size_ += features_->size();
  }
  if (pictures_.empty()) return;
  if (options.trunk > 0) {
    has_trunk_ = true;
    Trunk::declare(shapes, kTrunk, size_, options.trunk);
    size_ = options.trunk;
  }
  convolutions_.emplace(shapes, device);
  reset_parameters(*convolutions_, rng);
}

TensorMap ObservationEncoder::prepare(const TensorMap& obs) const {
  TensorMap prepared;
  if (features_) prepared.add(kFeatures, (*features_)(obs));
  for (const std::string& name : pictures_) prepared.add(name, obs.at(name).to(device_));
  return prepared;
}

at::Tensor ObservationEncoder::encode(const TensorMap& prepared) const {
  std::vector<at::Tensor> parts;
  if (features_) parts.push_back(prepared.at(kFeatures));
  for (const std::string& name : pictures_) {
    at::Tensor x = channels_first(prepared.at(name));
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Conv2d convolution(*convolutions_, fmt::format("{}.{}", name, i), layers_[i].stride, 0);
      x = at::relu(convolution(x));
    }
    parts.push_back(x.flatten(1));
  }
  const at::Tensor joined = parts.size() == 1 ? parts.front() : at::cat(parts, 1);
  return has_trunk_ ? Trunk(*convolutions_, kTrunk)(joined) : joined;
}

void ObservationEncoder::observe(const TensorMap& obs) {
  if (features_) features_->observe(obs);
}

void ObservationEncoder::state(StateList& list) {
  if (convolutions_) list.add("convolutions", *convolutions_);
  if (features_) features_->state(list);
}

}  // namespace reverie
