#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "drawing/chart.h"
#include "runs/metrics_table.h"

namespace reverie {

// A metric over the steps of a run, or its mean over runs of several seeds.
struct LearningCurve {
  std::string name;  // for a legend
  std::vector<Point> points;
  std::vector<Chart::Interval> band = {};  // 95 % of the mean, by Student's t; empty for one run
};

// Folders of runs, those with the same options together: they differ in their seed, and in what
// changes no result, such as how often is logged. In the order of the first of each. Throws
// Error(kInput) for a run whose config.toml cannot be read.
std::vector<std::vector<size_t>> group_by_options(const std::vector<std::string>& runs);

// What a group of these runs is called: what the names of its folders begin with, and how many
// there are.
std::string group_name(const std::vector<std::string>& runs, const std::vector<size_t>& group);

// The metric of a run, NaN left out. smooth: each value becomes the mean of so many around it,
// fewer at the ends; 1 = as logged. Throws Error(kInput) for an unknown metric.
std::vector<Point> learning_curve(const MetricsTable& run, const std::string& metric,
                                  int64_t smooth);

// The mean of curves and its interval at the steps of the first one that all of them reach,
// straight lines between their points. One curve is returned as it is.
LearningCurve mean_curve(std::string name, const std::vector<std::vector<Point>>& curves);

// What `reverie plot` draws when nothing is asked for: the returns and successes that all of the
// runs have, or else their losses. At most four.
std::vector<std::string> usual_metrics(const std::vector<MetricsTable>& runs);

}  // namespace reverie
