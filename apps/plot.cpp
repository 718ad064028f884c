#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>
#include <sstream>

#include "apps/command.h"
#include "core/file.h"
#include "core/run_directory.h"
#include "core/text.h"
#include "drawing/chart.h"

namespace reverie {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

// Empty cells are NaN, which a row without that metric has.
double number(const std::string& cell, const std::filesystem::path& file) {
  if (cell.empty()) return std::nan("");
  double value = 0.0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  REVERIE_CHECK(error == std::errc() && end == cell.data() + cell.size(), "{}: '{}' is no number",
                file.string(), printable(cell));
  return value;
}

// One metric of a run over its steps.
std::vector<Point> read_metric(const std::string& run, const std::string& metric) {
  const std::filesystem::path file =
      RunDirectory::open(run, RunDirectory::Access::kRead).path() / "metrics.csv";
  std::stringstream text(read_file(file, kMostBytes));
  std::string line;
  std::getline(text, line);
  const std::vector<std::string> head = cells_of(line);
  const auto found = std::find(head.begin(), head.end(), metric);
  if (found == head.end()) fail_unknown_name(file.string() + ": metric", metric, head);
  const auto column = static_cast<size_t>(found - head.begin());
  std::vector<Point> points;
  while (std::getline(text, line)) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() <= column) continue;  // nothing in the last columns of this row
    const double value = number(cells[column], file);
    if (!std::isnan(value)) points.push_back({number(cells[0], file), value});
  }
  return points;
}

}  // namespace

int plot_command(const Arguments& arguments) {
  std::vector<std::string> runs, metrics;
  std::string out;
  ImageSize size = {640, 400};
  CommandLine line("plot", "Draws metrics of one or more runs over their steps, a chart for each.");
  line.add("RUN", runs, {.help = "run folders", .required = true});
  line.add("--metric", metrics,
           {.help = "a column of metrics.csv; repeat it, or name,name",
            .required = true,
            .commas = true});
  line.add("--out", out, {.help = "picture to write, .png", .required = true});
  line.add("--size", size, {.help = "of each chart [px]"});
  if (!line.parse(arguments)) return 0;

  std::vector<Chart> charts;
  for (const std::string& metric : metrics) {
    Chart chart(metric, "step");
    for (const std::string& run : runs) {
      std::filesystem::path folder(run);
      if (folder.filename().empty()) folder = folder.parent_path();
      chart.add_line(runs.size() > 1 ? folder.filename().string() : "", read_metric(run, metric));
    }
    charts.push_back(std::move(chart));
  }
  const int columns = std::min<int>(static_cast<int>(charts.size()), 2);
  write_charts(out, charts, columns, size.width, size.height);
  std::cerr << fmt::format("wrote {}\n", out);
  return 0;
}

}  // namespace reverie
