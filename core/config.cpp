#include "core/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "core/file.h"

namespace reverie {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // clang 14 does not deduce it

std::string number_text(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);  // the shortest text that reads back equal
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Parsed values. They are assigned to the fields only after all of them were found valid.
using ParsedValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>,
                                 std::vector<std::string>>;

[[noreturn]] void fail_type(const ConfigField& field, std::string_view found,
                            std::string_view source) {
  fail_input("{}: found '{}', expected {} ({})", source, found, field.type_name(), field.help);
}

double parse_double(const ConfigField& field, std::string_view text, std::string_view source) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  if (status != std::errc() || stop != end) fail_type(field, text, source);
  return value;
}

// Also accepts whole numbers such as 1e6, which people write for step counts.
int64_t parse_integer(const ConfigField& field, std::string_view text, std::string_view source) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  if (status == std::errc() && stop == end) return value;
  const double real = parse_double(field, text, source);
  if (real != std::floor(real) || std::abs(real) > 9.0e15) fail_type(field, text, source);
  return static_cast<int64_t>(real);
}

// "256,256", or "[256, 256]" as the help shows it; "[]" is empty.
std::vector<std::string_view> split_list(std::string_view list) {
  if (list == "[]") return {};
  if (list.size() >= 2 && list.front() == '[' && list.back() == ']') {
    list = list.substr(1, list.size() - 2);
  }
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (begin > 0 && begin < end && list[begin] == ' ') ++begin;
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ParsedValue parse_text(const ConfigField& field, std::string_view text, std::string_view source) {
  return std::visit(
      Overloaded{[&](bool*) -> ParsedValue {
                   if (text == "true" || text == "1" || text == "on" || text == "yes") return true;
                   if (text == "false" || text == "0" || text == "off" || text == "no")
                     return false;
                   fail_type(field, text, source);
                 },
                 [&](int64_t*) -> ParsedValue { return parse_integer(field, text, source); },
                 [&](double*) -> ParsedValue { return parse_double(field, text, source); },
                 [&](std::string*) -> ParsedValue { return std::string(text); },
                 [&](std::vector<int64_t>*) -> ParsedValue {
                   std::vector<int64_t> values;
                   for (const std::string_view part : split_list(text)) {
                     values.push_back(parse_integer(field, part, source));
                   }
                   return values;
                 },
                 [&](std::vector<std::string>*) -> ParsedValue {
                   std::vector<std::string> values;
                   for (std::string_view part : split_list(text)) {
                     if (part.size() >= 2 && part.front() == '"' && part.back() == '"') {
                       part = part.substr(1, part.size() - 2);
                     }
                     if (!part.empty()) values.emplace_back(part);
                   }
                   return values;
                 }},
      field.value);
}

void check_range(const ConfigField& field, double value, std::string_view source) {
  if (!std::isfinite(value) || !field.range.contains(value)) {
    const std::string bounds = field.range.text();
    fail_input("{}: found {}, expected {} ({})", source, value,
               bounds.empty() ? "a finite number" : bounds, field.help);
  }
}

void check_value(const ConfigField& field, const ParsedValue& value, std::string_view source) {
  std::visit(Overloaded{[](bool) {},
                        [&](int64_t v) { check_range(field, static_cast<double>(v), source); },
                        [&](double v) { check_range(field, v, source); },
                        [&](const std::string& v) {
                          if (field.choices.empty()) return;
                          if (std::find(field.choices.begin(), field.choices.end(), v) ==
                              field.choices.end()) {
                            fail_unknown_name("value", v, field.choices, source);
                          }
                        },
                        [&](const std::vector<int64_t>& v) {
                          for (const int64_t x : v) {
                            check_range(field, static_cast<double>(x), source);
                          }
                        },
                        [](const std::vector<std::string>&) {}},
             value);
}

void assign(const ConfigField& field, const ParsedValue& value) {
  std::visit(
      [&](auto* target) { *target = std::get<std::remove_pointer_t<decltype(target)>>(value); },
      field.value);
}

// A TOML node as the field's type. A number field accepts an integer; an integer field accepts no
// other number.
ParsedValue parse_node(const ConfigField& field, const toml::node& node, std::string_view source) {
  const auto fail = [&]() {
    std::ostringstream found;
    node.visit([&](const auto& value) { found << value; });
    // Texts have their quotes already.
    fail_input("{}: found {}, expected {} ({})", source, found.str(), field.type_name(),
               field.help);
  };
  return std::visit(Overloaded{[&](bool*) -> ParsedValue {
                                 if (!node.is_boolean()) fail();
                                 return node.as_boolean()->get();
                               },
                               [&](int64_t*) -> ParsedValue {
                                 if (!node.is_integer()) fail();
                                 return node.as_integer()->get();
                               },
                               [&](double*) -> ParsedValue {
                                 if (!node.is_number()) fail();
                                 return *node.value<double>();
                               },
                               [&](std::string*) -> ParsedValue {
                                 if (!node.is_string()) fail();
                                 return node.as_string()->get();
                               },
                               [&](std::vector<int64_t>*) -> ParsedValue {
                                 if (!node.is_array()) fail();
                                 std::vector<int64_t> values;
                                 for (const toml::node& element : *node.as_array()) {
                                   if (!element.is_integer()) fail();
                                   values.push_back(element.as_integer()->get());
                                 }
                                 return values;
                               },
                               [&](std::vector<std::string>*) -> ParsedValue {
                                 if (!node.is_array()) fail();
                                 std::vector<std::string> values;
                                 for (const toml::node& element : *node.as_array()) {
                                   if (!element.is_string()) fail();
                                   values.push_back(element.as_string()->get());
                                 }
                                 return values;
                               }},
                    field.value);
}

std::string read_config_file(const std::filesystem::path& file) {
  std::error_code unreadable;  // a name too long, a folder that may not be entered
  REVERIE_CHECK(std::filesystem::is_regular_file(file, unreadable), "config file {}: no such file",
                file.string());
  return read_file(file, kMaxConfigBytes);
}

toml::table parse_toml(std::string_view text, std::string_view source) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail_input("{}:{}:{}: {}", source, error.source().begin.line, error.source().begin.column,
               error.description());
  }
}

