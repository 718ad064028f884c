#include "agents/world_models/vision_memory.h"

#include <algorithm>
#include <cmath>

#include "nn/one_hot.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

constexpr int64_t kStarts = 256;

const Field& pixels_of(const EnvSpec& spec) {
  for (const Field& field : spec.observation) {
    if (field.name != "pixels") continue;
    REVERIE_CHECK(field.shape.size() == 3,
                  "{}: a VAE reads single pictures, found stacks of {}; give --frame-stack 1",
                  spec.id, field.stacked);
    return field;
  }
  fail_input("{}: world models see pictures, which are not observed; give --observation pixels",
             spec.id);
}

int64_t choices_of(const EnvSpec& spec) {
  const auto* discrete = std::get_if<DiscreteSpace>(&spec.action);
  return discrete != nullptr ? discrete->n : 0;
}

}  // namespace

VisionMemory::VisionMemory(const EnvSpec& spec, const VisionMemoryOptions& options, Rng& rng,
                           at::Device device)
    : choices_(choices_of(spec)),
      actions_(spec.action, 1, device),
      vision_(options.vision, pixels_of(spec).shape, rng, device),
      memory_(options.memory, options.vision.latent_size,
              choices_ > 0 ? choices_ : action_field(spec.action).numel(), rng, device),
      starts_(at::zeros({kStarts, options.vision.latent_size}, at::device(device))),
      has_starts_(at::zeros({}, at::device(device))),
      memory_updates_(at::zeros_like(has_starts_)),
      end_factor_(at::full_like(has_starts_, options.memory_training.end_factor)) {}

at::Tensor VisionMemory::action_code(const at::Tensor& action) const {
  const at::Tensor here = action.to(device());
  return choices_ > 0 ? one_hot_code(here, choices_) : here.to(at::kFloat);
}

LatentState VisionMemory::encode(const TensorMap& obs, const at::Tensor& action) {
  const at::NoGradGuard no_grad;
  const at::Tensor& all = obs.at("pixels");  // [B, T, H, W, C]
  REVERIE_CHECK(all.dim() == 5, "world model: pictures of {} dimensions, expected [B, T, H, W, C]",
                all.dim());
  const int64_t frames = std::min(all.size(1), kHistory);
  const at::Tensor seen = all.narrow(1, all.size(1) - frames, frames);
  const at::Tensor z = vision_.encode(seen.flatten(0, 1)).view({seen.size(0), frames, -1});
  at::Tensor memory = memory_.initial_memory(seen.size(0));
  for (int64_t t = 0; t + 1 < frames; ++t) {
    const at::Tensor done = action.select(1, action.size(1) - (frames - 1) + t).to(device());
    memory = memory_.step(z.select(1, t), actions_.to_model(done), memory);
  }
  return {z.select(1, frames - 1), memory};
}

LatentState VisionMemory::predict(const LatentState& state, const at::Tensor& action) {
  return memory_.predict(state, actions_.from_plan(action));
}

LatentState VisionMemory::encode_goal(const TensorMap& obs) {
  return {vision_.encode(obs.at("goal_pixels")), {}};
}

at::Tensor VisionMemory::distance(const LatentState& state, const LatentState& goal) const {
  return (state.z - goal.z).square().sum(-1);
}

at::Tensor VisionMemory::reward(const LatentState& /*state*/, const at::Tensor& /*action*/,
                                const LatentState& next) {
  return memory_.reward(memory_.output(next.h));
}

at::Tensor VisionMemory::value(const LatentState& state) {
  return at::zeros({state.size()}, state.z.options());
}

at::Tensor VisionMemory::termination(const LatentState& state) {
  return end_chance(memory_.output(state.h));
}

bool VisionMemory::can_dream() const {
  return has_starts_.item<float>() > 0.0F && memory_updates_.item<float>() > 0.0F;
}

void VisionMemory::note_memory_update() { memory_updates_.add_(1.0); }

double VisionMemory::end_factor() const { return end_factor_.item<double>(); }

