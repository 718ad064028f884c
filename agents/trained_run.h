#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/run_config.h"
#include "core/run_directory.h"
#include "core/spec.h"
#include "nn/checkpoint.h"

namespace reverie {

// A run's agent with the weights of one of its checkpoints.
struct TrainedRun {
  std::unique_ptr<RunConfig> config;
  EnvSpec trained;  // of the environment that it was trained on, in the environment's own units
  std::unique_ptr<Agent> agent;
  int64_t step = 0;          // of the checkpoint
  std::string dataset = {};  // content of what it learnt from (DatasetIdentity), else ""
};

struct TrainedRunOptions {
  std::string device = "";            // "" = the run's
  std::string checkpoint = "latest";  // or "best", or a step
  // Changes how the agent acts before it is made; empty: as in training.
  std::function<void(AgentConfig& config)> adjust = {};
};

// Opens a checkpoint of a run. A run in training may replace its checkpoints meanwhile. Throws
// Error(kInput) for a half-written, truncated or foreign run, and for weights that are not finite.
TrainedRun open_trained_run(const RunDirectory& run, const TrainedRunOptions& options);

// Throws Error(kInput) unless both specs have the same fields of the observation and the same
// actions. name: what the message calls the second one.
void check_same_interface(const EnvSpec& trained, const EnvSpec& other, const std::string& name);

// Makes an agent stay near the policy of the run that its config names, if it names one
// (AgentConfig::prior_run()). spec: a SpaceAdapter's. Throws Error(kInput) as RunDirectory::open()
// and open_trained_run() do, when the run's observations or actions are others than the agent's,
// and for a policy without a density.
void follow_prior(Agent& agent, const RunConfig& config, const EnvSpec& spec);

// All or the named groups of a checkpoint folder, checked to belong to this run's environment and
// agent.
Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config);
Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config,
                           const std::vector<std::string>& groups);

// Calls `load` and puts the checkpoint's folder in front of its error messages.
void name_folder(const std::filesystem::path& folder, const std::function<void()>& load);

}  // namespace reverie
