#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/machine.h"
#include "core/run_directory.h"

namespace reverie {

// One start of a program on a run: what made its numbers.
struct Launch {
  std::string command;  // as it was typed
  std::string commit;   // of the program's sources, "unknown" where they were built outside git
  Machine machine;

  bool operator==(const Launch&) const = default;
};

// Adds a start of training to RUN/history.json, which holds them all: a run that was resumed has
// several. Throws Error(kRun) when it cannot be written.
void add_launch(const RunDirectory& run, const Launch& launch);

// All of them, the first one first; none for a run without a history. Throws Error(kInput) that
// names the file where it cannot be read.
std::vector<Launch> read_history(const std::filesystem::path& run);

Json to_json(const Launch& launch);

// Throws Error(kInput) that opens with `source` for what is no launch.
Launch launch_from_json(const Json& value, std::string_view source);

// A command line in which arguments with blanks and the like are quoted, and files and folders are
// named without where they lie: "/data/a.h5" as "a.h5".
std::string command_text(const std::vector<std::string>& words);

// The last name of a path, whatever way it was typed: of "a/b/", "." and "../b".
std::string last_name(const std::filesystem::path& path);

// The last name of an absolute path, other texts as they are.
std::string without_folder(const std::string& text);

}  // namespace reverie
