#include "runs/study_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>

#include "core/file.h"
#include "core/json_reader.h"
#include "core/text.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr size_t kMostReportBytes = 1 << 20;
constexpr double kLegendLine = 0.12;  // fraction of a chart's height

// The name of a metric in a table, and its number of digits.
struct Style {
  std::string title;
  int digits = 3;
};

Style style_of(const std::string& metric) {
  if (metric == "success_rate") return {"success", 3};
  if (metric == "return") return {"return", 1};
  if (metric == "normalized_score") return {"score", 1};
  if (metric == "length") return {"steps of an episode", 1};
  return {metric, 3};
}

std::string text_of(const MeanInterval& value, int digits) {
  std::string text = fmt::format("{:.{}f}", value.mean, digits);
  if (value.count > 1) text += fmt::format(" ± {:.{}f}", value.half_width, digits);
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02} min", whole / 60, whole % 60);
}

// "3:21 .. 9:32 min", over the runs of a group.
std::string durations(const std::vector<const Record*>& records) {
  std::vector<double> seconds;
  for (const Record* record : records) seconds.push_back(record->wall_time_s);
  const auto [low, high] = std::minmax_element(seconds.begin(), seconds.end());
  const std::string shortest = duration(*low), longest = duration(*high);
  return shortest == longest ? shortest : fmt::format("{} .. {}", shortest, longest);
}

// Text that Markdown shows unchanged.
std::string cell_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') {
      out += "\\|";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out;
}

std::string row_text(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += fmt::format(" {} |", cell_text(cell));
  return out + "\n";
}

std::string table_head(const std::vector<std::string>& titles) {
  std::string out = row_text(titles) + "|";
  for (size_t i = 0; i < titles.size(); ++i) out += " --- |";
  return out + "\n";
}

// The name of the run's folder: without the checkpoint that the record is named after.
std::string folder_of(const Record& record) {
  const auto checkpoint = record.options.find("evaluation.checkpoint");
  if (checkpoint == record.options.end()) return record.run;
  const std::string suffix = "-" + checkpoint->second;
  return record.run.ends_with(suffix) ? record.run.substr(0, record.run.size() - suffix.size())
                                      : record.run;
}

// A command without its differences between runs: "--seed 3" as "--seed S".
std::string general(const std::string& command, const std::string& run) {
  std::string out;
  std::stringstream words(command);
  std::string word, before;
  while (words >> word) {
    std::string shown = word;
    if (before == "--seed") shown = "S";
    if (before == "--run" || before == "--resume" || last_name(word) == run) shown = "RUN";
    if (word.starts_with("--seed=")) shown = "--seed=S";
    if (word.starts_with("--run=")) shown = "--run=RUN";
    out += (out.empty() ? "" : " ") + shown;
    before = word;
  }
  return out;
}

auto order_of(const Record& record) {
  return std::tie(record.env, record.agent, record.options, record.seed, record.run);
}

bool is_one_group(const Record& a, const Record& b) {
  return a.env == b.env && a.agent == b.agent && a.options == b.options;
}

// Adds the options that came to the program after a record was made: their defaults are what the
// older program did.
void add_later_options(std::vector<Record>& records) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::string>> defaults;
  for (Record& record : records) {
    const auto [found, is_new] = defaults.try_emplace({record.env, record.agent});
    if (is_new) found->second = default_options(record.env, record.agent);
    record.options.insert(found->second.begin(), found->second.end());
  }
}

}  // namespace

Study Study::read(const std::filesystem::path& folder) {
  Study study{.name = last_name(folder)};
  const std::filesystem::path file = folder / "study.json";
  if (!std::filesystem::exists(file)) return study;
  const std::string source = file.string();
  const Json saved = Json::parse(read_file(file, kMostReportBytes), source);
  REVERIE_CHECK(saved.object() != nullptr, "{}: expected an object", source);
  for (const auto& [key, value] : *saved.object()) {
    if (key == "metrics") {
      REVERIE_CHECK(value.list() != nullptr && !value.list()->empty(),
                    "{}: 'metrics' is {}, expected names of metrics", source, value.dump());
      study.metrics.clear();
      for (const Json& name : *value.list()) {
        REVERIE_CHECK(name.text() != nullptr, "{}: 'metrics' holds {}, expected names", source,
                      name.dump());
        REVERIE_CHECK(std::find(study.metrics.begin(), study.metrics.end(), *name.text()) ==
                          study.metrics.end(),
                      "{}: 'metrics' names '{}' twice", source, printable(*name.text()));
        study.metrics.push_back(*name.text());
      }
    } else if (key == "published") {
      REVERIE_CHECK(value.list() != nullptr, "{}: 'published' is {}, expected a list", source,
                    value.dump());
      for (const Json& entry : *value.list()) {
        const JsonReader read(entry, source + ": a published figure");
        study.published.push_back({read.text("env"), read.text("name"), read.text("metric"),
                                   read.number("value"), read.text("source")});
      }
    } else {
      fail_unknown_name("member", key, {"metrics", "published"}, source);
    }
  }
  return study;
}

