#include "apps/command.h"

#include <algorithm>
#include <charconv>
#include <iostream>

#include "core/progress.h"

namespace reverie {
namespace {

constexpr int kSmallestSide = 16;   // [px] of pictures that a command writes
constexpr size_t kHelpColumn = 38;  // where the texts of the help begin
constexpr size_t kHelpWidth = 100;  // [characters]

template <typename T>
struct Element {
  using Type = T;
};
template <typename T>
struct Element<std::optional<T>> {
  using Type = T;
};
template <typename T>
struct Element<std::vector<T>> {
  using Type = T;
};

template <typename T>
constexpr bool kIsList = false;
template <typename T>
constexpr bool kIsList<std::vector<T>> = true;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + 1) {
    parts.push_back(text.substr(begin, end - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// A config field that reads one value of the option.
template <typename T>
ConfigField field_of(const OptionInfo& info, T& value) {
  return {.section = {},
          .name = {},
          .help = info.help,
          .value = &value,
          .range = info.range,
          .choices = info.choices};
}

template <typename T>
T read_value(const std::string& flag, const OptionInfo& info, std::string_view text) {
  if constexpr (std::is_same_v<T, ImageSize>) {
    const ImageSize size = parse_image_size(flag, text);
    REVERIE_CHECK(std::min(size.width, size.height) >= kSmallestSide,
                  "{}: found '{}', expected sides of at least {} pixels, such as 640x480", flag,
                  text, kSmallestSide);
    return size;
  } else {
    T value{};
    ConfigFields::set(field_of(info, value), text, flag);
    return value;
  }
}

template <typename T>
std::string type_of(const OptionInfo& info) {
  if constexpr (kIsList<T>) {
    const bool has_commas = info.commas || !std::is_same_v<T, std::vector<std::string>>;
    return type_of<typename Element<T>::Type>(info) + (has_commas ? ",..." : "");
  } else if constexpr (std::is_same_v<typename Element<T>::Type, ImageSize>) {
    return "WIDTHxHEIGHT";
  } else {
    typename Element<T>::Type value{};
    return field_of(info, value).type_name();
  }
}

// As the user would write it; "" if there is none.
template <typename T>
std::string default_text(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, ImageSize>) {
    return to_string(value);
  } else if constexpr (kIsList<T>) {
    std::string text;
    for (const auto& element : value) text += (text.empty() ? "" : ",") + default_text(element);
    return text;
  } else if constexpr (std::is_same_v<T, typename Element<T>::Type>) {
    return fmt::format("{}", value);
  } else {
    return value ? default_text(*value) : "";
  }
}

template <typename T>
void assign(T& target, const std::string& flag, const OptionInfo& info,
            const std::vector<std::string>& texts) {
  using Value = typename Element<T>::Type;
  if constexpr (kIsList<T>) {
    target.clear();
    for (const std::string& text : texts) {
      const bool is_one = std::is_same_v<Value, std::string> && !info.commas;
      for (const std::string& part : is_one ? std::vector{text} : split(text, ',')) {
        target.push_back(read_value<Value>(flag, info, part));
      }
    }
  } else {
    target = read_value<Value>(flag, info, texts.back());
  }
}

bool is_number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_truth_value(const std::string& text) {
  for (const char* word : {"true", "false", "1", "0", "on", "off", "yes", "no"}) {
    if (text == word) return true;
  }
  return false;
}

// Breaks the text between words; all lines but the first begin with `indent` blanks.
std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  for (const std::string& word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string help_line(const std::string& name, const std::string& type, const std::string& help) {
  std::string out = fmt::format("  {}{}{}", name, type.empty() ? "" : " ", type);
  out += out.size() + 2 <= kHelpColumn ? std::string(kHelpColumn - out.size(), ' ')
                                       : "\n" + std::string(kHelpColumn, ' ');
  return out + wrapped(help, kHelpColumn, kHelpWidth) + "\n";
}

}  // namespace

void CommandLine::add_target(std::string name, Target target, OptionInfo info) {
  Option option{.name = std::move(name), .target = target, .info = std::move(info), .type = {}};
  std::visit(
      [&](auto pointer) {
        using T = std::remove_pointer_t<decltype(pointer)>;
        if constexpr (std::is_same_v<T, bool>) {
          option.is_switch = true;
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
          option.type = type_of<T>(option.info);
          option.is_list = kIsList<T>;
          option.is_number_list = kIsList<T> && !std::is_same_v<T, std::vector<std::string>>;
          const bool shows_value = option.info.fallback.empty() && !option.info.required;
          if (shows_value) option.info.fallback = default_text(*pointer);
        }
      },
      option.target);
  push(std::move(option));
}

void CommandLine::add_fields(const ConfigFields& fields) {
  for (const ConfigField& field : fields.all()) add_field(field);
}

void CommandLine::add_field(const ConfigField& field, const std::string& heading) {
  const auto* plain = std::get_if<std::string*>(&field.value);
  const std::string text = plain != nullptr ? **plain : field.text();
  push({.name = field.flag(),
        .target = {},
        .info = {.help = field.help,
                 .fallback = text == "[]" ? "" : text,
                 .heading = !heading.empty() || field.section.empty()
                                ? heading
                                : fmt::format("Options of [{}]", field.section)},
        .type = field.type_name(),
        .is_list = std::holds_alternative<std::vector<std::string>*>(field.value),
        .is_number_list = std::holds_alternative<std::vector<int64_t>*>(field.value),
        .is_switch = std::holds_alternative<bool*>(field.value),
        .short_name = field.short_flag()});
}

void CommandLine::push(Option option) {
  REVERIE_CHECK(find(option.name) == nullptr, "{}: option {} is described twice", name_,
                option.name);
  options_.push_back(std::move(option));
}

void CommandLine::set_default(const std::string& name, const std::string& text) {
  Option* option = find(name);
  REVERIE_CHECK(option != nullptr, "{}: has no option {}", name_, name);
  option->info.required = false;
  option->info.fallback = text;
}

void CommandLine::require(const std::string& name) {
  set_default(name, "");
  find(name)->info.required = true;
}

bool CommandLine::has(const std::string& name) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const Option& option) { return option.name == name; });
}