std::string qualified(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

}  // namespace

bool Range::contains(double value) const {
  return (open_low ? value > low : value >= low) && (open_high ? value < high : value <= high);
}

std::string Range::text() const {
  if (std::isinf(low) && std::isinf(high)) return "";
  if (std::isinf(high)) return fmt::format("{} {}", open_low ? ">" : ">=", low);
  if (std::isinf(low)) return fmt::format("{} {}", open_high ? "<" : "<=", high);
  return fmt::format("{}{}, {}{}", open_low ? '(' : '[', low, high, open_high ? ')' : ']');
}

namespace {

std::string flag_of(const std::string& name) {
  std::string text = "--" + name;
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

}  // namespace

std::string ConfigField::flag() const { return flag_of(name); }

std::string ConfigField::short_flag() const {
  return short_name.empty() ? "" : flag_of(short_name);
}

std::string ConfigField::type_name() const {
  const std::string bounds = range.text();
  const auto bounded = [&](std::string_view noun) {
    return bounds.empty() ? std::string(noun) : fmt::format("{} {}", noun, bounds);
  };
  return std::visit(
      Overloaded{[](bool*) { return std::string("true|false"); },
                 [&](int64_t*) { return bounded("integer"); },
                 [&](double*) { return bounded("number"); },
                 [&](std::string*) {
                   return choices.empty() ? std::string("text")
                                          : fmt::format("{}", fmt::join(choices, "|"));
                 },
                 [&](std::vector<int64_t>*) { return bounded("integers such as 256,256,"); },
                 [](std::vector<std::string>*) { return std::string("text,text"); }},
      value);
}

void ConfigField::take(const ConfigField& other) const {
  std::visit(
      [&]<typename T>(T* target) {
        T* const* source = std::get_if<T*>(&other.value);
        REVERIE_CHECK(source != nullptr, "config value '{}' is of another type than '{}'", name,
                      other.name);
        *target = **source;
      },
      value);
}

std::string ConfigField::text() const {
  return std::visit(
      Overloaded{[](bool* v) { return std::string(*v ? "true" : "false"); },
                 [](int64_t* v) { return fmt::format("{}", *v); },
                 [](double* v) { return number_text(*v); },
                 [](std::string* v) { return escaped(*v); },
                 [](std::vector<int64_t>* v) { return fmt::format("[{}]", fmt::join(*v, ", ")); },
                 [](std::vector<std::string>* v) {
                   std::vector<std::string> quoted;
                   for (const std::string& text : *v) quoted.push_back(escaped(text));
                   return fmt::format("[{}]", fmt::join(quoted, ", "));
                 }},
      value);
}

void ConfigFields::push(ConfigField field) {
  for (ConfigField& other : fields_) {
    if (other.short_name == field.name) other.short_name.clear();
  }
  REVERIE_CHECK(find(field.name) == nullptr, "config: field '{}' is described twice", field.name);
  field.section = section_;
  fields_.push_back(std::move(field));
}

void ConfigFields::add(std::string name, bool& value, std::string help) {
  push({.section = {}, .name = std::move(name), .help = std::move(help), .value = &value});
}

void ConfigFields::add(std::string name, int64_t& value, std::string help, Range range) {
  push({.section = {},
        .name = std::move(name),
        .help = std::move(help),
        .value = &value,
        .range = range});
}

void ConfigFields::add(std::string name, double& value, std::string help, Range range) {
  push({.section = {},
        .name = std::move(name),
        .help = std::move(help),
        .value = &value,
        .range = range});
}

void ConfigFields::add(std::string name, std::string& value, std::string help,
                       std::vector<std::string> choices) {
  push({.section = {},
        .name = std::move(name),
        .help = std::move(help),
        .value = &value,
        .range = {},
        .choices = std::move(choices)});
}

void ConfigFields::add_file(std::string name, std::string& path, std::string help) {
  push({.section = {},
        .name = std::move(name),
        .help = std::move(help),
        .value = &path,
        .is_file = true});
}

void ConfigFields::add(std::string name, std::vector<int64_t>& value, std::string help,
                       Range range) {
  push({.section = {},
        .name = std::move(name),
        .help = std::move(help),
        .value = &value,
        .range = range});
}

void ConfigFields::add(std::string name, std::vector<std::string>& value, std::string help) {
  push({.section = {}, .name = std::move(name), .help = std::move(help), .value = &value});
}

ConfigField& ConfigFields::known(std::string_view name) {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const ConfigField& field) { return field.name == name; });
  REVERIE_CHECK(found != fields_.end(), "unknown option '{}'", name);
  return *found;
}

