#include "worldmodel/jepa/jepa.h"

#include <fmt/ranges.h>

#include "nn/pch.h"
#include "nn/safetensors.h"
#include "nn/state_list.h"

namespace reverie {

const std::vector<JepaArchitecture>& jepa_architectures() {
  static const std::vector<JepaArchitecture> all = {
      {"jepa-small", "JEPA for two CPU cores: a convolutional encoder, 32 latent numbers"},
      {"lewm", "LeWorldModel: ViT-tiny at 224x224, 192 latent numbers, 18 million parameters"},
  };
  return all;
}

namespace {

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const JepaArchitecture& entry : jepa_architectures()) names.push_back(entry.name);
  return names;
}

}  // namespace

void JepaOptions::describe(ConfigFields& f) {
  f.add("architecture", architecture, "architecture of the model (reverie list worldmodels)",
        architecture_names());
  f.add("latent_size", latent_size, "size of a latent; 0 = the architecture's (32, lewm 192)",
        between(0, 4096));
  f.add("history", history, "frames that the predictor takes as context", between(1, 64));
  f.add("action_block", action_block, "environment steps between two frames of the model",
        between(1, 1000));
  f.add("encoder_channels", encoder_channels,
        "channels of each convolution of jepa-small's encoder", between(1, 4096));
  f.add("predictor_width", predictor_width,
        "width of the predictor's blocks; 0 = the architecture's (128, lewm 192)",
        between(0, 4096));
  f.add("predictor_depth", predictor_depth,
        "blocks of the predictor; 0 = the architecture's (2, lewm 6)", between(0, 64));
  f.add("dropout", dropout, "dropout of the predictor in training",
        {.low = 0, .high = 1, .open_high = true});
}

namespace {

// An architecture's defaults for the options, and its fixed properties.
struct Architecture {
  int64_t latent_size, width, depth, heads, head_size, hidden_size;
  int64_t projector_hidden, action_mixed, action_hidden;
  int64_t image_size;  // pictures are scaled to this square; 0 = used unchanged
  double learning_rate;
};

constexpr Architecture kSmall = {.latent_size = 32,
                                 .width = 128,
                                 .depth = 2,
                                 .heads = 4,
                                 .head_size = 32,
                                 .hidden_size = 256,
                                 .projector_hidden = 512,
                                 .action_mixed = 32,
                                 .action_hidden = 128,
                                 .image_size = 0,
                                 .learning_rate = 5e-4};
constexpr Architecture kLeWorldModel = {.latent_size = 192,
                                        .width = 192,
                                        .depth = 6,
                                        .heads = 16,
                                        .head_size = 64,
                                        .hidden_size = 2048,
                                        .projector_hidden = 2048,
                                        .action_mixed = 10,
                                        .action_hidden = 768,
                                        .image_size = 224,
                                        .learning_rate = 5e-5};

bool is_lewm(const JepaOptions& options) { return options.architecture == "lewm"; }

Architecture named_architecture(const std::string& name) {
  if (name == "jepa-small") return kSmall;
  if (name == "lewm") return kLeWorldModel;
  fail_unknown_name("architecture", name, architecture_names());
}

Architecture architecture_of(const JepaOptions& options) {
  Architecture out = named_architecture(options.architecture);
  if (options.latent_size > 0) out.latent_size = options.latent_size;
  if (options.predictor_width > 0) out.width = options.predictor_width;
  if (options.predictor_depth > 0) out.depth = options.predictor_depth;
  return out;
}

Field checked(const Field& pixels) {
  REVERIE_CHECK(pixels.dtype == DType::kUInt8 && pixels.shape.size() == 3 &&
                    (pixels.shape[2] == 1 || pixels.shape[2] == 3),
                "world model: {} is {} [{}], expected uint8 pictures [height, width, 3 or 1]; "
                "--observation pixels without a frame stack gives them",
                pixels.name, dtype_name(pixels.dtype), fmt::join(pixels.shape, ", "));
  return pixels;
}

std::unique_ptr<Encoder> make_encoder(const JepaOptions& options,
                                      const std::vector<int64_t>& image_shape, Rng& rng,
                                      at::Device device) {
  if (is_lewm(options)) {
    REVERIE_CHECK(image_shape[2] == 3, "lewm: pictures of one channel, expected three");
    REVERIE_CHECK(image_shape[0] == image_shape[1],
                  "lewm: pictures of {}x{} pixels, expected square ones; --resize makes them",
                  image_shape[1], image_shape[0]);
    return make_vit_encoder({}, rng, device);
  }
  return make_conv_encoder({.height = image_shape[0],
                            .width = image_shape[1],
                            .image_channels = image_shape[2],
                            .channels = options.encoder_channels},
                           rng, device);
}

// ImageNet's statistics, by which the reference standardises pictures; for grey pictures their mean
// over the channels.
std::pair<at::Tensor, at::Tensor> pixel_statistics(int64_t channels) {
  const at::Tensor mean = at::tensor({0.485, 0.456, 0.406}).to(at::kFloat);
  const at::Tensor std = at::tensor({0.229, 0.224, 0.225}).to(at::kFloat);
  if (channels == 3) return {mean.view({3, 1, 1}), std.view({3, 1, 1})};
  return {mean.mean().view({1, 1, 1}), std.mean().view({1, 1, 1})};
}

// The last `count` along the second axis.
at::Tensor last(const at::Tensor& x, int64_t count) {
  return x.size(1) <= count ? x : x.narrow(1, x.size(1) - count, count);
}

// pixels: [B, F, H, W, C], action: [B, F - 1, k, ...].
void check_history(const at::Tensor& pixels, const at::Tensor& action) {
  REVERIE_CHECK(pixels.dim() == 5 && pixels.size(1) >= 1,
                "world model: pictures of shape {}, expected [worlds, frames, height, width, "
                "channels] with at least one frame",
                pixels.sizes().vec());
  const int64_t worlds = pixels.size(0), steps = pixels.size(1) - 1;
  if (steps == 0) return;
  REVERIE_CHECK(
      action.defined() && action.dim() >= 3 && action.size(0) == worlds && action.size(1) == steps,
      "world model: actions of shape {} between {} frames of {} worlds, expected [{}, "
      "{}, ...]",
      action.defined() ? action.sizes().vec() : std::vector<int64_t>(), steps + 1, worlds, worlds,
      steps);
}

}  // namespace

