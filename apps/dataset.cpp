#include "replay/dataset.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "core/progress.h"
#include "core/random.h"
#include "envs/maze/goal_episode.h"
#include "envs/registry.h"
#include "replay/dataset_check.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kHistogramBins = 10;
constexpr int kHistogramWidth = 40;  // [characters]
constexpr double kAtBound = 1e-6;    // how near an action counts as being at its bound

Json field_json(const Field& field) {
  return {{"name", field.name}, {"shape", field.shape}, {"dtype", dtype_name(field.dtype)}};
}

// The least and most of what each number of the action was, and how often it was at either.
struct ActionCoverage {
  std::vector<double> low, high;
  std::vector<int64_t> at_low, at_high;

  void add(const Field& field, const std::vector<std::byte>& column) {
    const std::vector<double> values = numbers(field, column);
    const auto width = static_cast<size_t>(field.numel());
    low.resize(width, INFINITY);
    high.resize(width, -INFINITY);
    at_low.resize(width);
    at_high.resize(width);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t k = i % width;
      const auto see = [&](double& extreme, int64_t& count, bool beyond) {
        if (std::abs(values[i] - extreme) <= kAtBound) {
          ++count;
        } else if (beyond) {
          extreme = values[i];
          count = 1;
        }
      };
      see(low[k], at_low[k], values[i] < low[k]);
      see(high[k], at_high[k], values[i] > high[k]);
    }
  }
};

struct Summary {
  std::vector<double> returns, lengths;
  ActionCoverage action;
  int64_t terminated = 0, truncated = 0;
};

Summary summarize_dataset(Dataset& dataset) {
  Summary summary;
  ProgressBar progress(dataset.steps(), {.label = "read"});
  for (size_t e = 0; e < dataset.episodes().size(); ++e) {
    const DatasetEpisode& where = dataset.episodes()[e];
    const EpisodeData episode = dataset.read(static_cast<int64_t>(e));
    double sum = 0.0;
    for (const float reward : episode.reward) sum += static_cast<double>(reward);
    summary.returns.push_back(sum);
    summary.lengths.push_back(static_cast<double>(where.length));
    summary.terminated += where.terminated ? 1 : 0;
    summary.truncated += where.truncated ? 1 : 0;
    summary.action.add(dataset.schema().action, episode.action);
    progress.update(where.start + where.length);
  }
  return summary;
}

// JSON has no NaN and no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json distribution(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const auto quantile = [&](double q) {
    return number(values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))]);
  };
  return {{"mean", number(mean)},
          {"std", number(std::sqrt(squares / static_cast<double>(values.size())))},
          {"min", quantile(0.0)},
          {"median", quantile(0.5)},
          {"max", quantile(1.0)}};
}

Json info_json(const Dataset& dataset, const Summary& summary) {
  Json fields = Json::array();
  for (const Field& field : dataset.schema().observation) fields.push_back(field_json(field));
  fields.push_back(field_json(dataset.schema().action));
  for (const Field& field : dataset.schema().info) fields.push_back(field_json(field));
  Json out = {{"path", dataset.path()},
              {"format", dataset_format_name(dataset.format())},
              {"episodes", dataset.episodes().size()},
              {"steps", dataset.steps()},
              {"steps_left_out", dataset.steps_left_out()},
              {"terminated", summary.terminated},
              {"truncated", summary.truncated},
              {"fields", fields},
              {"return", distribution(summary.returns)},
              {"length", distribution(summary.lengths)},
              {"action", Json::array()},
              {"attributes", dataset.schema().attributes}};
  for (size_t k = 0; k < summary.action.low.size(); ++k) {
    const auto share = [&](int64_t count) {
      return static_cast<double>(count) / static_cast<double>(dataset.steps());
    };
    out["action"].push_back({{"min", number(summary.action.low[k])},
                             {"max", number(summary.action.high[k])},
                             {"at_min", share(summary.action.at_low[k])},
                             {"at_max", share(summary.action.at_high[k])}});
  }
  return out;
}