StudyReport::StudyReport(Study study, std::vector<Record> records)
    : study_(std::move(study)), records_(std::move(records)) {
  REVERIE_CHECK(!records_.empty(), "study '{}': holds no record", study_.name);
  add_later_options(records_);
  std::sort(records_.begin(), records_.end(),
            [](const Record& a, const Record& b) { return order_of(a) < order_of(b); });
  for (size_t i = 1; i < records_.size(); ++i) {
    REVERIE_CHECK(
        !is_one_group(records_[i - 1], records_[i]) || records_[i - 1].seed != records_[i].seed,
        "study '{}': {} and {} are the same run with the same seed {}; one result must "
        "not count twice",
        study_.name, records_[i - 1].run, records_[i].run, records_[i].seed);
  }
  // Options that differ between records of one environment and agent distinguish the groups.
  std::set<std::string> differing;
  for (const Record& a : records_) {
    for (const Record& b : records_) {
      if (a.env != b.env || a.agent != b.agent) continue;
      for (const auto& [name, text] : a.options) {
        const auto other = b.options.find(name);
        if (other == b.options.end() || other->second != text) differing.insert(name);
      }
    }
  }
  option_names_.assign(differing.begin(), differing.end());
  check_metrics();
  add_groups();
  add_other_policies();
  add_published();
}

// A name that no record has would give an empty column.
void StudyReport::check_metrics() {
  std::set<std::string> known = {"return", "length", "success_rate", "normalized_score"};
  for (const Record& record : records_) {
    const Json* metrics = record.evaluation.find("metrics");
    if (metrics == nullptr || metrics->object() == nullptr) continue;
    for (const auto& [name, value] : *metrics->object()) known.insert(name);
  }
  for (const std::string& metric : study_.metrics) {
    if (!known.contains(metric)) {
      fail_unknown_name("metric", metric, {known.begin(), known.end()},
                        fmt::format("study '{}'", study_.name));
    }
  }
}

void StudyReport::add_groups() {
  for (const Record& record : records_) {
    if (rows_.empty() || !is_one_group(*rows_.back().records.front(), record)) {
      Row row{.env = record.env, .policy = record.agent};
      for (const std::string& name : option_names_) {
        const auto found = record.options.find(name);
        row.options.push_back(found == record.options.end() ? "" : found->second);
      }
      rows_.push_back(std::move(row));
    }
    rows_.back().records.push_back(&record);
  }
  for (Row& row : rows_) {
    for (const std::string& metric : study_.metrics) {
      std::vector<double> values;
      for (const Record* record : row.records) {
        if (const auto value = record->value(metric)) values.push_back(*value);
      }
      // A mean over some of the runs would look like one over all runs.
      const bool is_whole = values.size() == row.records.size();
      row.values.push_back(is_whole ? std::optional(mean_interval(values)) : std::nullopt);
      row.runs.push_back(std::move(values));
    }
  }
}

