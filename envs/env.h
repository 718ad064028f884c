#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/spec.h"
#include "envs/controller.h"
#include "envs/factors.h"

namespace reverie {

// What a picture is for: the pixels that a policy sees, which follow the reference where there is
// one and show nothing that is not part of the task; or a film for people.
enum class View : uint8_t { kObservation, kFilm };

// One simulator of one task. It writes where the caller says: nothing is allocated on the step
// path. Ready after the constructor; not thread-safe, but different instances may run on different
// threads (they may share constant data such as a compiled model).
class Env {
 public:
  virtual ~Env() = default;

  // The facts of this environment. Valid as long as the environment lives.
  virtual const EnvSpec& spec() const = 0;

  // Starts an episode. The same seed gives the same episode, whatever came before.
  // obs: F views of one row each, in the order of spec().observation; all are written.
  virtual void reset(uint64_t seed, FieldViews obs) = 0;

  // Advances by spec().dt seconds and writes the new observation.
  // action: one row of spec().action; Box values outside their bounds are clipped.
  // Throws Error(kInput) for NaN, infinite, mis-shaped or out-of-range actions and for a step after
  // the end of the episode, Error(kRun) when the simulator fails; the environment then needs
  // reset().
  virtual StepResult step(ConstFieldView action, FieldViews obs) = 0;

  // Everything that the rest of the episode depends on (simulator, goal, clock, generator), as
  // numbers. The layout belongs to the environment; physics() has parts with names.
  virtual std::vector<double> state() const = 0;

  // Continues from what state() returned, on this or another instance with the same configuration;
  // bit-equal where spec().exact_state. Throws Error for a wrong length or non-finite values.
  virtual void set_state(std::span<const double> state) = 0;

  // Draws the current state over the whole canvas, which may have any size.
  virtual void draw(Canvas& canvas, View view) const = 0;

  // Named facts of the episode so far: "success" (0 or 1, reached at any time), "success_at_end",
  // tiles visited, ... Empty where a task has none.
  virtual Metrics metrics() const { return {}; }

  // What a recording holds and `rollout` writes: "qpos" and "qvel" for MuJoCo, poses for Box2D,
  // goals. Null where the environment has no such named parts.
  virtual class PhysicsState* physics() { return nullptr; }
};

// Named parts of a simulator's state, for recordings and parity checks.
class PhysicsState {
 public:
  virtual ~PhysicsState() = default;

  struct Part {
    std::string name;
    size_t size = 1;         // how many numbers
    bool is_scalar = false;  // a recording has one number a row, not a row of one
  };

  // For example {{"qpos", 2}, {"qvel", 2}}.
  virtual std::vector<Part> parts() const = 0;

  // Copies a part out. Throws Error for an unknown name or another length.
  virtual void get(std::string_view part, std::span<double> out) const = 0;

  // Replaces one part; others stay. Throws Error for an unknown name, another length, values that
  // are not finite, and where parts can only be read.
  virtual void set(std::string_view part, std::span<const double> values) = 0;
  virtual bool settable() const { return true; }

  // What stays the same for an episode, as a recording holds it once ("track" [tiles, 4]).
  struct Constant {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<double> values;
  };
  virtual std::vector<Constant> constants() const { return {}; }

  // Writes the observation of the state as it now is, without advancing time.
  virtual void observe(FieldViews obs) const = 0;

  // The reward that step() gives for a step to the state as it now is, for recordings that are to
  // serve another task or goal. Wrappers change it as they change step()'s. Empty where a reward
  // needs more than that state: an action, or the states that a frame skip passes through.
  virtual std::optional<double> reward() const { return std::nullopt; }

  // What step() gives for a step that ends at the goal `achieved` while `desired` is pursued
  // (Gymnasium's compute_reward and compute_terminated), for learning from goals that were reached
  // by chance; `truncated` is false, as the clock is not asked. Wrappers change the reward as they
  // change step()'s. Empty where a task has no goals, and as in reward(). Throws Error for another
  // size than theirs.
  virtual std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                            std::span<const double> /*desired*/) const {
    return std::nullopt;
  }

  // How far the body is from its place in the state whose part "qpos" is given, and how near to a
  // goal counts as reached in this task [m]. Empty where no goal is a place. Throws Error for
  // another length.
  struct GoalDistance {
    double distance = 0.0;
    double radius = 0.0;
  };
  virtual std::optional<GoalDistance> goal_distance(std::span<const double> /*goal_qpos*/) const {
    return std::nullopt;
  }

  // That of the environment itself where wrappers stand around it.
  virtual const PhysicsState& innermost() const { return *this; }
};

// Makes instances of one configured environment; what they can share (a compiled model, a map) is
// made once and captured. Thread-safe to call.
using EnvMaker = std::function<std::unique_ptr<Env>()>;

// The options of one environment id. Defaults are the reference's.
class EnvConfig {
 public:
  virtual ~EnvConfig() = default;

  // Lists every option once: flags, TOML, help and dump all come from it.
  virtual void describe(ConfigFields& fields) = 0;

  // One option from text, as its flag would. Throws Error(kInput) as ConfigFields::set() does.
  void set_option(std::string_view name, std::string_view text);

  // What `vary` and `set` may name.
  virtual std::vector<Factor> factors() const { return {}; }

  // What `--observation` is when not given: "state", "pixels" or "both" (envs/wrappers).
  virtual std::string default_observation() const { return "state"; }

  // Width and height [px] of the field "pixels" when not given.
  virtual std::pair<int, int> default_image_size() const { return {64, 64}; }

  // Checks the options and loads what is shared. Throws Error(kInput) for a bad map, model or
  // value.
  virtual EnvMaker maker() const = 0;

  // What the environments will be. Throws Error as maker() does.
  virtual EnvSpec spec() const;

  // N of them that step together (AutoReset::kSameStep): simulators on threads, where nothing else
  // is said.
  virtual std::unique_ptr<class VectorEnv> vector_env(const struct VectorEnvOptions& options) const;
};

// One line of the registry: an id that people type and what stands behind it.
struct EnvEntry {
  std::string id;       // "maze2d-umaze-dense"
  std::string summary;  // one line for `reverie list envs`
  std::function<std::unique_ptr<EnvConfig>()> config;

  // Names of the environment that this one agrees with, elsewhere: "PointMaze_UMaze-v3".
  std::vector<std::string> aliases = {};

  // Whether `reverie bench envs` measures it when no ids are given: one or two of each family.
  bool benchmark = false;

  // What plays it without having been trained, under the names of agents. Empty where there is
  // nothing of the kind.
  std::vector<ControllerEntry> controllers = {};

  // Steps a second of the bare simulator under this task, without observations, rewards and resets:
  // the limit that the environment is compared with. Empty where there is none.
  std::function<double(int threads, double seconds)> bare_step_rate = {};
};

}  // namespace reverie