void ConfigFields::set_without_effect(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) known(name).changes_result = false;
}

void ConfigFields::set_lifelong(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) known(name).is_lifelong = true;
}

void ConfigFields::set_short_name(std::string_view name, std::string short_name) {
  ConfigField& field = known(name);
  if (find(short_name) == nullptr) field.short_name = std::move(short_name);
}

const ConfigField* ConfigFields::find(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const ConfigField& field) {
    return field.name == name || (!name.empty() && field.short_name == name);
  });
  return found == fields_.end() ? nullptr : &*found;
}

void ConfigFields::set(const ConfigField& field, std::string_view text, std::string_view source) {
  const ParsedValue value = parse_text(field, text, source);
  check_value(field, value, source);
  assign(field, value);
}

void ConfigFields::set(std::string_view name, std::string_view text) const {
  const ConfigField* field = find(name);
  REVERIE_CHECK(field != nullptr, "unknown option '{}'", name);
  set(*field, text, name);
}

void ConfigFields::load_toml(const std::filesystem::path& file) const {
  load_toml_text(read_config_file(file), file.string());
}

void ConfigFields::load_toml_text(std::string_view text, std::string_view source) const {
  const toml::table root = parse_toml(text, source);
  std::vector<std::pair<const ConfigField*, ParsedValue>> values;
  const auto read_table = [&](const toml::table& table, std::string_view section) {
    for (const auto& [key, node] : table) {
      if (section.empty() && node.is_table()) continue;
      const std::string where =
          fmt::format("{}:{}: {}", source, node.source().begin.line, qualified(section, key.str()));
      const ConfigField* field = find(key.str());
      if (field == nullptr || field->section != section) {
        std::vector<std::string> known;
        for (const ConfigField& f : fields_) {
          if (f.section == section) known.push_back(f.name);
        }
        for (std::string& name : known) name = qualified(section, name);
        fail_unknown_name("key", qualified(section, key.str()), known,
                          fmt::format("{}:{}", source, node.source().begin.line));
      }
      ParsedValue value = parse_node(*field, node, where);
      check_value(*field, value, where);
      values.emplace_back(field, std::move(value));
    }
  };
  read_table(root, "");
  for (const auto& [key, node] : root) {
    const toml::table* table = node.as_table();
    if (table == nullptr) continue;
    std::vector<std::string> sections;
    for (const ConfigField& f : fields_) {
      if (!f.section.empty() &&
          std::find(sections.begin(), sections.end(), f.section) == sections.end()) {
        sections.push_back(f.section);
      }
    }
    if (std::find(sections.begin(), sections.end(), key.str()) == sections.end()) {
      fail_unknown_name("table", key.str(), sections,
                        fmt::format("{}:{}", source, node.source().begin.line));
    }
    read_table(*table, key.str());
  }
  for (const auto& [field, value] : values) assign(*field, value);
}

std::string ConfigFields::to_toml() const {
  std::string text;
  std::string section;
  for (const ConfigField& field : fields_) {
    if (field.section != section) {
      section = field.section;
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    const std::string assignment = fmt::format("{} = {}", field.name, field.text());
    std::string help = field.help;
    std::string kind = field.choices.empty() ? field.range.text() : field.type_name();
    if (!kind.empty()) help += fmt::format("; {}", kind);
    text += fmt::format("{:<40} # {}\n", assignment, help);
  }
  return text;
}

std::string toml_string(const std::filesystem::path& file, std::string_view path) {
  const toml::table root = parse_toml(read_config_file(file), file.string());
  const auto node = root.at_path(path);
  if (!node) return "";
  REVERIE_CHECK(node.is_string(), "{}:{}: {} is not a string", file.string(),
                node.node()->source().begin.line, path);
  return node.as_string()->get();
}

}  // namespace reverie
