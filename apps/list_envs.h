#pragma once

#include <string>
#include <vector>

namespace reverie {

// Prints columns as wide as their widest cell. All rows have as many cells.
void print_table(const std::vector<std::vector<std::string>>& rows);

// What `reverie list envs` prints: ids, summaries, and names in other libraries.
void print_envs();

// What `reverie list factors ENV` prints. Throws Error(kInput) for an unknown environment.
void print_factors(const std::string& env);

// What `reverie list rewards ENV` prints: what --reward can name. Throws Error(kInput) for an
// unknown environment, and for one without named state.
void print_rewards(const std::string& env);

// What `reverie list presets` prints: the pairs that have a preset, and what its file says first.
void print_presets();

}  // namespace reverie
