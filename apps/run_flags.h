#pragma once

#include <string>

#include "apps/command.h"
#include "runs/goals.h"
#include "runs/history.h"
#include "runs/load_policy.h"

namespace reverie {

// Flags that commands about runs share.

// Adds the flags of the environment that `arguments` name, that of --env or else of the run, and
// those of how the run's agent acts, for LoadOptions::adjust. Adds none where there is neither:
// load_policy() says what is wrong. Throws Error for an unknown environment, a first argument that
// is no run, and a config.toml that cannot be read.
void add_environment_flags(CommandLine& line, const Arguments& arguments);

// The same for an environment and a run that are known, either of them "".
void add_environment_flags(CommandLine& line, const std::string& env, const std::string& run);

// LoadOptions::adjust: fields whose flags were given take the flags' values. Keeps a reference.
LoadOptions::Adjust adjust_by_flags(const CommandLine& line);

// The flags of what a policy that plans to goals is to reach.
void add_goal_flags(CommandLine& line, GoalRequest& request);

inline constexpr const char* kCheckpointHelp =
    "of the run: latest, best (of the evaluations while training), or a step";

// --out of a picture or a film, and --overwrite.
struct OutFlags {
  std::string path;
  bool overwrite = false;

  // `what`: the kinds of files there are, for help.
  void add_to(CommandLine& line, const char* what);

  // Throws Error(kInput) unless the ending is a picture's or a film's, and where something is
  // there already that --overwrite does not give up: before the work, not after it.
  void check() const;

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

  // Throws Error(kInput) for a --plot that is no .png: before the work, not after it.
  void check() const;
};

}  // namespace reverie
