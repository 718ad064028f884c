#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "agents/run_config.h"
#include "apps/command.h"

namespace reverie {

// A trained policy on its way to be evaluated, filmed or used.
struct LoadedPolicy {
  std::string name;                   // the run folder, or an untrained agent
  std::unique_ptr<RunConfig> config;  // of the run; else the environment's defaults
  EnvMaker make_env;
  EnvSpec spec;
  std::unique_ptr<Policy> policy;
  int64_t step = 0;  // of the checkpoint
};

struct LoadOptions {
  std::string env;                     // another environment than the run's; "" = the run's
  std::string device = "";             // "" = the run's
  uint64_t seed = 0;                   // of the random policy
  const CommandLine* flags = nullptr;  // whose flags of the environment override the run's
};

// Adds the flags of the environment that `arguments` name, that of --env or else of the run, so
// that LoadOptions::flags may hold them. Adds none where there is neither: load_policy() says what
// is wrong. Throws Error for an unknown environment, a first argument that is no run, and a
// config.toml that cannot be read.
void add_environment_flags(CommandLine& line, const Arguments& arguments);

// The same for an environment and a run that are known, either of them "".
void add_environment_flags(CommandLine& line, const std::string& env, const std::string& run);

// Opens the latest checkpoint of a run folder, or makes the untrained agent of that name
// (AgentEntry::untrained) for `options.env`. Another environment than the run's has its own
// defaults, but the wrappers of the run: what the policy sees and how it acts. Throws Error for a
// missing, half-written, truncated or foreign run, and when the environment's fields or actions are
// not those the policy was trained on.
LoadedPolicy load_policy(const std::string& run, const LoadOptions& options);

// Another policy for the environment that the first one plays in. Throws Error as load_policy()
// does.
std::unique_ptr<Policy> load_second_policy(const std::string& run, const LoadedPolicy& first,
                                           const LoadOptions& options);

// The checkpoint folder's groups, checked to belong to this run's environment and agent.
Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config,
                           const std::vector<std::string>& groups);

// agent.load() with the checkpoint's folder in front of what it throws.
void load_agent(Agent& agent, const Checkpoint& checkpoint, const std::filesystem::path& folder);

}  // namespace reverie
