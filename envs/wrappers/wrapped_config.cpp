#include "envs/wrappers/wrapped_config.h"

#include "envs/vector_env.h"
#include "envs/wrappers/disturbances.h"
#include "envs/wrappers/formula_reward.h"
#include "envs/wrappers/frames.h"
#include "envs/wrappers/pixel_observation.h"
#include "envs/wrappers/rewards_and_time.h"

namespace reverie {
namespace {

// The options, checked and ready to wrap instances.
struct WrapperStack {
  WrapperOptions options;
  int64_t skip = 1;  // of frame_skip or action_repeat
  std::optional<PixelOptions> pixels;

  bool empty() const {
    return !pixels && skip == 1 && options.frame_stack == 1 && options.sticky_actions == 0.0 &&
           options.action_noise == 0.0 && options.observation_noise == 0.0 &&
           options.reward.empty() && options.reward_scale == 1.0 && options.reward_clip == 0.0 &&
           options.time_limit == 0;
  }

  // In the order documented at WrappedConfig.
  std::unique_ptr<Env> wrap(std::unique_ptr<Env> env) const {
    const auto add = [&]<typename W>(std::type_identity<W>, bool wanted, const auto& option) {
      if (wanted) env = std::make_unique<W>(std::move(env), option);
    };
    const WrapperOptions& o = options;
    add(std::type_identity<FormulaReward>(), !o.reward.empty(), o.reward);
    add(std::type_identity<ActionNoise>(), o.action_noise > 0.0, o.action_noise);
    add(std::type_identity<StickyActions>(), o.sticky_actions > 0.0, o.sticky_actions);
    add(std::type_identity<FrameSkip>(), skip > 1, skip);
    if (pixels) env = std::make_unique<PixelObservation>(std::move(env), *pixels);
    add(std::type_identity<ObservationNoise>(), o.observation_noise > 0.0, o.observation_noise);
    add(std::type_identity<FrameStack>(), o.frame_stack > 1, o.frame_stack);
    add(std::type_identity<RewardScale>(), o.reward_scale != 1.0, o.reward_scale);
    add(std::type_identity<RewardClip>(), o.reward_clip > 0.0, o.reward_clip);
    add(std::type_identity<TimeLimit>(), o.time_limit > 0, o.time_limit);
    return env;
  }
};

PixelOptions pixel_options(const WrapperOptions& options, const EnvConfig& inner) {
  PixelOptions pixels;
  if (options.image_size.empty()) {
    const auto [width, height] = inner.default_image_size();
    pixels.image_size = {width, height};
  } else {
    pixels.image_size = parse_image_size("--image-size", options.image_size);
  }
  if (!options.crop.empty()) pixels.crop = parse_crop("--crop", options.crop, pixels.image_size);
  if (!options.resize.empty()) pixels.resize = parse_image_size("--resize", options.resize);
  pixels.grey = options.grey;
  pixels.keep_fields = options.observation == "both";
  return pixels;
}

WrapperStack make_stack(const std::string& id, const WrapperOptions& options,
                        const EnvConfig& inner) {
  REVERIE_CHECK(options.frame_skip == 1 || options.action_repeat == 1,
                "{}: --frame-skip {} and --action-repeat {} mean the same; give one", id,
                options.frame_skip, options.action_repeat);
  WrapperStack stack{
      .options = options, .skip = options.frame_skip * options.action_repeat, .pixels = {}};
  if (options.observation != "state") {
    stack.pixels = pixel_options(options, inner);
    return stack;
  }
  const auto refuse = [&](bool given, const char* flag, const std::string& value) {
    REVERIE_CHECK(!given,
                  "{}: {} {}: the observation is state, expected --observation pixels or both", id,
                  flag, value);
  };
  refuse(!options.image_size.empty(), "--image-size", options.image_size);
  refuse(!options.crop.empty(), "--crop", options.crop);
  refuse(!options.resize.empty(), "--resize", options.resize);
  refuse(options.grey, "--grey", "true");
  return stack;
}

}  // namespace

void WrapperOptions::describe(ConfigFields& fields) {
  fields.add("observation", observation, "the environment's own fields, its picture, or both",
             {"state", "pixels", "both"});
  fields.add("image_size", image_size,
             "pixels: WIDTHxHEIGHT of the picture, 1 to 8192 each; \"\" = the environment's own");
  fields.add("crop", crop, "pixels: crop to WIDTHxHEIGHT+LEFT+TOP; \"\" = no crop");
  fields.add("resize", resize,
             "pixels: resize to WIDTHxHEIGHT after the crop (by area, or bilinear to enlarge); "
             "\"\" = no resize");
  fields.add("grey", grey, "pixels: convert to one channel, the luma (ITU-R 601)");
  fields.add("frame_skip", frame_skip, "simulator steps per action; rewards are summed",
             between(1, 10000));
  fields.add("action_repeat", action_repeat, "same as frame_skip", between(1, 10000));
  fields.add("frame_stack", frame_stack,
             "stack the last K pixels, or observations without pixels, as [K, ...], oldest first",
             between(1, 1024));
  fields.add("sticky_actions", sticky_actions,
             "probability that a simulator step repeats the action before (ALE: 0.25)",
             {.low = 0.0, .high = 1.0, .open_high = true});
  fields.add("action_noise", action_noise,
             "standard deviation of noise on actions [half of their range]", at_least(0.0));
  fields.add("observation_noise", observation_noise,
             "standard deviation of noise on float fields [their unit]", at_least(0.0));
  fields.add("reward", reward,
             "another reward: a name or a formula over the state, see `reverie list rewards ENV`; "
             "\"\" = the environment's own");
  fields.add("reward_scale", reward_scale, "factor on rewards", above(0.0));
  fields.add("reward_clip", reward_clip, "limit of scaled rewards to [-x, x]; 0 = no limit",
             at_least(0.0));
  fields.add(
      "time_limit", time_limit,
      "agent steps after which an episode is truncated; 0 = only the environment's own limit",
      at_least(0));
}

WrappedConfig::WrappedConfig(std::string id, std::unique_ptr<EnvConfig> inner)
    : id_(std::move(id)), inner_(std::move(inner)) {
  options_.observation = inner_->default_observation();
}

void WrappedConfig::describe(ConfigFields& fields) {
  inner_->describe(fields);
  options_.describe(fields);
}

EnvMaker WrappedConfig::maker() const {
  const WrapperStack stack = make_stack(id_, options_, *inner_);
  EnvMaker inner = inner_->maker();
  if (stack.empty()) return inner;
  EnvMaker wrapped = [inner, stack] { return stack.wrap(inner()); };
  wrapped();  // already refuses here what only an instance can reveal: its fields and bounds
  return wrapped;
}

std::unique_ptr<VectorEnv> WrappedConfig::vector_env(const VectorEnvOptions& options) const {
  if (make_stack(id_, options_, *inner_).empty()) return inner_->vector_env(options);
  return EnvConfig::vector_env(options);
}

std::optional<FiniteModel> WrappedConfig::finite_model() const {
  std::optional<FiniteModel> model = inner_->finite_model();
  if (!model) return model;
  const auto refuse = [&](bool given, const char* flag) {
    REVERIE_CHECK(!given,
                  "{}: {} changes the task, and its model does not contain it; leave it out", id_,
                  flag);
  };
  refuse(options_.frame_skip != 1, "--frame-skip");
  refuse(options_.action_repeat != 1, "--action-repeat");
  refuse(options_.sticky_actions != 0.0, "--sticky-actions");
  refuse(!options_.reward.empty(), "--reward");
  refuse(options_.reward_scale != 1.0, "--reward-scale");
  refuse(options_.reward_clip != 0.0, "--reward-clip");
  return model;
}

void copy_wrappers(const EnvConfig& from, EnvConfig& to) {
  const auto* source = dynamic_cast<const WrappedConfig*>(&from);
  auto* target = dynamic_cast<WrappedConfig*>(&to);
  if (source == nullptr || target == nullptr) return;
  WrapperOptions options = source->options();
  options.reward = target->options().reward;
  target->set_options(options);
}

void leave_out_pictures(EnvConfig& config) {
  config.set_option("observation", "state");
  for (const char* option : {"image_size", "crop", "resize"}) config.set_option(option, "");
  config.set_option("grey", "false");
}

EnvEntry with_wrappers(EnvEntry entry) {
  entry.config = [id = entry.id, inner = std::move(entry.config)]() -> std::unique_ptr<EnvConfig> {
    return std::make_unique<WrappedConfig>(id, inner());
  };
  return entry;
}

}  // namespace reverie
