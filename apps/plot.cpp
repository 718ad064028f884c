#include <algorithm>
#include <iostream>

#include "apps/command.h"
#include "apps/run_flags.h"
#include "drawing/chart.h"
#include "drawing/video.h"
#include "runs/learning_curve.h"
#include "runs/metrics_table.h"
#include "runs/run_group.h"
#include "runs/value_map.h"

namespace reverie {
namespace {

// The pictures of runs whose agent keeps a table; plots of metrics have other flags.
void plot_values(const std::vector<std::string>& runs, const std::string& checkpoint,
                 const std::string& out, ImageSize size) {
  REVERIE_CHECK(runs.size() == 1, "plot --values: found {} runs, expected one", runs.size());
  check_png_path(out);
  Canvas canvas(size.width, size.height);
  draw_value_map(canvas, runs.front(), checkpoint);
  write_png(out, canvas.image());
}

}  // namespace

int plot_command(const Arguments& arguments) {
  std::vector<std::string> runs, metrics;
  std::string out;
  ImageSize size = {640, 400};
  int64_t smooth = 1;
  bool each = false;
  bool values = false;
  std::string checkpoint = "latest";
  CommandLine line("plot",
                   "Plots metrics over steps, one chart for each metric. Runs that differ only in "
                   "their\nseed become one line, their mean with its 95 % interval.");
  line.add("RUN", runs,
           {.help = "run folders, and groups of them (train --seeds)", .required = true});
  line.add("--metric", metrics,
           {.help = "columns of metrics.csv, NAME,NAME",
            .commas = true,
            .fallback = "returns and success rates, otherwise losses"});
  line.add("--out", out, {.help = "picture to write, .png", .required = true});
  line.add("--smooth", smooth,
           {.help = "average each point over this many values of a run", .range = between(1, 1e6)});
  line.add("--each", each, {.help = "draw one line for each run, without averaging over seeds"});
  line.add("--size", size, {.help = "size of each chart [px]"});
  line.add("--values", values,
           {.help = "draw the values and best actions of a tabular agent's run instead"});
  line.add("--checkpoint", checkpoint, {.help = kCheckpointHelp});
  if (!line.parse(arguments)) return 0;

  for (const char* flag : {"--metric", "--smooth", "--each"}) {
    REVERIE_CHECK(!values || !line.is_given(flag), "plot --values: {} is for metrics; leave it out",
                  flag);
  }
  REVERIE_CHECK(values || !line.is_given("--checkpoint"),
                "plot: --checkpoint is for --values; leave it out");
  if (values) {
    plot_values(runs, checkpoint, out, size);
    std::cerr << fmt::format("wrote {}\n", out);
    return 0;
  }
  runs = with_groups_expanded(runs);
  std::vector<MetricsTable> tables;
  for (const std::string& run : runs) tables.push_back(MetricsTable::read(run));
  if (metrics.empty()) metrics = usual_metrics(tables);
  std::vector<std::vector<size_t>> groups;
  if (each) {
    for (size_t i = 0; i < runs.size(); ++i) groups.push_back({i});
  } else {
    groups = group_by_options(runs);
  }
  std::vector<Chart> charts;
  for (const std::string& metric : metrics) {
    // What is drawn alone needs no legend, but a number of seeds.
    const bool is_alone = groups.size() == 1;
    const size_t seeds = groups.front().size();
    Chart chart(is_alone && seeds > 1 ? fmt::format("{}, mean of {} seeds", metric, seeds) : metric,
                "step");
    for (const std::vector<size_t>& group : groups) {
      std::vector<std::vector<Point>> curves;
      for (const size_t i : group) curves.push_back(learning_curve(tables[i], metric, smooth));
      LearningCurve curve = mean_curve(group_name(runs, group), curves);
      chart.add_line(is_alone ? "" : curve.name, curve.points, curve.band);
    }
    charts.push_back(std::move(chart));
  }
  const int columns = std::min<int>(static_cast<int>(charts.size()), 2);
  write_charts(out, charts, columns, size.width, size.height);
  std::cerr << fmt::format("wrote {}\n", out);
  return 0;
}

}  // namespace reverie
