#pragma once

#include <optional>
#include <string>

#include "apps/command.h"
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

// Adds the flags that every environment has, and a note in the help that `how` before --help adds
// those of one environment.
void add_common_flags(CommandLine& line, const std::string& how);

// LoadOptions::adjust: fields whose flags were given get the flags' values. Keeps a reference.
LoadOptions::Adjust adjust_by_flags(const CommandLine& line);

// The flags that describe the goals of a policy that plans to goals.
void add_goal_flags(CommandLine& line, GoalRequest& request);

inline constexpr const char* kCheckpointHelp =
    "checkpoint of the run: latest, best (by the evaluations during training), or a step";

// --out of a picture or a film, and --overwrite.
struct OutFlags {
  std::string path;
  bool overwrite = false;

  // `what`: the kinds of files, for help.
  void add_to(CommandLine& line, const char* what);

  // Throws Error(kInput) unless the ending is a picture's or a film's, when a film of that ending
  // cannot have the size that was asked for, and when the file exists and --overwrite is not given.
  // Called before the work.
  void check(std::optional<ImageSize> size) const;

  bool is_picture() const { return path.ends_with(".png"); }
};

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
