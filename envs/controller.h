#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/spec.h"

namespace reverie {

class Env;

// A controller that comes with an environment: plays without having been trained, from what a
// policy sees. May remember the episode so far: one instance for each environment.
class Controller {
 public:
  virtual ~Controller() = default;

  // The next act() is the first of an episode.
  virtual void reset() {}

  // obs: one row of each field, in the order of the spec. Writes one row of the action.
  virtual void act(ConstFieldViews obs, FieldView action) = 0;
};

// One controller of an environment, under the name of the agent that plays it.
struct ControllerEntry {
  std::string name;  // "scripted", "waypoint"

  // env: an instance as it is configured and wrapped, in an episode; read during the call alone.
  // The same seed gives the same controller. Throws Error(kInput) where what the controller needs
  // is not observed.
  std::function<std::unique_ptr<Controller>(Env& env, uint64_t seed)> make;
};

// Where a field of that name and size stands in the observation of an environment. Throws
// Error(kInput) that names the controller and the environment where it is not observed as such.
size_t observed_field(const EnvSpec& spec, std::string_view name, int64_t numbers,
                      std::string_view controller);

}  // namespace reverie
