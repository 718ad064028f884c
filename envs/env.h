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
#include "envs/finite_mdp.h"

namespace reverie {

// The purpose of a picture. kObservation: the pixels that a policy sees; they follow the reference
// where there is one and show only what is part of the task. kFilm: a film for people.
enum class View : uint8_t { kObservation, kFilm };

// One simulator of one task. It writes into the caller's memory and allocates nothing on the step
// path. It is ready after the constructor. Not thread-safe, but different instances may run on
// different threads (they may share constant data such as a compiled model).
class Env {
 public:
  virtual ~Env() = default;

  // The facts of this environment. Valid as long as the environment exists.
  virtual const EnvSpec& spec() const = 0;

  // Starts an episode. The same seed gives the same episode, whatever happened before.
  // obs: F views of one row each, in the order of spec().observation; all are written.
  virtual void reset(uint64_t seed, FieldViews obs) = 0;

  // Advances by spec().dt seconds and writes the new observation.
  // action: one row of spec().action; Box values outside their bounds are clipped.
  // Throws Error(kInput) for NaN, infinite, mis-shaped or out-of-range actions and for a step after
  // the end of the episode, Error(kRun) when the simulator fails; the environment then needs
  // reset().
  virtual StepResult step(ConstFieldView action, FieldViews obs) = 0;

  // Everything that the rest of the episode depends on (simulator, goal, clock, generator), as
  // numbers. The layout is private to the environment; physics() has named parts.
  virtual std::vector<double> state() const = 0;

  // Continues from a result of state(), on this or another instance with the same configuration;
  // bit-equal if spec().exact_state. Throws Error for a wrong length or non-finite values.
  virtual void set_state(std::span<const double> state) = 0;

  // Draws the current state over the whole canvas, whose size is arbitrary.
  virtual void draw(Canvas& canvas, View view) const = 0;

  // Named facts of the episode so far: "success" (0 or 1, reached at any time), "success_at_end",
  // tiles visited, ... Empty where a task has none.
  virtual Metrics metrics() const { return {}; }

  // The named parts that recordings hold and `rollout` writes: "qpos" and "qvel" for MuJoCo, poses
  // for Box2D, goals. Null when the environment has none.
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

  // The names and sizes of all parts, for example {{"qpos", 2}, {"qvel", 2}}.
  virtual std::vector<Part> parts() const = 0;

  // Copies a part to `out`. Throws Error for an unknown name or another length.
  virtual void get(std::string_view part, std::span<double> out) const = 0;

  // Replaces one part; others stay. Throws Error for an unknown name, another length, values that
  // are not finite, and for read-only parts.
  virtual void set(std::string_view part, std::span<const double> values) = 0;
  virtual bool settable() const { return true; }

  // A constant of an episode, which a recording holds once ("track" [tiles, 4]).
  struct Constant {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<double> values;
  };
  virtual std::vector<Constant> constants() const { return {}; }

  // Writes the observation of the current state without advancing time.
  virtual void observe(FieldViews obs) const = 0;

  // The reward that step() gives for a step into the current state, for relabelling recordings with
  // another task or goal. Wrappers change it as they change step()'s. Empty when a reward needs
  // more than that state: an action, or the states that a frame skip passes through.
  virtual std::optional<double> reward() const { return std::nullopt; }

  // What step() gives for a step that ends at the goal `achieved` while `desired` is pursued
  // (Gymnasium's compute_reward and compute_terminated), for hindsight relabelling. `truncated` is
  // false, as the time limit is not considered. Wrappers change the reward as they change step()'s.
  // Empty for a task without goals, and as in reward(). Throws Error for goals of another size.
  virtual std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                            std::span<const double> /*desired*/) const {
    return std::nullopt;
  }

  // A number of the current state that has a name in the task, for rewards as formulas
  // (envs/wrappers/formula_reward.h).
  struct Quantity {
    std::string name;  // as in a formula: letters, digits and _
    std::string help;  // one line, with the unit in brackets
  };
  virtual std::vector<Quantity> quantities() const { return {}; }

  // Writes the quantities, in that order. out: one number each.
  virtual void measure(std::span<double> /*out*/) const {}

  // Other rewards of this task, as formulas over its quantities.
  struct NamedReward {
    std::string name;
    std::string formula;
  };
  virtual std::vector<NamedReward> named_rewards() const { return {}; }

  // The body's distance from its position in the state whose part "qpos" is given, and the distance
  // within which this task counts a goal as reached [m]. Empty when goals are not positions. Throws
  // Error for another length.
  struct GoalDistance {
    double distance = 0.0;
    double radius = 0.0;
  };
  virtual std::optional<GoalDistance> goal_distance(std::span<const double> /*goal_qpos*/) const {
    return std::nullopt;
  }

  // The physics of the environment itself, inside all wrappers.
  virtual const PhysicsState& innermost() const { return *this; }
};

// Makes instances of one configured environment. What they can share (a compiled model, a map) is
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

  // The factors that `vary` and `set` may name.
  virtual std::vector<Factor> factors() const { return {}; }

  // The default of `--observation`: "state", "pixels" or "both" (envs/wrappers).
  virtual std::string default_observation() const { return "state"; }

  // Default width and height [px] of the field "pixels".
  virtual std::pair<int, int> default_image_size() const { return {64, 64}; }

  // Checks the options and loads what is shared. Throws Error(kInput) for a bad map, model or
  // value.
  virtual EnvMaker maker() const = 0;

  // The spec of the environments. Throws Error as maker() does.
  virtual EnvSpec spec() const;

  // The exact model of a finite task; empty for every other one. Its states are numbered as in the
  // task's observation. Throws Error as maker() does, and for a wrapper that changes the task's
  // dynamics or rewards, because the model is the task's own.
  virtual std::optional<FiniteModel> finite_model() const { return std::nullopt; }

  // N environments that step together (AutoReset::kSameStep). By default these are simulators on
  // threads.
  virtual std::unique_ptr<class VectorEnv> vector_env(const struct VectorEnvOptions& options) const;
};

// One line of the registry: an id and the environment it stands for.
struct EnvEntry {
  std::string id;       // "maze2d-umaze-dense"
  std::string summary;  // one line for `reverie list envs`
  std::function<std::unique_ptr<EnvConfig>()> config;

  // Names of the same environment in other libraries: "PointMaze_UMaze-v3".
  std::vector<std::string> aliases = {};

  // Whether `reverie bench envs` measures it by default: one or two of each family.
  bool benchmark = false;

  // Controllers that play it without training, by agent name. May be empty.
  std::vector<ControllerEntry> controllers = {};

  // Steps per second of this task's bare simulator, without observations, rewards and resets: the
  // limit that the environment's rate is compared with. Empty if there is none.
  std::function<double(int threads, double seconds)> bare_step_rate = {};
};

}  // namespace reverie
