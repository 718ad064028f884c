#pragma once

#include <map>
#include <string>

#include <fmt/format.h>

namespace reverie::minari {

// The common part of reading and writing Minari's layout.

inline constexpr const char* kFolder = "data";
inline constexpr const char* kData = "data/main_data.hdf5";
inline constexpr const char* kMetadata = "data/metadata.json";

// Keys of metadata.json.
inline constexpr const char* kId = "dataset_id";
inline constexpr const char* kEnvSpec = "env_spec";
inline constexpr const char* kObservationSpace = "observation_space";
inline constexpr const char* kActionSpace = "action_space";
inline constexpr const char* kOurKey = "reverie";                 // within the attributes
inline constexpr const char* kUnfinished = "reverie_unfinished";  // true while the dataset grows

inline std::string group_of(int64_t episode) { return fmt::format("episode_{}", episode); }

// A dataset's id in Minari's form, (namespace/)name-vN, from the attributes: their dataset_id or,
// without one, environment and policy. Characters that Minari does not allow become '-'.
std::string dataset_id(const std::map<std::string, std::string>& attributes);

}  // namespace reverie::minari
