#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agents/run_config.h"
#include "agents/trained_run.h"
#include "core/run_directory.h"
#include "runs/goals.h"

namespace reverie {

// A policy to evaluate, film or use.
struct LoadedPolicy {
  std::string name;                   // the run folder, or an untrained agent
  std::unique_ptr<RunConfig> config;  // the run's, or an untrained agent's defaults
  EnvMaker make_env;
  EnvSpec spec;                     // of make_env, in the environment's own units
  std::unique_ptr<Agent> agent;     // null for an agent that needs no training
  ActorMaker make_actor;            // actors that act as well as they can
  int64_t step = 0;                 // of the checkpoint
  std::string dataset = {};         // content of what it learnt from (DatasetIdentity), else ""
  std::optional<Goals> goals = {};  // of an agent that plans to them: make_env is their task
  EnvMaker plain_env = {};          // without the goals
  std::string task = {};  // of a TaskAgent that was told another reward: the samples' dataset

  // The seed of episode i: the i-th with goals, otherwise drawn from `seed`.
  uint64_t episode_seed(uint64_t seed, int64_t i) const;
};

struct LoadOptions {
  std::string env;                    // another environment than the run's; "" = the run's
  std::string device = "";            // "" = the run's
  std::string checkpoint = "latest";  // of the run: or "best", or a step
  uint64_t seed = 0;                  // of the goals
  // Changes options of the environment and of how the agent acts; empty: the run's stand.
  using Adjust = std::function<void(const ConfigFields& fields)>;
  Adjust adjust = {};
  GoalRequest goals = {};      // for agents that plan to goals
  int64_t goal_count = 100;    // how many of them
  bool without_goals = false;  // the policy is inspected and does not act
};

// Opens a checkpoint of a run folder, or makes the untrained agent of that name
// (AgentEntry::untrained) for `options.env`. Another environment than the run's has its own
// defaults, but the wrappers of the run: what the policy sees and how it acts. Throws Error for a
// missing, half-written, truncated or foreign run, and when the environment's fields or actions are
// not those the policy was trained on.
LoadedPolicy load_policy(const std::string& run, const LoadOptions& options);

// The folder of a run, opened for reading. Throws Error as RunDirectory::open() does; the message
// lists the untrained agents if the name may be meant as one.
RunDirectory open_run_folder(const std::string& run);

// The run's environment as its policy sees it; with `env` another environment with the run's
// wrappers.
std::unique_ptr<EnvConfig> environment_for(RunConfig& config, const std::string& env);

// The environment of a policy without pictures, which a planner on the simulator does not need;
// states are the same.
EnvMaker make_without_pictures(const LoadedPolicy& loaded);

struct SecondPolicy {
  std::unique_ptr<Agent> agent;  // as in LoadedPolicy
  ActorMaker make_actor;
};

// Another policy for the environment of the first one. Throws Error as load_policy() does.
SecondPolicy load_second_policy(const std::string& run, const LoadedPolicy& first,
                                const LoadOptions& options);

// Makes actors of the agent, which must outlive the result.
ActorMaker evaluating_actors(Agent& agent);

}  // namespace reverie
