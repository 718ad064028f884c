#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/config.h"
#include "drawing/picture.h"

namespace reverie {

using Arguments = std::vector<std::string>;

// One action of a subcommand: its name, one line about it, and its function, which takes the
// arguments after the name. The function returns the exit status and throws Error for wrong input
// and failed runs.
struct Command {
  std::string name;
  std::string summary;
  int (*run)(const Arguments& arguments);
};

// Runs the action of `command` that the first argument names with the other arguments, or lists the
// actions. Throws Error(kInput) that lists them for another name.
int run_action(const std::string& command, const std::vector<Command>& actions,
               const Arguments& arguments);

// The subcommands themselves, likewise.
int train_command(const Arguments& arguments);
int evaluate_command(const Arguments& arguments);
int render_command(const Arguments& arguments);
int collect_command(const Arguments& arguments);
int dataset_command(const Arguments& arguments);
int rollout_command(const Arguments& arguments);
int learnt_relabel_command(const Arguments& arguments);  // dataset relabel --reward-run
int probe_command(const Arguments& arguments);
int surprise_command(const Arguments& arguments);
int study_command(const Arguments& arguments);
int decoder_command(const Arguments& arguments);
int bench_command(const Arguments& arguments);
int plot_command(const Arguments& arguments);
int report_command(const Arguments& arguments);
int list_command(const Arguments& arguments);
int config_command(const Arguments& arguments);

// The description of a command's option and the limits of its value.
struct OptionInfo {
  std::string help;                       // wrapped where it is printed
  Range range = {};                       // of a number, or of each number of a list
  std::vector<std::string> choices = {};  // of a text; empty = anything
  bool required = false;
  bool commas = false;        // a list of texts: "a,b" is two of them, as it always is for numbers
  std::string fallback = {};  // the default shown in help; "" = the target's value
  std::string heading = {};   // in the help; "" = "Options"
};

// The options of one subcommand. Values are read, checked and reported like those of config fields
// (ConfigFields::set), and options for config fields are made from the fields, so a value is
// described in one place.
class CommandLine {
 public:
  CommandLine(std::string name, std::string description)
      : name_(std::move(name)), description_(std::move(description)) {}
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // An option that parse() assigns to `target`, which must outlive this object. "--steps" takes a
  // value; "RUN" is a positional argument, in the order of these calls. The target's type decides:
  //
  //   bool                  takes no value; when given, the target becomes the opposite
  //   int64_t, double       a number of the range; whole ones may be written as 1e6
  //   std::string           a text, one of `choices`
  //   ImageSize             WIDTHxHEIGHT, each from 16 to Canvas::kMaxSide
  //   std::optional<those>  stays empty when it is not given
  //   std::vector<those>    the flag may be repeated; numbers also as 1,2,3
  //
  // Help shows the target's value as the default. Throws Error for a name that is already used.
  template <typename T>
  void add(std::string name, T& target, OptionInfo info) {
    add_target(std::move(name), &target, std::move(info));
  }

  // One flag for each field, under a heading for its section unless one is given. A boolean flag
  // without a value means true.
  void add_fields(const ConfigFields& fields);
  void add_field(const ConfigField& field, const std::string& heading = "");

  // Changes what help says about an option: its default, which then need not be given, or that it
  // must be given. Throws Error for an unknown name.
  void set_default(const std::string& name, const std::string& text);
  void require(const std::string& name);

  // A paragraph at the end of the help.
  void add_note(std::string text) { notes_.push_back(std::move(text)); }

  bool has(const std::string& name) const;

  // Parses; returns false when help was asked for and has been printed. Throws Error(kInput) for
  // unknown flags (naming the nearest), for missing and malformed values; some targets may then be
  // assigned already.
  // Every command has --quiet: no progress from then on (core/progress.h).
  bool parse(Arguments arguments);

  // Assigns the fields whose flags were given. Separate from parse(), because presets and config
  // files come in between.
  void apply(const ConfigFields& fields) const;

  bool is_quiet() const { return quiet_; }

  // Whether parse() found the option of that name.
  bool is_given(const std::string& name) const;

  // What --help prints.
  std::string help() const;

 private:
  // std::monostate: a config field, which apply() assigns.
  using Target =
      std::variant<std::monostate, bool*, int64_t*, double*, std::string*, ImageSize*,
                   std::optional<int64_t>*, std::optional<double>*, std::optional<ImageSize>*,
                   std::vector<int64_t>*, std::vector<double>*, std::vector<std::string>*>;

  struct Option {
    std::string name;
    Target target;
    OptionInfo info;
    std::string type;                     // "integer >= 1", "" of a flag that takes no value
    bool is_list = false;                 // may be given several times
    bool is_number_list = false;          // numbers with commas between them
    bool is_switch = false;               // may be given without a value
    std::string short_name = {};          // another name, "" = none
    std::vector<std::string> texts = {};  // as given; "" = without a value

    bool is_positional() const { return !name.starts_with('-'); }
  };

  void add_target(std::string name, Target target, OptionInfo info);
  void push(Option option);
  Option* find(const std::string& name);
  Option* free_positional();
  void read(const Arguments& arguments);
  Option& read_flag(const Arguments& arguments, size_t& at);
  void check_commas(const Option& option, const Arguments& arguments, size_t at) const;
  static void give(Option& option, std::string text);
  [[noreturn]] void fail(const std::string& message) const;

  std::string name_;
  std::string description_;
  std::vector<Option> options_;
  std::vector<std::string> notes_;
  bool quiet_ = false;
};

// The value of `--name VALUE` or `--name=VALUE`, "" if the flag is absent: for flags that decide
// which other flags exist. Throws Error(kInput) when the value is missing.
std::string peek_flag(const Arguments& arguments, const std::string& flag);

// The values of a flag that may be repeated, in order.
std::vector<std::string> peek_flags(const Arguments& arguments, const std::string& flag);

// Whether help is requested.
bool wants_help(const Arguments& arguments);

}  // namespace reverie