// The random policy and the simulator play the starts of each record: records with one environment
// and one way to evaluate share a row of theirs.
void StudyReport::add_other_policies() {
  const auto says_how = [](const std::string& option) {
    return option.starts_with("environment.") ||
           (option.starts_with("evaluation.") && option != "evaluation.checkpoint");
  };
  std::map<std::vector<std::string>, std::vector<const Record*>> settings;
  for (const Record& record : records_) {
    std::vector<std::string> key = {record.env};
    for (const std::string& name : option_names_) {
      const auto found = record.options.find(name);
      key.push_back(says_how(name) && found != record.options.end() ? found->second : "");
    }
    settings[key].push_back(&record);
  }
  for (const char* policy : {"random", "simulator"}) {
    for (const auto& [key, records] : settings) {
      Row row{.env = key[0], .policy = policy, .options = {key.begin() + 1, key.end()}};
      bool is_empty = true;
      for (const std::string& metric : study_.metrics) {
        std::vector<double> values;
        for (const Record* record : records) {
          if (const auto value = record->value(metric, policy)) values.push_back(*value);
        }
        is_empty = is_empty && values.empty();
        std::optional<MeanInterval> mean;
        // One policy, repeated: no interval over training seeds.
        if (!values.empty()) mean = MeanInterval{.count = 1, .mean = mean_interval(values).mean};
        row.values.push_back(mean);
        row.runs.emplace_back();
      }
      if (!is_empty) rows_.push_back(std::move(row));
    }
  }
}

void StudyReport::add_published() {
  for (const PublishedFigure& figure : study_.published) {
    const auto metric = std::find(study_.metrics.begin(), study_.metrics.end(), figure.metric);
    if (metric == study_.metrics.end()) {
      fail_unknown_name("metric of a published figure", figure.metric, study_.metrics,
                        fmt::format("study '{}'", study_.name));
    }
    std::vector<std::string> envs;
    for (const Record& record : records_) envs.push_back(record.env);
    if (std::find(envs.begin(), envs.end(), figure.env) == envs.end()) {
      fail_unknown_name("environment of a published figure", figure.env, envs,
                        fmt::format("study '{}'", study_.name));
    }
    Row row{.env = figure.env, .policy = figure.name, .source = figure.source};
    row.options.resize(option_names_.size());
    row.values.resize(study_.metrics.size());
    row.runs.resize(study_.metrics.size());
    row.values[static_cast<size_t>(metric - study_.metrics.begin())] =
        MeanInterval{.count = 1, .mean = figure.value};
    rows_.push_back(std::move(row));
  }
}

std::string StudyReport::markdown() const {
  std::vector<std::string> titles = {"environment", "policy"};
  for (const std::string& name : option_names_) {
    titles.push_back("`" + name.substr(name.find('.') + 1) + "`");
  }
  titles.emplace_back("seeds");
  for (const std::string& metric : study_.metrics) titles.push_back(style_of(metric).title);
  titles.emplace_back("training");
  std::string out = table_head(titles);
  for (const Row& row : rows_) {
    std::vector<std::string> cells = {row.env, row.policy};
    if (!row.source.empty()) cells[1] += fmt::format(" ({})", row.source);
    cells.insert(cells.end(), row.options.begin(), row.options.end());
    cells.push_back(row.records.empty() ? "" : std::to_string(row.records.size()));
    for (size_t i = 0; i < study_.metrics.size(); ++i) {
      const int digits = style_of(study_.metrics[i]).digits;
      cells.push_back(row.values[i] ? text_of(*row.values[i], digits) : "");
      if (!row.values[i] && !row.runs[i].empty()) {
        cells.back() = fmt::format("of {} runs only", row.runs[i].size());
      }
    }
    cells.push_back(row.records.empty() ? "" : durations(row.records));
    out += row_text(cells);
  }
  out += "\nMean and 95 % interval over training seeds (Student's t). Each run:\n\n";

  titles = {"run", "seed"};
  for (const std::string& metric : study_.metrics) titles.push_back(style_of(metric).title);
  // Wall time says little of a run beside others.
  const bool has_processor_time = std::ranges::any_of(
      records_, [](const Record& record) { return record.processor_time_s.has_value(); });
  titles.emplace_back("training");
  if (has_processor_time) titles.emplace_back("processor time");
  titles.insert(titles.end(), {"machine", "commit"});
  out += table_head(titles);
  std::set<std::string> commands;
  for (const Record& record : records_) {
    std::vector<std::string> cells = {record.run, std::to_string(record.seed)};
    for (const std::string& metric : study_.metrics) {
      const auto value = record.value(metric);
      cells.push_back(value ? fmt::format("{:.{}f}", *value, style_of(metric).digits) : "");
    }
    cells.push_back(duration(record.wall_time_s));
    if (has_processor_time) {
      cells.push_back(record.processor_time_s ? duration(*record.processor_time_s) : "");
    }
    std::vector<std::string> machines, commits;
    for (const Launch& launch : record.training) {
      commands.insert(general(launch.command, folder_of(record)));
      const std::string machine =
          fmt::format("{}, {} cores", launch.machine.processor, launch.machine.cores);
      if (machines.empty() || machines.back() != machine) machines.push_back(machine);
      const std::string commit = launch.commit.substr(0, 7);
      if (commits.empty() || commits.back() != commit) commits.push_back(commit);
    }
    commands.insert(general(record.evaluation_launch.command, folder_of(record)));
    cells.push_back(fmt::format("{}", fmt::join(machines, "; ")));
    cells.push_back(fmt::format("{}", fmt::join(commits, ", ")));
    out += row_text(cells);
  }
  out += "\n";
  for (const std::string& command : commands) out += "    " + command + "\n";
  return out;
}

