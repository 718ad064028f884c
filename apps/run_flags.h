#pragma once

#include <string>

#include "apps/command.h"
#include "apps/env_flags.h"
#include "apps/out_flags.h"
#include "runs/goals.h"
#include "runs/history.h"
#include "runs/load_policy.h"

namespace reverie {

// Flags shared by commands about runs.

// Adds the flags of the environment in `arguments` (that of --env, otherwise the run's) and those
// of how the run's agent acts, for LoadOptions::adjust. Without both, adds those that all
// environments and agents have, for help: load_policy() then reports the error. Throws Error for an
// unknown environment, a first argument that is not a run, and a config.toml that cannot be read.
void add_environment_flags(CommandLine& line, const Arguments& arguments);

// Likewise for a known environment and run; either may be "". how: "RUN", what selects them, for
// the help of add_common_flags().
void add_environment_flags(CommandLine& line, const std::string& env, const std::string& run,
                           const std::string& how);

// `--reward random-goals` as `--vary goal`: the environment's own reward of a goal that is drawn at
// each reset.
Arguments with_random_goals(Arguments arguments);

// LoadOptions::adjust: fields whose flags were given get the flags' values. Keeps a reference.
LoadOptions::Adjust adjust_by_flags(const CommandLine& line);

// The flags that describe the goals of a policy that plans to goals.
void add_goal_flags(CommandLine& line, GoalRequest& request);

inline constexpr const char* kCheckpointHelp =
    "checkpoint of the run: latest, best (by the evaluations during training), or a step";

// This start of the program, for records.
Launch this_launch(const std::string& command, const Arguments& arguments);

// The flags RUN, --dataset, --device, --seed, --plot and --json of commands about world models.
struct WorldModelFlags {
  std::string run, dataset, device, plot;
  int64_t seed = 0;
  bool json = false;

  void add_to(CommandLine& line);

  // Throws Error(kInput) for a --plot that is not a .png file. Called before the work.
  void check() const;
};

}  // namespace reverie
