#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"

namespace reverie {

// The range of a numeric config value: low <= x <= high, without the ends that are marked open.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false;
  bool open_high = false;

  bool contains(double value) const;
  std::string text() const;  // "[0, 1)", "> 0", "" when unbounded
};

inline Range at_least(double low) { return {.low = low}; }
inline Range above(double low) { return {.low = low, .open_low = true}; }
inline Range between(double low, double high) { return {.low = low, .high = high}; }

// One value of a config struct, as flags, TOML, help text and dump see it.
struct ConfigField {
  using Value = std::variant<bool*, int64_t*, double*, std::string*, std::vector<int64_t>*,
                             std::vector<std::string>*>;

  std::string section;  // TOML table, "" for the top level
  std::string name;     // snake_case; the flag is the same in kebab-case
  std::string help;     // one line, with the unit in brackets
  Value value;
  Range range = {};
  std::vector<std::string> choices = {};  // for a string: the valid values; empty = any
  bool changes_result = true;             // false: affects what a run keeps, not what it learns
  bool is_lifelong = false;               // a run that is resumed keeps its value
  bool is_file = false;                   // the text is the path of a file to read, or ""
  std::string short_name = {};            // another name of it, "" = none

  std::string short_flag() const;  // "" without one

  std::string flag() const;       // "--learning-rate"
  std::string type_name() const;  // "number", "integer", "true|false", "a|b", "text", "integers"
  std::string text() const;       // the current value as TOML writes it

  // Takes the value of another field of the same type.
  void take(const ConfigField& other) const;
};

// The fields of one or more config structs. A struct lists its members once, in a function
//
//   void describe(ConfigFields& fields) { fields.add("gamma", gamma, "discount per step", ...); }
//
// and flags, TOML files, help and the dump are all made from that list. Holds pointers into the
// structs, which must outlive it.
class ConfigFields {
 public:
  // The TOML table that the following add() calls belong to.
  void section(std::string name) { section_ = std::move(name); }

  // Each throws Error when a field of that name exists already, in any section: flags are global.
  void add(std::string name, bool& value, std::string help);
  void add(std::string name, int64_t& value, std::string help, Range range = {});
  void add(std::string name, double& value, std::string help, Range range = {});
  void add(std::string name, std::string& value, std::string help,
           std::vector<std::string> choices = {});
  void add_file(std::string name, std::string& path, std::string help);
  void add(std::string name, std::vector<int64_t>& value, std::string help, Range range = {});
  // A list of texts without commas. On the command line the flag may be repeated.
  void add(std::string name, std::vector<std::string>& value, std::string help);

  // Marks fields that do not change what is learnt, such as how often it is logged: results that
  // differ only in them count as the same setting. Throws Error for an unknown name.
  void set_without_effect(std::initializer_list<std::string_view> names);

  // Marks fields that cannot change when a run is resumed, because they determine the shape of what
  // it saved or what that was drawn from. Throws Error for an unknown name.
  void set_lifelong(std::initializer_list<std::string_view> names);

  // Gives a field another name, as long as no field is called that, whether it is described before
  // or after. Throws Error for an unknown field.
  void set_short_name(std::string_view name, std::string short_name);

  const std::vector<ConfigField>& all() const { return fields_; }

  // The field of that name or short name, or null.
  const ConfigField* find(std::string_view name) const;

  // Parses text ("0.99", "true", "256,256") into a field; `source` opens the message of an error
  // ("--gamma"). Throws Error(kInput) for a wrong type, a value out of range or an invalid choice.
  static void set(const ConfigField& field, std::string_view text, std::string_view source);

  // Likewise for the field of that name, which errors mention. Throws Error(kInput) for an unknown
  // name.
  void set(std::string_view name, std::string_view text) const;

  // Reads a TOML file. Every key must be one of the fields, in its section, with its type and
  // range. Nothing is assigned when anything is wrong. Throws Error(kInput) that names file, line,
  // key and the nearest valid one.
  void load_toml(const std::filesystem::path& file) const;

  // Likewise from text; `source` stands for the file in messages.
  void load_toml_text(std::string_view text, std::string_view source) const;

  // All values with their help as comments, in the order of add(); load_toml() reads it back equal.
  std::string to_toml() const;

 private:
  void push(ConfigField field);
  ConfigField& known(std::string_view name);  // throws Error for an unknown one

  std::string section_;
  std::vector<ConfigField> fields_;
};

// The string at a dotted path of a TOML file ("run.env"), or "" when the path does not exist.
// Nothing else is checked. Throws Error(kInput) for a missing file, bad TOML, or a value that is
// not a string.
std::string toml_string(const std::filesystem::path& file, std::string_view path);

}  // namespace reverie