void print_histogram(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (!std::isfinite(*least) || !std::isfinite(*most)) return;
  const double width = *most > *least ? (*most - *least) / kHistogramBins : 1.0;
  const int bins = *most > *least ? kHistogramBins : 1;
  std::vector<int64_t> counts(static_cast<size_t>(bins));
  for (const double value : values) {
    const int bin = std::clamp(static_cast<int>((value - *least) / width), 0, bins - 1);
    ++counts[static_cast<size_t>(bin)];
  }
  const int64_t peak = *std::max_element(counts.begin(), counts.end());
  for (int bin = 0; bin < bins; ++bin) {
    const int64_t count = counts[static_cast<size_t>(bin)];
    const auto length = static_cast<size_t>(kHistogramWidth * count / peak);
    std::cout << fmt::format("    {:>10.4g} {:<{}} {}\n", *least + bin * width,
                             std::string(length, '#'), kHistogramWidth, count);
  }
}

void print_info(const Json& info, const Summary& summary) {
  std::cout << fmt::format("{} ({}): {} steps in {} episodes, {} terminated, {} truncated\n\n",
                           info["path"].get<std::string>(), info["format"].get<std::string>(),
                           info["steps"].get<int64_t>(), info["episodes"].get<int64_t>(),
                           summary.terminated, summary.truncated);
  for (const auto& [key, text] : info["attributes"].items()) {
    if (key != "config") std::cout << fmt::format("  {:<12} {}\n", key, text.get<std::string>());
  }
  std::cout << "\n";
  for (const Json& field : info["fields"]) {
    std::cout << fmt::format("  {:<16} {} {}\n", field["name"].get<std::string>(),
                             field["dtype"].get<std::string>(), field["shape"].dump());
  }
  const auto line = [&](const char* name) {
    std::cout << fmt::format("\n  {}:", name);
    for (const auto& [key, value] : info[name].items()) {
      std::cout << fmt::format(" {} {}", key,
                               value.is_null() ? "-" : fmt::format("{:.4g}", value.get<double>()));
    }
    std::cout << "\n";
  };
  line("length");
  line("return");
  print_histogram(summary.returns);
  std::cout << "\n  action: least and most, and the share of steps there\n";
  for (size_t k = 0; k < summary.action.low.size(); ++k) {
    const Json& action = info["action"][k];
    std::cout << fmt::format("    [{}] {:>8.4g} {:5.1f} %  {:>8.4g} {:5.1f} %\n", k,
                             summary.action.low[k], 100 * action["at_min"].get<double>(),
                             summary.action.high[k], 100 * action["at_max"].get<double>());
  }
}

// The rule of the maze that the dataset names; nothing for other environments.
std::optional<GoalReward> goal_reward(const Dataset& dataset, std::string env) {
  const auto& attributes = dataset.schema().attributes;
  if (env.empty() && attributes.contains("env")) env = attributes.at("env");
  if (!env.starts_with("maze2d-")) return std::nullopt;
  const std::unique_ptr<Env> maze = find_env(env).config()->maker()();
  const auto& physics = dynamic_cast<const maze::MazePhysics&>(maze->physics()->innermost());
  return GoalReward{.goal = physics.layout().goals.front(),
                    .radius = physics.layout().goal_radius,
                    .dense = physics.task().dense};
}

// Episodes of one dataset, appended to another.
void copy_episodes(Dataset& from, std::span<const int64_t> episodes, DatasetWriter& to) {
  for (const int64_t index : episodes) to.append(from.read(index));
}

std::vector<int64_t> all_episodes(const Dataset& dataset) {
  std::vector<int64_t> indices(dataset.episodes().size());
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return indices;
}

void finish(DatasetWriter& writer, const std::string& path) {
  REVERIE_CHECK(writer.episodes() > 0, "{}: no episode is left to write", path);
  writer.commit();
  std::cerr << fmt::format("wrote {}: {} steps in {} episodes\n", path, writer.steps(),
                           writer.episodes());
}

int info(const Arguments& arguments) {
  std::string path;
  bool json = false;
  CommandLine line("dataset info", "Says what a dataset holds.");
  line.app().add_option("PATH", path, "file or folder")->required();
  line.app().add_flag("--json", json, "one JSON object on stdout, nothing else");
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = Dataset::open(path);
  const Summary summary = summarize_dataset(*dataset);
  const Json out = info_json(*dataset, summary);
  if (json) {
    std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    print_info(out, summary);
  }
  return 0;
}

int validate(const Arguments& arguments) {
  std::string path, env;
  CommandLine line("dataset validate",
                   "Looks for known faults of datasets; exit status 1 where there is one.");
  line.app().add_option("PATH", path, "file or folder")->required();
  line.app().add_option("--env", env, "maze2d id whose rewards to check, where the file has none");
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = Dataset::open(path);
  bool faulty = false;
  for (const DatasetFinding& finding : check_dataset(*dataset, goal_reward(*dataset, env))) {
    std::cout << (finding.is_fault ? "FAULT  " : "note   ") << finding.text << "\n";
    faulty |= finding.is_fault;
  }
  if (!faulty) {
    std::cout << fmt::format("{}: {} steps in {} episodes, no fault found\n", path,
                             dataset->steps(), dataset->episodes().size());
  }
  return faulty ? 1 : 0;
}

