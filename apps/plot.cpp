#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/command.h"
#include "drawing/chart.h"
#include "runs/history.h"
#include "runs/metrics_table.h"

namespace reverie {
namespace {

// One metric of a run over its steps.
std::vector<Point> points_of(const MetricsTable& table, const std::string& metric) {
  const std::vector<double> steps = table.column("step"), values = table.column(metric);
  std::vector<Point> points;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) points.push_back({steps[i], values[i]});
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

  std::vector<MetricsTable> tables;
  for (const std::string& run : runs) tables.push_back(MetricsTable::read(run));
  std::vector<Chart> charts;
  for (const std::string& metric : metrics) {
    Chart chart(metric, "step");
    for (size_t i = 0; i < runs.size(); ++i) {
      chart.add_line(runs.size() > 1 ? last_name(runs[i]) : "", points_of(tables[i], metric));
    }
    charts.push_back(std::move(chart));
  }
  const int columns = std::min<int>(static_cast<int>(charts.size()), 2);
  write_charts(out, charts, columns, size.width, size.height);
  std::cerr << fmt::format("wrote {}\n", out);
  return 0;
}

}  // namespace reverie