CommandLine::Option* CommandLine::find(const std::string& name) {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& option) {
    return option.name == name || (!name.empty() && option.short_name == name);
  });
  return found == options_.end() ? nullptr : &*found;
}

// The next positional argument, or null.
CommandLine::Option* CommandLine::free_positional() {
  const auto found = std::find_if(options_.begin(), options_.end(), [](const Option& option) {
    return option.is_positional() && (option.is_list || option.texts.empty());
  });
  return found == options_.end() ? nullptr : &*found;
}

void CommandLine::fail(const std::string& message) const {
  fail_input("{0}: {1} (see reverie {0} --help)", name_, message);
}

void CommandLine::give(Option& option, std::string text) {
  REVERIE_CHECK(option.is_list || option.texts.empty(),
                "{}: given twice, with '{}' and '{}'; give it once", option.name,
                option.texts.front(), text);
  option.texts.push_back(std::move(text));
}

// The flag at that position, and its value; leaves `at` on the last argument that belongs to it.
CommandLine::Option& CommandLine::read_flag(const Arguments& arguments, size_t& at) {
  const std::string& argument = arguments[at];
  const size_t equals = argument.find('=');
  const std::string flag = argument.substr(0, equals);
  Option* option = find(flag);
  if (option == nullptr) {
    std::vector<std::string> known = {"--help"};
    for (const Option& each : options_) {
      if (!each.is_positional()) known.push_back(each.name);
    }
    const std::string nearest = nearest_name(flag, known);
    fail(fmt::format("unknown flag '{}'{}", flag,
                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
  }
  if (equals != std::string::npos) {
    give(*option, argument.substr(equals + 1));
    return *option;
  }
  const bool is_last = at + 1 == arguments.size();
  if (option->is_switch) {
    // A boolean flag may have a value: "--overlap false". In "--overlap runs/a" the run is not its
    // value.
    const bool takes_next = !is_last && !option->type.empty() &&
                            !arguments[at + 1].starts_with('-') &&
                            (is_truth_value(arguments[at + 1]) || free_positional() == nullptr);
    give(*option, takes_next ? arguments[++at] : "");
    return *option;
  }
  if (is_last || arguments[at + 1].starts_with("--")) {
    fail(fmt::format("{}: a value is missing, expected {} ({})", flag, option->type,
                     option->info.help));
  }
  give(*option, arguments[++at]);
  return *option;
}

// Refuses "--threads 1 2", whose second number would otherwise be taken for another argument.
void CommandLine::check_commas(const Option& option, const Arguments& arguments, size_t at) const {
  if (!option.is_number_list || !is_number(option.texts.back())) return;
  std::string found = option.texts.back(), meant = found;
  while (++at < arguments.size() && is_number(arguments[at])) {
    found += " " + arguments[at];
    meant += "," + arguments[at];
  }
  if (found == meant) return;
  fail(fmt::format("{0} {1}: several numbers need commas between them; expected {0} {2}",
                   option.name, found, meant));
}

void CommandLine::read(const Arguments& arguments) {
  bool flags_ended = false;
  std::string before;  // " after --seed 1": what the next argument may have been meant for
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string& argument = arguments[at];
    const bool has_dash = !flags_ended && argument.size() > 1 && argument.starts_with('-');
    if (!flags_ended && argument == "--") {
      flags_ended = true;
    } else if (has_dash && !is_number(argument)) {
      const Option& option = read_flag(arguments, at);
      check_commas(option, arguments, at);
      before = option.texts.back().empty()
                   ? ""
                   : fmt::format(" after {} {}", option.name, option.texts.back());
      continue;
    } else if (Option* option = free_positional(); option != nullptr && !has_dash) {
      give(*option, argument);
    } else {
      fail(fmt::format("unexpected argument '{}'{}", argument, before));
    }
    before.clear();
  }
}

bool CommandLine::parse(Arguments arguments) {
  if (find("--quiet") == nullptr) add("--quiet", quiet_, {.help = "print no progress"});
  if (wants_help(arguments)) {
    std::cout << help();
    return false;
  }
  // Accepts `--agent.gamma 0.9` as `--gamma 0.9`, for users who think in config sections.
  for (std::string& argument : arguments) {
    for (const std::string_view prefix : {"--agent.", "--training.", "--environment."}) {
      if (argument.starts_with(prefix)) argument = "--" + argument.substr(prefix.size());
    }
  }
  for (Option& option : options_) option.texts.clear();  // of a parse before
  read(arguments);
  for (const Option& option : options_) {
    if (option.info.required && option.texts.empty()) fail(option.name + " is required");
  }
  for (const Option& option : options_) {
    if (option.texts.empty()) continue;
    std::visit(
        [&](auto pointer) {
          using T = std::remove_pointer_t<decltype(pointer)>;
          if constexpr (std::is_same_v<T, bool>) {
            const std::string& text = option.texts.back();
            const bool given = text.empty() || read_value<bool>(option.name, option.info, text);
            if (given) *pointer = !*pointer;
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            assign(*pointer, option.name, option.info, option.texts);
          }
        },
        option.target);
  }
  if (quiet_) silence_progress();
  return true;
}

void CommandLine::apply(const ConfigFields& fields) const {
  for (const ConfigField& field : fields.all()) {
    for (const Option& option : options_) {
      if (option.name != field.flag() || option.texts.empty()) continue;
      std::string text = option.texts.front();
      for (size_t i = 1; i < option.texts.size(); ++i) text += "," + option.texts[i];
      ConfigFields::set(field, text.empty() && option.is_switch ? "true" : text, option.name);
    }
  }
}

bool CommandLine::is_given(const std::string& name) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& option) {
    return option.name == name && !option.texts.empty();
  });
}

