#include "apps/command.h"

#include <algorithm>
#include <charconv>
#include <iostream>

namespace reverie {
namespace {

std::string heading(const std::string& section) {
  return section.empty() ? "Options" : fmt::format("Options of [{}]", section);
}

}  // namespace

CommandLine::CommandLine(const std::string& name, const std::string& description)
    : name_(name), app_(description, "reverie " + name) {
  app_.allow_extras();
  app_.get_formatter()->column_width(38);
}

void CommandLine::add_fields(const ConfigFields& fields) {
  for (const ConfigField& field : fields.all()) {
    CLI::Option* option =
        app_.add_option_function<std::string>(
                field.flag(),
                [this, flag = field.flag()](const std::string& text) { given_[flag] = text; },
                fmt::format("{} (default {})", field.help, field.text()))
            ->type_name(field.type_name())
            ->group(heading(field.section));
    if (std::holds_alternative<bool*>(field.value)) option->expected(0, 1)->default_str("true");
    if (std::holds_alternative<std::vector<std::string>*>(field.value)) {
      option->multi_option_policy(CLI::MultiOptionPolicy::Join)->delimiter(',');
    }
  }
}

bool CommandLine::parse(Arguments arguments) {
  // `--agent.gamma 0.9` is `--gamma 0.9`, for those who think in config sections.
  for (std::string& argument : arguments) {
    for (const char* prefix : {"--agent.", "--training.", "--environment."}) {
      if (argument.rfind(prefix, 0) == 0) argument = "--" + argument.substr(std::strlen(prefix));
    }
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11's vector form wants them
  try {
    app_.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    std::cout << app_.help();
    return false;
  } catch (const CLI::ParseError& error) {
    fail_input("{}: {} (see reverie {} --help)", name_, error.what(), name_);
  }
  const std::vector<std::string> extras = app_.remaining();
  if (extras.empty()) return true;
  const std::string& extra = extras.front();
  if (!extra.starts_with('-')) {
    fail_input("{0}: unexpected argument '{1}' (see reverie {0} --help)", name_, extra);
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : app_.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string flag = extra.substr(0, extra.find('='));
  const std::string nearest = nearest_name(flag, known);
  fail_input("{0}: unknown flag '{1}'{2} (see reverie {0} --help)", name_, flag,
             nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

void CommandLine::apply(const ConfigFields& fields) const {
  for (const ConfigField& field : fields.all()) {
    const auto found = given_.find(field.flag());
    if (found == given_.end()) continue;
    const bool bare = found->second.empty() && std::holds_alternative<bool*>(field.value);
    ConfigFields::set(field, bare ? "true" : found->second, field.flag());
  }
}

std::string peek_flag(const Arguments& arguments, const std::string& flag) {
  const std::vector<std::string> values = peek_flags(arguments, flag);
  return values.empty() ? "" : values.front();
}

std::vector<std::string> peek_flags(const Arguments& arguments, const std::string& flag) {
  std::vector<std::string> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == flag) {
      REVERIE_CHECK(i + 1 < arguments.size() && arguments[i + 1].rfind("--", 0) != 0,
                    "{}: a value is missing", flag);
      values.push_back(arguments[i + 1]);
    } else if (arguments[i].rfind(flag + "=", 0) == 0) {
      values.push_back(arguments[i].substr(flag.size() + 1));
    }
  }
  return values;
}

std::pair<int, int> parse_size(const std::string& text) {
  int width = 0;
  int height = 0;
  const char* end = text.data() + text.size();
  const auto [cross, first] = std::from_chars(text.data(), end, width);
  bool right = first == std::errc() && cross != end && *cross == 'x';
  if (right) {
    const auto [stop, second] = std::from_chars(cross + 1, end, height);
    right = second == std::errc() && stop == end;
  }
  REVERIE_CHECK(right && width >= 16 && width <= 8192 && height >= 16 && height <= 8192,
                "--size: found '{}', expected WIDTHxHEIGHT such as 640x480, each from 16 to 8192",
                text);
  return {width, height};
}

}  // namespace reverie
