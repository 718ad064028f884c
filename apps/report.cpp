#include <iostream>

#include "apps/command.h"
#include "apps/list_envs.h"
#include "core/file.h"
#include "runs/learning_curve.h"
#include "runs/metrics_table.h"
#include "runs/run_group.h"
#include "runs/study_report.h"

namespace reverie {
namespace {

constexpr size_t kMostBytes = 1 << 24;

// The first line in which two pages differ, for a message.
std::string first_difference(const std::string& found, const std::string& expected) {
  std::stringstream a(found), b(expected);
  std::string one, other;
  for (int64_t line = 1;; ++line) {
    const bool more = static_cast<bool>(std::getline(a, one));
    const bool more_expected = static_cast<bool>(std::getline(b, other));
    if (!more && !more_expected) return "";
    if (!more || !more_expected || one != other) {
      return fmt::format("line {}:\n  found    {}\n  expected {}", line, more ? one : "(the end)",
                         more_expected ? other : "(the end)");
    }
  }
}

// The table of runs: the last values that their metrics.csv holds, means over the seeds of a group.
int report_runs(const std::vector<std::string>& folders, std::vector<std::string> metrics,
                bool as_json) {
  const std::vector<std::string> runs = with_groups_expanded(folders);
  std::vector<MetricsTable> tables;
  for (const std::string& run : runs) tables.push_back(MetricsTable::read(run));
  if (metrics.empty()) metrics = usual_metrics(tables);
  std::vector<std::vector<std::string>> rows = {
      {"runs", "metric", "step", "mean", "95 % interval"}};
  Json::List list;
  for (const std::vector<size_t>& group : group_by_options(runs)) {
    const std::string name = group_name(runs, group);
    for (const std::string& metric : metrics) {
      std::vector<std::vector<Point>> curves;
      for (const size_t i : group) curves.push_back(learning_curve(tables[i], metric, 1));
      const LearningCurve curve = mean_curve(name, curves);
      REVERIE_CHECK(!curve.points.empty(), "{}: {} has no value at a step that all runs reach",
                    name, metric);
      const Point& last = curve.points.back();
      Json interval;
      std::string text = "-";
      if (!curve.band.empty()) {
        const auto [low, high] = curve.band.back();
        interval = Json::List{low, high};
        text = fmt::format("{:.2f} .. {:.2f}", low, high);
      }
      rows.push_back(
          {name, metric, fmt::format("{:.0f}", last.x), fmt::format("{:.2f}", last.y), text});
      list.push_back(Json::Object{{"runs", name},
                                  {"metric", metric},
                                  {"step", last.x},
                                  {"seeds", static_cast<int64_t>(group.size())},
                                  {"mean", last.y},
                                  {"ci95", interval}});
    }
  }
  if (as_json) {
    std::cout << Json(Json::Object{{"results", list}}).dump(2) << "\n";
  } else {
    reverie::print_table(rows);
  }
  return 0;
}

}  // namespace

int report_command(const Arguments& arguments) {
  std::vector<std::string> runs, metrics;
  std::string records, page, plot;
  bool check = false, json = false;
  CommandLine line(
      "report",
      "Makes a study's table from the records of its runs (evaluate --record): mean and\n95 % "
      "interval over seeds, beside the random policy and published figures. Or, of run\nfolders, "
      "the table of their last logged values.");
  line.add("RUN", runs, {.help = "run folders, and groups of them, instead of --records"});
  line.add("--metric", metrics,
           {.help = "with RUN: columns of metrics.csv, NAME,NAME",
            .commas = true,
            .fallback = "returns and success rates, otherwise losses"});
  line.add("--records", records, {.help = "folder of the study's records"});
  line.add("--page", page,
           {.help = "Markdown page to write the table into, between the lines <!-- report STUDY "
                    "--> and <!-- end of report STUDY -->"});
  line.add("--check", check, {.help = "with --page: change nothing, and fail if the page differs"});
  line.add("--plot", plot, {.help = "picture to write, .png"});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  if (!line.parse(arguments)) return 0;
  REVERIE_CHECK(runs.empty() != records.empty(),
                "report: expected either run folders or --records, found {}",
                runs.empty() ? "neither" : "both");
  REVERIE_CHECK(records.empty() || metrics.empty(),
                "--metric: is for run folders; a study's metrics stand in its study.json");
  if (!runs.empty()) {
    REVERIE_CHECK(page.empty() && plot.empty() && !check,
                  "--page, --plot and --check: need --records; `reverie plot` draws runs");
    return report_runs(runs, metrics, json);
  }
  REVERIE_CHECK(!check || !page.empty(), "--check: needs --page, the page to check");
  if (!plot.empty()) check_png_path(plot);

  const StudyReport report(Study::read(records), read_records(records));
  if (!plot.empty()) {
    const std::vector<Chart> charts = report.charts();
    REVERIE_CHECK(!charts.empty(), "{}: its records hold none of the study's metrics", records);
    write_charts(plot, charts, std::min<int>(static_cast<int>(charts.size()), 2), 640, 400);
    std::cerr << fmt::format("wrote {}\n", plot);
  }
  if (!page.empty()) {
    const std::string before = read_file(page, kMostBytes);
    const std::string after = with_report(before, report.study().name, report.markdown(), page);
    if (check) {
      REVERIE_CHECK_RUN(
          before == after,
          "{}: does not agree with {}, {}\n`reverie report --records {} --page {}` updates it",
          page, records, first_difference(before, after), records, page);
    } else if (before != after) {
      write_file_atomically(page, after);
      std::cerr << fmt::format("wrote {}\n", page);
    }
  }
  if (json) {
    std::cout << report.json().dump(2) << "\n";
  } else if (page.empty() && plot.empty()) {
    std::cout << report.markdown();
  }
  return 0;
}

}  // namespace reverie
