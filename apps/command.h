#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/config.h"

namespace reverie {

using Arguments = std::vector<std::string>;

// One subcommand: its name, one line about it, and what it does with the arguments behind its name.
// Returns the exit status; throws Error for wrong input and failed runs.
struct Command {
  std::string name;
  std::string summary;
  int (*run)(const Arguments& arguments);
};

int train_command(const Arguments& arguments);
int evaluate_command(const Arguments& arguments);
int render_command(const Arguments& arguments);
int collect_command(const Arguments& arguments);
int dataset_command(const Arguments& arguments);
int rollout_command(const Arguments& arguments);
int probe_command(const Arguments& arguments);
int surprise_command(const Arguments& arguments);
int decoder_command(const Arguments& arguments);
int bench_command(const Arguments& arguments);
int plot_command(const Arguments& arguments);
int list_command(const Arguments& arguments);
int config_command(const Arguments& arguments);

// The flags of one subcommand: CLI11 with our error messages. Flags that belong to config fields
// are made from the fields, so that a value is described in one place.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& description);

  CLI::App& app() { return app_; }

  // One flag per field, under a heading for its section. A boolean flag without a value means true.
  void add_fields(const ConfigFields& fields);

  // Parses; returns false when help was asked for and has been printed. Throws Error(kInput) for
  // unknown flags (naming the nearest), missing and malformed values.
  bool parse(Arguments arguments);

  // Assigns the fields whose flags were given. Separate from parse(), because presets and config
  // files come in between.
  void apply(const ConfigFields& fields) const;

 private:
  std::string name_;
  CLI::App app_;
  std::map<std::string, std::string> given_;  // flag -> text
};

// The value of `--name VALUE` or `--name=VALUE`, "" where the flag is absent: for the flags that
// decide which other flags there are. Throws Error(kInput) when the value is missing.
std::string peek_flag(const Arguments& arguments, const std::string& flag);

// The values of a flag that may be repeated, in their order.
std::vector<std::string> peek_flags(const Arguments& arguments, const std::string& flag);

// "640x480" as width and height. Throws Error(kInput) that shows the form, for sides outside
// [16, 8192] too.
std::pair<int, int> parse_size(const std::string& text);

}  // namespace reverie