std::string CommandLine::help() const {
  std::vector<std::string> headings;
  std::string positionals;
  for (const Option& option : options_) {
    if (option.is_positional()) {
      const std::string name = option.name + (option.is_list ? "..." : "");
      positionals += option.info.required ? " " + name : " [" + name + "]";
    } else if (std::count(headings.begin(), headings.end(), option.info.heading) == 0) {
      headings.push_back(option.info.heading);
    }
  }
  std::string out = fmt::format("{}\n\nusage: reverie {}{}{}\n", description_, name_, positionals,
                                headings.empty() ? "" : " [OPTIONS]");
  const auto print = [&](const Option& option) {
    std::string text = option.info.help;
    if (!option.short_name.empty()) text += fmt::format("; also {}", option.short_name);
    if (option.info.required && !option.is_positional()) text += " (required)";
    if (!option.info.fallback.empty()) text += fmt::format(" (default {})", option.info.fallback);
    out += help_line(option.name, option.type, text);
  };
  if (!positionals.empty()) out += "\nArguments:\n";
  for (const Option& option : options_) {
    if (option.is_positional()) print(option);
  }
  std::stable_sort(
      headings.begin(), headings.end(),
      [](const std::string& a, const std::string& b) { return a.empty() > b.empty(); });
  if (headings.empty() || !headings.front().empty()) headings.insert(headings.begin(), "");
  for (const std::string& heading : headings) {
    out += fmt::format("\n{}:\n", heading.empty() ? "Options" : heading);
    for (const Option& option : options_) {
      if (!option.is_positional() && option.info.heading == heading) print(option);
    }
    if (heading.empty()) out += help_line("-h, --help", "", "print this help and exit");
  }
  for (const std::string& note : notes_) out += "\n" + wrapped(note, 0, kHelpWidth) + "\n";
  return out;
}

std::string peek_flag(const Arguments& arguments, const std::string& flag) {
  const std::vector<std::string> values = peek_flags(arguments, flag);
  return values.empty() ? "" : values.front();
}

std::vector<std::string> peek_flags(const Arguments& arguments, const std::string& flag) {
  std::vector<std::string> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == flag) {
      REVERIE_CHECK(i + 1 < arguments.size() && !arguments[i + 1].starts_with("--"),
                    "{}: a value is missing", flag);
      values.push_back(arguments[i + 1]);
    } else if (arguments[i].starts_with(flag + "=")) {
      values.push_back(arguments[i].substr(flag.size() + 1));
    }
  }
  return values;
}

bool wants_help(const Arguments& arguments) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const std::string& a) { return a == "--help" || a == "-h"; });
}

int run_action(const std::string& command, const std::vector<Command>& actions,
               const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << fmt::format(
        "usage: reverie {0} ACTION ...      (details: reverie {0} ACTION --help)\n\n", command);
    for (const Command& action : actions) {
      std::cout << fmt::format("  {:<10} {}\n", action.name, action.summary);
    }
    return 0;
  }
  std::vector<std::string> known;
  for (const Command& action : actions) {
    if (action.name == arguments[0]) return action.run({arguments.begin() + 1, arguments.end()});
    known.push_back(action.name);
  }
  fail_unknown_name("action of " + command, arguments[0], known);
}

}  // namespace reverie
