#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/machine.h"
#include "core/run_directory.h"

namespace reverie {

// One start of a program on a run, to trace how its numbers were made.
struct Launch {
  std::string command;  // as typed
  std::string commit;   // of the program's sources, "unknown" if built outside git
  Machine machine;

  bool operator==(const Launch&) const = default;
};

// Appends a start of training to RUN/history.json, which holds all starts: a resumed run has
// several. Throws Error(kRun) when it cannot be written.
void add_launch(const RunDirectory& run, const Launch& launch);

// All starts, oldest first; none for a run without a history. Throws Error(kInput) that names the
// file when it cannot be read.
std::vector<Launch> read_history(const std::filesystem::path& run);

Json to_json(const Launch& launch);

// Throws Error(kInput) that opens with `source` unless the value is a launch.
Launch launch_from_json(const Json& value, std::string_view source);

// A command line as text. Arguments with blanks or special characters are quoted, and files and
// folders are named without their folders: "/data/a.h5" as "a.h5".
std::string command_text(const std::vector<std::string>& words);

// The last name of a path in any spelling: of "a/b/", "." and "../b".
std::string last_name(const std::filesystem::path& path);

// The last name of an absolute path; other texts are unchanged.
std::string without_folder(const std::string& text);

}  // namespace reverie
