#include "runs/history.h"

#include "core/file.h"
#include "core/json_reader.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr size_t kMostHistoryBytes = 1 << 24;

std::filesystem::path history_file(const std::filesystem::path& run) {
  return run / "history.json";
}

}  // namespace

Json to_json(const Launch& launch) {
  return Json::Object{{"command", launch.command},
                      {"commit", launch.commit},
                      {"processor", launch.machine.processor},
                      {"cores", launch.machine.cores}};
}

Launch launch_from_json(const Json& value, std::string_view source) {
  const JsonReader read(value, std::string(source));
  return {.command = read.text("command"),
          .commit = read.text("commit"),
          .machine = {.processor = read.text("processor"), .cores = read.integer("cores")}};
}

std::vector<Launch> read_history(const std::filesystem::path& run) {
  const std::filesystem::path file = history_file(run);
  std::vector<Launch> launches;
  if (!std::filesystem::exists(file)) return launches;
  const Json saved = Json::parse(read_file(file, kMostHistoryBytes), file.string());
  for (const Json& value : JsonReader(saved, file.string()).list("launches")) {
    launches.push_back(launch_from_json(value, file.string()));
  }
  return launches;
}

void add_launch(const RunDirectory& run, const Launch& launch) {
  Json::List launches;
  for (const Launch& before : read_history(run.path())) launches.push_back(to_json(before));
  launches.push_back(to_json(launch));
  const Json out = Json::Object{{"launches", launches}};
  write_file_atomically(history_file(run.path()), out.dump(2) + "\n");
}

std::string last_name(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::string without_folder(const std::string& text) {
  return std::filesystem::path(text).is_absolute() ? last_name(text) : text;
}

std::string command_text(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string tidy =
        equals == std::string::npos
            ? without_folder(word)
            : word.substr(0, equals + 1) + without_folder(word.substr(equals + 1));
    const bool is_plain =
        !tidy.empty() && std::all_of(tidy.begin(), tidy.end(), [](unsigned char c) {
          return std::isalnum(c) != 0 ||
                 std::string_view("-_./:=,+@%").find(static_cast<char>(c)) !=
                     std::string_view::npos;
        });
    if (!out.empty()) out += ' ';
    if (is_plain) {
      out += tidy;
      continue;
    }
    out += '\'';
    for (const char c : tidy) out += c == '\'' ? "'\\''" : std::string(1, c);
    out += '\'';
  }
  return out;
}

}  // namespace reverie
