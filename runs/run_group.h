#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reverie {

// A group of runs that differ in their seed alone, as `reverie train --seeds K --run GROUP` makes
// it: GROUP/seed_1, GROUP/seed_2, ...

// The folder of the run with that seed.
std::filesystem::path run_of_group(const std::filesystem::path& group, int64_t seed);

// The runs of a group, by seed; none for a folder that is no group.
std::vector<std::string> runs_of_group(const std::filesystem::path& folder);

// The same folders with each group replaced by its runs.
std::vector<std::string> with_groups_expanded(const std::vector<std::string>& folders);

// What records call a run: the last name of its folder, with its group's name before that of a run
// of a group: "td3-s1" for "runs/td3/seed_1".
std::string record_name(const std::filesystem::path& run);

}  // namespace reverie
