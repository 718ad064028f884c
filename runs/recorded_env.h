#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "envs/env.h"

namespace reverie {

// Whether the dataset names an environment of the registry.
bool names_known_environment(const Dataset& dataset);

// The environment that a dataset names, with the options it was collected with. `env` names another
// one instead: it gets the wrappers of the dataset's (frame skip, reward scale, ...), else its own
// defaults. Throws Error(kInput) when neither names one.
std::unique_ptr<EnvConfig> recorded_environment(const Dataset& dataset, const std::string& env);

// The same without pictures: it observes its state.
std::unique_ptr<EnvConfig> dataset_environment(const Dataset& dataset, const std::string& env);

// Gives the environment of a learner the options that the dataset was collected with: what was
// recorded with other ones, another task or another look, means something else. Which fields are
// observed, and how long an episode is, stays as it is where `is_given` says that the user chose
// it. A dataset that names another environment, or none, changes nothing.
//
// env: an environment of the id `id`. is_given: whether the user chose the option of that name.
// Returns what changed, as "frame_skip = 4". Throws Error(kInput) for an option that was given and
// differs from the dataset's; nothing is changed then.
std::vector<std::string> take_recorded_options(
    const Dataset& dataset, const std::string& id, EnvConfig& env,
    const std::function<bool(const std::string&)>& is_given);

}  // namespace reverie