Jepa::Jepa(const JepaOptions& options, const Field& pixels, const ActionSpace& action, Rng& rng,
           at::Device device)
    : options_(options),
      image_shape_(checked(pixels).shape),
      device_(device),
      actions_(action, options.action_block, device) {
  const Architecture a = architecture_of(options);
  latent_size_ = a.latent_size;
  encoder_ = make_encoder(options, image_shape_, rng, device);
  predictor_ = std::make_unique<Predictor>(PredictorOptions{.frames = options.history,
                                                            .latent_size = a.latent_size,
                                                            .width = a.width,
                                                            .depth = a.depth,
                                                            .heads = a.heads,
                                                            .head_size = a.head_size,
                                                            .hidden_size = a.hidden_size,
                                                            .dropout = options.dropout},
                                           rng, device);
  action_encoder_ = std::make_unique<ActionEncoder>(actions_.model_size(), a.action_mixed,
                                                    a.action_hidden, a.latent_size, rng, device);
  projector_ = std::make_unique<Projector>(encoder_->features(), a.projector_hidden, a.latent_size,
                                           rng, device);
  prediction_projector_ =
      std::make_unique<Projector>(a.latent_size, a.projector_hidden, a.latent_size, rng, device);
  const auto [mean, std] = pixel_statistics(image_shape_[2]);
  pixel_scale_ = (1.0 / (255.0 * std)).to(device);
  pixel_shift_ = (-mean / std).to(device);
}

double Jepa::default_learning_rate() const { return architecture_of(options_).learning_rate; }