void VisionMemory::set_starts(const at::Tensor& z) {
  // Repeated where there are fewer.
  const at::Tensor index = at::arange(kStarts, at::kLong).remainder(z.size(0)).to(z.device());
  starts_.copy_(z.index_select(0, index));
  has_starts_.fill_(1.0);
}

VisionMemory::Dreamt VisionMemory::dream(const Worlds& worlds, const at::Tensor& action,
                                         const DreamNoise& noise, double temperature) const {
  const at::NoGradGuard no_grad;
  const at::Tensor memory = memory_.step(worlds.z, action_code(action), worlds.memory);
  const at::Tensor h = memory_.output(memory);
  return {.next = {memory_.next(h).at_noise(noise.choice, noise.normal, temperature), memory},
          .reward = memory_.reward(h),
          .ended = noise.end < end_chance(h)};
}

at::Tensor VisionMemory::end_chance(const at::Tensor& h) const {
  return at::sigmoid(memory_.end_logit(h) - end_factor_.log());
}

void VisionMemory::state(StateList& list) {
  list.add("vision", vision_);
  list.add("memory", memory_);
  list.add_weights("starts", starts_);
  list.add_weights("has_starts", has_starts_);
  list.add_weights("memory_updates", memory_updates_);
  list.add_weights("end_factor", end_factor_);
}

Perception::Perception(const VisionMemory& model, int64_t num_envs)
    : model_(model),
      z_(at::zeros({num_envs, model.memory().latent_size()}, at::device(model.device()))),
      memory_(model.memory().initial_memory(num_envs)),
      is_ignored_(at::zeros({num_envs}, at::kBool)) {}

void Perception::begin(const at::Tensor& mask) {
  const at::NoGradGuard no_grad;
  memory_ = at::where(mask.to(memory_.device()).unsqueeze(1), at::zeros_like(memory_), memory_);
  is_ignored_ = is_ignored_.logical_and(mask.cpu().logical_not());
}

void Perception::ignore(const at::Tensor& mask) {
  is_ignored_ = is_ignored_.logical_or(mask.cpu());
}

at::Tensor Perception::Seen::joined() const { return at::cat({z, h}, 1); }

Perception::Seen Perception::see(const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  if (is_ignored_.any().item<bool>()) {
    const at::Tensor seen = is_ignored_.logical_not().nonzero().flatten();
    if (seen.numel() > 0) {
      z_ = z_.index_copy(0, seen.to(z_.device()),
                         model_.vision().encode(pixels.index_select(0, seen)));
    }
  } else {
    z_ = model_.vision().encode(pixels);
  }
  return {z_, model_.memory().output(memory_)};
}

void Perception::act(const at::Tensor& action) {
  const at::NoGradGuard no_grad;
  memory_ = model_.memory().step(z_, model_.action_code(action), memory_);
}

void Perception::state(StateList& list) {
  list.add_changing("z", z_, model_.device());
  list.add_changing("memory", memory_, model_.device());
  list.add_changing("ignored", is_ignored_, at::kCPU);
}

std::vector<double> Perception::numbers() const {
  std::vector<double> out;
  for (const at::Tensor* part : {&z_, &memory_}) {
    const at::Tensor values = part->cpu().contiguous();
    out.insert(out.end(), values.const_data_ptr<float>(),
               values.const_data_ptr<float>() + values.numel());
  }
  return out;
}

void Perception::set_numbers(std::span<const double> numbers) {
  const auto expected = static_cast<size_t>(z_.numel() + memory_.numel());
  REVERIE_CHECK(numbers.size() == expected, "a memory of {} numbers, expected {}", numbers.size(),
                expected);
  for (const double number : numbers) {
    REVERIE_CHECK(std::isfinite(static_cast<float>(number)), "a memory that holds {}", number);
  }
  const auto part = [&](const at::Tensor& like, std::span<const double> values) {
    return copy_to_tensor(values).to(like.device(), at::kFloat).view(like.sizes());
  };
  const auto latent = static_cast<size_t>(z_.numel());
  z_ = part(z_, numbers.first(latent));
  memory_ = part(memory_, numbers.subspan(latent));
}

}  // namespace reverie