Json StudyReport::json() const {
  Json::List rows;
  for (const Row& row : rows_) {
    Json::Object options, values;
    for (size_t i = 0; i < option_names_.size(); ++i) {
      options.emplace_back(option_names_[i], row.options[i]);
    }
    for (size_t i = 0; i < study_.metrics.size(); ++i) {
      const auto& value = row.values[i];
      if (!value) continue;
      values.emplace_back(
          study_.metrics[i],
          Json::Object{{"mean", value->mean},
                       {"ci95", value->count > 1 ? Json(Json::List{value->mean - value->half_width,
                                                                   value->mean + value->half_width})
                                                 : Json()},
                       {"runs", row.runs[i]}});
    }
    Json::List runs;
    for (const Record* record : row.records) runs.emplace_back(record->run);
    rows.push_back(Json::Object{{"env", row.env},
                                {"policy", row.policy},
                                {"options", options},
                                {"runs", runs},
                                {"metrics", values},
                                {"source", row.source.empty() ? Json() : Json(row.source)}});
  }
  return Json::Object{{"study", study_.name}, {"rows", rows}};
}

std::vector<Chart> StudyReport::charts() const {
  std::vector<Chart> charts;
  for (size_t i = 0; i < study_.metrics.size(); ++i) {
    Chart chart(style_of(study_.metrics[i]).title, "group");
    double x = 0.0;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    bool is_empty = true;
    for (const Row& row : rows_) {
      if (!row.values[i]) continue;
      const MeanInterval& value = *row.values[i];
      std::string name = fmt::format("{} {}", row.env, row.policy);
      for (size_t k = 0; k < option_names_.size(); ++k) {
        if (!row.options[k].empty()) name += " " + row.options[k];
      }
      x += 1.0;
      std::vector<Point> points;
      for (const double run : row.runs[i]) points.push_back({x, run});
      if (points.empty()) points.push_back({x, value.mean});
      const double half = value.count > 1 ? value.half_width : 0.0;
      low = std::min(low, value.mean - half);
      high = std::max(high, value.mean + half);
      for (const Point& point : points) {
        low = std::min(low, point.y);
        high = std::max(high, point.y);
      }
      chart.add_points(name, points);
      if (value.count > 1) {
        chart.add_line("", {{x - 0.2, value.mean}, {x + 0.2, value.mean}},
                       {{value.mean - value.half_width, value.mean + value.half_width},
                        {value.mean - value.half_width, value.mean + value.half_width}});
      }
      is_empty = false;
    }
    if (is_empty) continue;
    chart.set_x_range(0.0, x + 1.0);
    // The legend has a line for each group and stands above the groups, not on them.
    const double legend = std::min(0.7, kLegendLine * x);
    const double span = std::max(high - low, 1e-9 * std::max(std::abs(high), 1.0));
    chart.set_y_range(low - 0.05 * span, low + 1.05 * span / (1.0 - legend));
    charts.push_back(std::move(chart));
  }
  return charts;
}

std::string with_report(const std::string& page, const std::string& name, const std::string& text,
                        const std::string& source) {
  const std::string begin = fmt::format("<!-- report {} -->", name);
  const std::string end = fmt::format("<!-- end of report {} -->", name);
  const size_t from = page.find(begin), to = page.find(end);
  REVERIE_CHECK(from != std::string::npos && to != std::string::npos && from < to &&
                    page.find(begin, from + 1) == std::string::npos &&
                    page.find(end, to + 1) == std::string::npos,
                "{}: expected the lines '{}' and '{}' once, in this order", source, begin, end);
  return page.substr(0, from + begin.size()) + "\n\n" + text + "\n" + page.substr(to);
}

}  // namespace reverie
