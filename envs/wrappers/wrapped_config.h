#pragma once

#include <memory>
#include <string>

#include "envs/env.h"

namespace reverie {

// The options that every environment has in addition to its own. Defaults change nothing.
struct WrapperOptions {
  std::string observation;  // state, pixels or both; the environment's default
  std::string image_size;   // WIDTHxHEIGHT; "" = the environment's default
  std::string crop;         // WIDTHxHEIGHT+LEFT+TOP; "" = all
  std::string resize;       // WIDTHxHEIGHT; "" = as drawn
  bool grey = false;
  int64_t frame_skip = 1;
  int64_t action_repeat = 1;
  int64_t frame_stack = 1;
  double sticky_actions = 0.0;
  double action_noise = 0.0;
  double observation_noise = 0.0;
  std::string reward;  // a named one or a formula; "" = the environment's
  double reward_scale = 1.0;
  double reward_clip = 0.0;
  int64_t time_limit = 0;

  void describe(ConfigFields& fields);
};

// An environment's config and its wrappers. The registry adds them to every entry. From the inside
// out:
//
//   environment
//   FormulaReward     of the simulator's steps, whatever reads or repeats them
//   ActionNoise       the machine's own disturbances: once a simulator step, inside the frame skip,
//   StickyActions     as in the Arcade Learning Environment, so that p and std mean the same for
//                     any frame skip; what sticks is the command, its noise is drawn anew
//   FrameSkip         inside all that observes: no picture of a skipped step is drawn
//   PixelObservation  crop, resize and grey within it, in this order
//   ObservationNoise  inside the stack: a frame keeps its noise as long as it is seen
//   FrameStack        of whatever one observation is by now
//   RewardScale       outside the frame skip: of the sum
//   RewardClip
//   TimeLimit         counts the agent's decisions
//
// An option at its default adds no wrapper; without wrappers the environment itself is returned.
class WrappedConfig final : public EnvConfig {
 public:
  WrappedConfig(std::string id, std::unique_ptr<EnvConfig> inner);

  void describe(ConfigFields& fields) override;
  std::vector<Factor> factors() const override { return inner_->factors(); }
  EnvMaker maker() const override;
  std::optional<FiniteModel> finite_model() const override;

  // The environment's own where nothing is wrapped around it.
  std::unique_ptr<VectorEnv> vector_env(const VectorEnvOptions& options) const override;

  const WrapperOptions& options() const { return options_; }
  void set_options(const WrapperOptions& options) { options_ = options; }

 private:
  std::string id_;
  std::unique_ptr<EnvConfig> inner_;
  WrapperOptions options_;
};

// Copies the wrappers' options from one environment to another: how a policy sees its environment
// and acts in it; not its reward. Both must come from the registry; others are not changed.
void copy_wrappers(const EnvConfig& from, EnvConfig& to);

// Makes the environment observe its state without a picture: picture options are reset; states and
// rewards do not change.
void leave_out_pictures(EnvConfig& config);

// The entry with the wrappers' options added.
EnvEntry with_wrappers(EnvEntry entry);

}  // namespace reverie
