#include <algorithm>
#include <cmath>
#include <iostream>

#include <fmt/ranges.h>

#include "apps/launcher/dataset_actions.h"
#include "core/field_numbers.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/statistics.h"
#include "drawing/chart.h"

namespace reverie {
namespace {

constexpr int64_t kReturnBins = 20;
constexpr int64_t kActionBins = 40;
constexpr int kBarWidth = 40;      // [characters]
constexpr double kAtBound = 1e-6;  // distance within which an action counts as at its bound
constexpr size_t kMostActionCharts = 12;
constexpr int kChartWidth = 420, kChartHeight = 300;  // [px]

// One number of the action over all steps.
struct ActionNumber {
  double low = INFINITY, high = -INFINITY;
  int64_t at_low = 0, at_high = 0;  // steps there
  Histogram histogram;

  explicit ActionNumber(bool is_discrete) : histogram(kActionBins, is_discrete) {}

  // Values that are not finite are left out.
  void add(double value) {
    if (!std::isfinite(value)) return;
    const auto see = [&](double& extreme, int64_t& count, bool beyond) {
      if (std::abs(value - extreme) <= kAtBound) {
        ++count;
      } else if (beyond) {
        extreme = value;
        count = 1;
      }
    };
    see(low, at_low, value < low);
    see(high, at_high, value > high);
    histogram.add(value);
  }
};

struct Contents {
  std::vector<double> returns, lengths;  // of the episodes
  std::vector<ActionNumber> action;
  int64_t terminated = 0, truncated = 0;
};

Contents read_contents(Dataset& dataset) {
  const Field& action = dataset.schema().action;
  Contents contents;
  contents.action.assign(static_cast<size_t>(action.numel()),
                         ActionNumber(action.dtype == DType::kInt64));
  ProgressBar progress(dataset.steps(), {.label = "read"});
  for (size_t e = 0; e < dataset.episodes().size(); ++e) {
    const DatasetEpisode& where = dataset.episodes()[e];
    const EpisodeData episode = dataset.read(static_cast<int64_t>(e));
    double sum = 0.0;
    for (const float reward : episode.reward) sum += static_cast<double>(reward);
    contents.returns.push_back(sum);
    contents.lengths.push_back(static_cast<double>(where.length));
    contents.terminated += where.terminated ? 1 : 0;
    contents.truncated += where.truncated ? 1 : 0;
    const std::vector<double> values = numbers(action, episode.action);
    for (size_t i = 0; i < values.size(); ++i) {
      contents.action[i % contents.action.size()].add(values[i]);
    }
    progress.update(where.start + where.length);
  }
  return contents;
}

// The summary of the finite returns and lengths of the episodes.
struct Distribution {
  std::vector<std::pair<std::string, double>> numbers;  // in the order that they are printed
  int64_t not_finite = 0;
};

Distribution distribution(std::vector<double> values) {
  const auto all = static_cast<int64_t>(values.size());
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  const int64_t left_out = all - static_cast<int64_t>(values.size());
  if (values.empty()) {
    return {.numbers = {{"mean", NAN}, {"std", NAN}, {"min", NAN}, {"median", NAN}, {"max", NAN}},
            .not_finite = left_out};
  }
  std::sort(values.begin(), values.end());
  double sum = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {.numbers = {{"mean", mean},
                      {"std", std::sqrt(squares / static_cast<double>(values.size()))},
                      {"min", values.front()},
                      {"median", quantile(values, 0.5)},
                      {"max", values.back()}},
          .not_finite = left_out};
}

Histogram histogram_of(const std::vector<double>& values) {
  Histogram histogram(kReturnBins);
  for (const double value : values) histogram.add(value);
  return histogram;
}

// All fields of a row.
std::vector<Field> all_fields(const DatasetSchema& schema) {
  std::vector<Field> fields = schema.observation;
  fields.push_back(schema.action);
  fields.insert(fields.end(), schema.info.begin(), schema.info.end());
  return fields;
}

// The share of the steps, [0, 1].
double share(int64_t count, const Dataset& dataset) {
  return static_cast<double>(count) / static_cast<double>(dataset.steps());
}

Json::Object members(const Distribution& distribution) {
  Json::Object members(distribution.numbers.begin(), distribution.numbers.end());
  members.emplace_back("not_finite", distribution.not_finite);
  return members;
}

Json info_json(const Dataset& dataset, const Contents& contents) {
  Json::List fields, actions;
  for (const Field& field : all_fields(dataset.schema())) {
    fields.push_back(Json::Object{
        {"name", field.name}, {"shape", field.shape}, {"dtype", dtype_name(field.dtype)}});
  }
  for (const ActionNumber& action : contents.action) {
    const Histogram& histogram = action.histogram;
    actions.push_back(Json::Object{{"min", action.low},
                                   {"max", action.high},
                                   {"at_min", share(action.at_low, dataset)},
                                   {"at_max", share(action.at_high, dataset)},
                                   {"histogram", Json::Object{{"low", histogram.low()},
                                                              {"width", histogram.width()},
                                                              {"counts", histogram.counts()}}}});
  }
  return Json::Object{{"path", dataset.path()},
                      {"format", dataset_format_name(dataset.format())},
                      {"episodes", dataset.episodes().size()},
                      {"steps", dataset.steps()},
                      {"steps_left_out", dataset.steps_left_out()},
                      {"left_out", dataset.left_out()},
                      {"terminated", contents.terminated},
                      {"truncated", contents.truncated},
                      {"fields", fields},
                      {"return", members(distribution(contents.returns))},
                      {"length", members(distribution(contents.lengths))},
                      {"action", actions},
                      {"attributes", dataset.schema().attributes}};
}

void print_bars(const Histogram& histogram) {
  const std::vector<int64_t>& counts = histogram.counts();
  if (counts.empty()) return;
  const int64_t peak = *std::max_element(counts.begin(), counts.end());
  for (size_t bin = 0; bin < counts.size(); ++bin) {
    const auto length = static_cast<size_t>(kBarWidth * counts[bin] / peak);
    std::cout << fmt::format("    {:>10.4g} {:<{}} {}\n",
                             histogram.low() + static_cast<double>(bin) * histogram.width(),
                             std::string(length, '#'), kBarWidth, counts[bin]);
  }
}

// A histogram in one line of text, its peak the full height.
std::string sparkline(const Histogram& histogram) {
  constexpr std::array<const char*, 9> kLevels = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  int64_t peak = 1;
  for (const int64_t count : histogram.counts()) peak = std::max(peak, count);
  std::string text;
  for (const int64_t count : histogram.counts()) {
    const int64_t level = count == 0 ? 0 : 1 + 7 * count / peak;
    text += kLevels[static_cast<size_t>(level)];
  }
  return text;
}

void print_info(const Dataset& dataset, const Contents& contents) {
  std::cout << fmt::format("{} ({}): {} steps in {} episodes, {} terminated, {} truncated\n\n",
                           dataset.path(), dataset_format_name(dataset.format()), dataset.steps(),
                           dataset.episodes().size(), contents.terminated, contents.truncated);
  for (const auto& [key, text] : dataset.schema().attributes) {
    if (!key.ends_with("config") && key != "env_spec")
      std::cout << fmt::format("  {:<12} {}\n", key, text);
  }
  std::cout << "\n";
  for (const Field& field : all_fields(dataset.schema())) {
    std::cout << fmt::format("  {:<16} {} [{}]\n", field.name, dtype_name(field.dtype),
                             fmt::join(field.shape, ","));
  }
  const auto line = [](const char* name, const Distribution& values) {
    std::cout << fmt::format("\n  {}:", name);
    for (const auto& [key, value] : values.numbers) {
      std::cout << fmt::format(" {} {}", key,
                               std::isfinite(value) ? fmt::format("{:.4g}", value) : "-");
    }
    if (values.not_finite > 0) {
      std::cout << fmt::format(", {} not finite and left out", values.not_finite);
    }
    std::cout << "\n";
  };
  line("length", distribution(contents.lengths));
  line("return", distribution(contents.returns));
  print_bars(histogram_of(contents.returns));
  std::cout
      << "\n  action: minimum and maximum with the share of steps at each, and the distribution\n";
  for (size_t k = 0; k < contents.action.size(); ++k) {
    const ActionNumber& action = contents.action[k];
    std::cout << fmt::format("    [{}] {:>8.4g} {:5.1f} %  {:>8.4g} {:5.1f} %  |{}|\n", k,
                             action.low, 100 * share(action.at_low, dataset), action.high,
                             100 * share(action.at_high, dataset), sparkline(action.histogram));
  }
}

void write_plot(const std::string& path, const Contents& contents) {
  std::vector<Chart> charts;
  const auto add = [&](const std::string& title, const std::string& x, const std::string& y,
                       const Histogram& histogram) {
    charts.emplace_back(title, x, y).add_histogram(histogram);
  };
  add("Returns", "return", "episodes", histogram_of(contents.returns));
  add("Lengths", "steps", "episodes", histogram_of(contents.lengths));
  for (size_t k = 0; k < std::min(contents.action.size(), kMostActionCharts); ++k) {
    add(fmt::format("Action {}", k), fmt::format("action[{}]", k), "steps",
        contents.action[k].histogram);
  }
  write_charts(path, charts, 4, kChartWidth, kChartHeight);
}

}  // namespace

int dataset_info(const Arguments& arguments) {
  std::string path, plot;
  bool json = false;
  CommandLine line("dataset info", "Summarises a dataset.");
  line.add("PATH", path, {.help = "file or folder", .required = true});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  line.add("--plot", plot, {.help = "also draw the distributions, to a .png file"});
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = open_dataset(path);
  const Contents contents = read_contents(*dataset);
  if (json) {
    std::cout << info_json(*dataset, contents).dump(2) << "\n";
  } else {
    print_info(*dataset, contents);
  }
  if (!plot.empty()) {
    write_plot(plot, contents);
    std::cerr << fmt::format("wrote {}\n", plot);
  }
  return 0;
}

}  // namespace reverie