int convert(const Arguments& arguments) {
  std::string in, out, format;
  CommandLine line("dataset convert", "Writes a dataset in another layout (docs/datasets.md).");
  line.app().add_option("IN", in, "file or folder")->required();
  line.app().add_option("OUT", out, "file or folder to write")->required();
  line.app().add_option("--format", format, dataset_format_list())->required();
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = Dataset::open(in);
  const std::unique_ptr<DatasetWriter> writer =
      DatasetWriter::create(out, parse_dataset_format(format), dataset->schema());
  copy_episodes(*dataset, all_episodes(*dataset), *writer);
  finish(*writer, out);
  return 0;
}

int split(const Arguments& arguments) {
  std::string in, first, second;
  double share = 0.9;
  int64_t seed = 0;
  CommandLine line("dataset split", "Divides the episodes between two datasets, at random.");
  line.app().add_option("IN", in, "file or folder")->required();
  line.app().add_option("FIRST", first, "to write, for example for training")->required();
  line.app().add_option("SECOND", second, "to write, for example for validation")->required();
  line.app()
      .add_option("--share", share, "of the episodes that the first gets (default 0.9)")
      ->check(CLI::Range(0.0, 1.0));
  line.app().add_option("--seed", seed, "same seed, same split")->check(CLI::NonNegativeNumber);
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = Dataset::open(in);
  std::vector<int64_t> order = all_episodes(*dataset);
  Rng rng(static_cast<uint64_t>(seed));
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(rng.integers(0, static_cast<int64_t>(i)))]);
  }
  const auto cut = static_cast<size_t>(std::lround(share * static_cast<double>(order.size())));
  REVERIE_CHECK(cut > 0 && cut < order.size(),
                "--share: {} of {} episodes leaves one side without any", share, order.size());
  std::sort(order.begin(), order.begin() + static_cast<int64_t>(cut));
  std::sort(order.begin() + static_cast<int64_t>(cut), order.end());
  const std::span<const int64_t> all = order;
  const auto write = [&](const std::string& path, std::span<const int64_t> episodes) {
    const auto writer = DatasetWriter::create(path, dataset->format(), dataset->schema());
    copy_episodes(*dataset, episodes, *writer);
    finish(*writer, path);
  };
  write(first, all.first(cut));
  write(second, all.subspan(cut));
  return 0;
}

int merge(const Arguments& arguments) {
  std::vector<std::string> in;
  std::string out;
  CommandLine line("dataset merge", "Writes the episodes of several datasets into one.");
  line.app().add_option("IN", in, "files or folders with the same fields")->required();
  line.app().add_option("--out", out, "file or folder to write")->required();
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> first = Dataset::open(in.front());
  const auto writer = DatasetWriter::create(out, first->format(), first->schema());
  for (const std::string& path : in) {
    const std::unique_ptr<Dataset> dataset = Dataset::open(path);
    REVERIE_CHECK(dataset->schema().same_fields(first->schema()),
                  "{}: its fields are not those of {}; see `reverie dataset info`", path,
                  in.front());
    copy_episodes(*dataset, all_episodes(*dataset), *writer);
  }
  finish(*writer, out);
  return 0;
}

const std::vector<Command> kActions = {
    {"info", "what a dataset holds", &info},
    {"validate", "look for known faults", &validate},
    {"convert", "write it in another layout", &convert},
    {"split", "divide the episodes between two", &split},
    {"merge", "one of several", &merge},
};

}  // namespace

int dataset_command(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << "usage: reverie dataset ACTION ...      (reverie dataset ACTION --help says "
                 "more)\n\n";
    for (const Command& action : kActions) {
      std::cout << fmt::format("  {:<10} {}\n", action.name, action.summary);
    }
    return 0;
  }
  std::vector<std::string> known;
  for (const Command& action : kActions) {
    if (action.name == arguments[0]) return action.run({arguments.begin() + 1, arguments.end()});
    known.push_back(action.name);
  }
  fail_unknown_name("action of dataset", arguments[0], known);
}

}  // namespace reverie
