#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/training/training_config.h"
#include "core/config.h"
#include "envs/env.h"

namespace reverie {

// Everything that determines a run. It is written to the run folder as config.toml, from which the
// same run can be started again.
struct RunConfig {
  static constexpr int64_t kDefaultSteps = 100000;

  std::string env;    // id of the environment registry
  std::string agent;  // name in the agent registry
  // Of all environments; 0 means kDefaultSteps or, when learning from a dataset, none.
  int64_t steps = 0;
  int64_t seed = 1;
  std::string device = "cpu";
  int64_t threads = 1;  // for the environments and for tensor operations

  std::unique_ptr<EnvConfig> env_config;
  std::unique_ptr<TrainingConfig> training;  // null for an agent that needs none
  std::unique_ptr<AgentConfig> agent_config;

  // All options above: [run], then [environment], [training] and [agent]. The pointers are valid as
  // long as this object does not move.
  ConfigFields fields();

  // Environment steps of the run.
  int64_t total_steps() const;

  // The dataset that the run learns from, "" if it gathers experience.
  std::string dataset() const;

  // A separate seed for each purpose ("agent", "exploration", ...), derived from `seed`.
  uint64_t seed_for(std::string_view purpose) const;
};

// The defaults for an environment and an agent. Throws Error for unknown names.
std::unique_ptr<RunConfig> make_run_config(const std::string& env, const std::string& agent);

// Reads a config.toml, whose `env` and `agent` determine the valid options. Throws Error that names
// file and line.
std::unique_ptr<RunConfig> load_run_config(const std::filesystem::path& file);

// Copies what the options name into the folder of a run: files of the environment, such as a map,
// and the policy of a prior's run. Changes the options to name the copies. load_run_config() of
// that folder's config.toml finds them there, wherever the folder is moved. Throws Error(kInput)
// for what cannot be read, Error(kRun).
void keep_files(RunConfig& config, const std::filesystem::path& run);

// `env` and `agent` of a config.toml, "" if it has none; nothing else is read.
std::pair<std::string, std::string> peek_run_config(const std::filesystem::path& file);

// The preset supplied for this pair (assets/presets/<env>-<agent>.toml), or "" when there is none.
std::filesystem::path find_preset(const std::string& env, const std::string& agent);

}  // namespace reverie
