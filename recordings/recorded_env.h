#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "envs/env.h"

namespace reverie {

// The environment's options as TOML for a dataset, which is used on other machines: an option that
// names a file gets the file's content instead. Throws Error(kInput) for a file that cannot be
// read.
std::string portable_options(EnvConfig& config);

// Whether the dataset names an environment of the registry.
bool names_known_environment(const Dataset& dataset);

// The environment that a dataset names, with its recorded options. `env` selects another one
// instead, which gets the wrappers of the dataset's environment (frame skip, reward scale, ...) and
// otherwise its own defaults. Throws Error(kInput) when neither names one.
std::unique_ptr<EnvConfig> recorded_environment(const Dataset& dataset, const std::string& env);

// Likewise without pictures: it observes its state.
std::unique_ptr<EnvConfig> dataset_environment(const Dataset& dataset, const std::string& env);

// Gives a learner's environment the options that the dataset was collected with, because data
// recorded with other options (another task or another look) has another meaning. Observed fields
// and the episode limit do not change if `is_given` says that the user chose them. A dataset that
// names another environment, or none, changes nothing.
//
// env: an environment with the id `id`. is_given: whether the user chose the option of that name.
// Returns what changed, as "frame_skip = 4". Throws Error(kInput) for a given option that differs
// from the dataset's; then nothing is changed.
std::vector<std::string> take_recorded_options(
    const Dataset& dataset, const std::string& id, EnvConfig& env,
    const std::function<bool(const std::string&)>& is_given);

}  // namespace reverie
