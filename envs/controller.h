#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/spec.h"

namespace reverie {

class Env;

// A controller that comes with an environment and plays it without training, from what a policy
// observes. It may remember the episode so far, so each environment needs its own instance.
class Controller {
 public:
  virtual ~Controller() = default;

  // The next act() is the first of an episode.
  virtual void reset() {}

  // obs: one row of each field, in the order of the spec. Writes one row of the action.
  virtual void act(ConstFieldViews obs, FieldView action) = 0;
};

// One controller of an environment, with the name of the agent that plays it.
struct ControllerEntry {
  std::string name;  // "scripted", "waypoint"

  // env: an instance as configured and wrapped, in an episode; read only during the call. The same
  // seed gives the same controller. Throws Error(kInput) when a field that the controller needs is
  // not observed.
  std::function<std::unique_ptr<Controller>(Env& env, uint64_t seed)> make;
};

// The index of the field with that name and size in an environment's observation. Throws
// Error(kInput) that names the controller and the environment when no such field is observed.
size_t observed_field(const EnvSpec& spec, std::string_view name, int64_t numbers,
                      std::string_view controller);

}  // namespace reverie