at::Tensor Jepa::pictures(const at::Tensor& pixels) const {
  REVERIE_CHECK(pixels.dim() == 4,
                "world model: pictures of shape {}, expected [N, height, width, channels]",
                pixels.sizes().vec());
  const std::vector<int64_t> found = pixels.sizes().slice(1).vec();
  REVERIE_CHECK(found == image_shape_,
                "world model: pictures of {}, expected {} [height, width, channels]", found,
                image_shape_);
  // [N, H, W, C] in memory is [N, C, H, W] with channels last, the fast layout of convolutions.
  at::Tensor x = pixels.to(device_).permute({0, 3, 1, 2}).to(at::kFloat);
  x = at::addcmul(pixel_shift_, x, pixel_scale_);
  const int64_t side = architecture_of(options_).image_size;
  if (side == 0 || (x.size(2) == side && x.size(3) == side)) return x;
  return at::_upsample_bilinear2d_aa(x, {side, side}, /*align_corners=*/false);
}

at::Tensor Jepa::latents(const at::Tensor& pixels, ForwardMode mode) {
  return (*projector_)((*encoder_)(pictures(pixels)), mode);
}

at::Tensor Jepa::predict_next(const at::Tensor& z, const at::Tensor& action_blocks,
                              ForwardMode mode, const NoiseSource* dropout) {
  const at::Tensor condition = (*action_encoder_)(action_blocks);
  return (*prediction_projector_)((*predictor_)(z, condition, dropout), mode);
}

LatentState Jepa::encode(const TensorMap& obs, const at::Tensor& action) {
  const at::NoGradGuard no_grad;
  const at::Tensor& seen = obs.at("pixels");
  check_history(seen, action);
  const at::Tensor pixels = last(seen, options_.history);
  const int64_t batch = pixels.size(0), frames = pixels.size(1);
  const at::Tensor z = latents(pixels.flatten(0, 1)).view({batch, frames, latent_size_});
  if (frames == 1) return {z, at::zeros({batch, 0, latent_size_}, z.options())};
  return {z, (*action_encoder_)(actions_.to_model(last(action.to(device_), frames - 1)))};
}

LatentState Jepa::predict(const LatentState& state, const at::Tensor& action) {
  const at::Tensor condition = (*action_encoder_)(actions_.from_plan(action));
  const auto [predicted, memory] = predictor_->step(state.z, state.h, condition);
  const at::Tensor next = (*prediction_projector_)(predicted, ForwardMode::kInference).unsqueeze(1);
  return {last(at::cat({state.z, next}, 1), options_.history), memory};
}

LatentState Jepa::encode_goal(const TensorMap& obs) {
  const at::NoGradGuard no_grad;
  return {latents(obs.at("goal_pixels")), {}};
}

at::Tensor Jepa::distance(const LatentState& state, const LatentState& goal) const {
  return (state.latest() - goal.latest()).square().sum(-1);
}

std::vector<std::pair<std::string, Network*>> Jepa::networks() const {
  return {{"encoder", encoder_.get()},
          {"predictor", predictor_.get()},
          {"action_encoder", action_encoder_.get()},
          {"projector", projector_.get()},
          {"pred_proj", prediction_projector_.get()}};
}

std::vector<std::pair<std::string, Parameters*>> Jepa::parameters() {
  std::vector<std::pair<std::string, Parameters*>> out;
  for (const auto& [name, network] : networks()) out.emplace_back(name, &network->parameters());
  return out;
}

void Jepa::state(StateList& list) {
  for (const auto& [name, network] : networks()) list.add(name, *network);
  actions_.state(list);
}

void Jepa::load_weights(const std::filesystem::path& file) {
  const SafetensorsFile saved = load_safetensors(file.string());
  StateList weights, statistics;
  for (const auto& [name, network] : networks()) weights.add(name, *network);
  actions_.state(statistics);
  NamedTensors expected, found = saved.tensors;
  for (const StateList::Entry& entry : weights.tensors()) {
    expected.emplace_back(entry.name, entry.tensor);
  }
  for (const StateList::Entry& entry : statistics.tensors()) {
    std::erase_if(found, [&](const auto& tensor) { return tensor.first == entry.name; });
  }
  check_tensors_match(file.string(), expected, found);
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : expected) tensor.copy_(saved.tensor(name));
}

}  // namespace reverie
