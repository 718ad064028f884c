#include "runs/learning_curve.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "agents/run_config.h"
#include "core/statistics.h"
#include "runs/record.h"
#include "runs/run_group.h"

namespace reverie {
namespace {

constexpr size_t kMostMetrics = 4;

// Everything that decides what a run learns, except its seed.
using Setting = std::pair<std::pair<std::string, std::string>, std::map<std::string, std::string>>;

Setting setting_of(const std::filesystem::path& run) {
  return {peek_run_config(run / "config.toml"), training_options(run)};
}

// Between the two points around `x`; the curve reaches it.
double value_at(const std::vector<Point>& curve, double x) {
  const auto right = std::lower_bound(curve.begin(), curve.end(), x,
                                      [](const Point& point, double at) { return point.x < at; });
  if (right->x == x || right == curve.begin()) return right->y;
  const Point& left = *(right - 1);
  return left.y + (right->y - left.y) * (x - left.x) / (right->x - left.x);
}

}  // namespace

std::vector<std::vector<size_t>> group_by_options(const std::vector<std::string>& runs) {
  std::vector<Setting> known;
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < runs.size(); ++i) {
    Setting setting = setting_of(runs[i]);
    const auto found = std::find(known.begin(), known.end(), setting);
    if (found == known.end()) {
      known.push_back(std::move(setting));
      groups.push_back({i});
    } else {
      groups[static_cast<size_t>(found - known.begin())].push_back(i);
    }
  }
  return groups;
}

std::string group_name(const std::vector<std::string>& runs, const std::vector<size_t>& group) {
  std::string name = record_name(runs[group.front()]);
  if (group.size() == 1) return name;
  for (const size_t i : group) {
    const std::string other = record_name(runs[i]);
    const auto parts = std::mismatch(name.begin(), name.end(), other.begin(), other.end());
    name.erase(parts.first, name.end());
  }
  // "ddpg-s1" and "ddpg-s12" are seeds of "ddpg".
  constexpr std::string_view kSeparators = "-_.";
  const size_t last = name.find_last_not_of("0123456789");
  if (last != std::string::npos && last > 0 && name[last] == 's' &&
      kSeparators.find(name[last - 1]) != std::string_view::npos) {
    name.erase(last);
  }
  name.erase(name.find_last_not_of(kSeparators) + 1);
  return fmt::format("{}{}{} seeds", name, name.empty() ? "" : ", ", group.size());
}

std::vector<Point> learning_curve(const MetricsTable& run, const std::string& metric,
                                  int64_t smooth) {
  const std::vector<double> steps = run.column("step"), values = run.column(metric);
  std::vector<Point> logged;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) logged.push_back({steps[i], values[i]});
  }
  std::vector<Point> out = logged;
  const auto count = static_cast<int64_t>(logged.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = std::max<int64_t>(0, i - (smooth - 1) / 2);
    const int64_t to = std::min(count, i + smooth / 2 + 1);
    double sum = 0.0;
    for (int64_t k = from; k < to; ++k) sum += logged[static_cast<size_t>(k)].y;
    out[static_cast<size_t>(i)].y = sum / static_cast<double>(to - from);
  }
  return out;
}

LearningCurve mean_curve(std::string name, const std::vector<std::vector<Point>>& curves) {
  LearningCurve out{.name = std::move(name), .points = {}};
  if (curves.size() == 1) {
    out.points = curves.front();
    return out;
  }
  for (const Point& point : curves.front()) {
    std::vector<double> values;
    for (const std::vector<Point>& curve : curves) {
      if (curve.empty() || point.x < curve.front().x || point.x > curve.back().x) break;
      values.push_back(value_at(curve, point.x));
    }
    const bool is_finite = std::all_of(values.begin(), values.end(),
                                       [](double value) { return std::isfinite(value); });
    if (values.size() < curves.size() || !is_finite) continue;
    const MeanInterval interval = mean_interval(values);
    out.points.push_back({point.x, interval.mean});
    out.band.push_back({interval.mean - interval.half_width, interval.mean + interval.half_width});
  }
  return out;
}

std::vector<std::string> usual_metrics(const std::vector<MetricsTable>& runs) {
  const auto all_have = [&](const std::string& name) {
    return std::all_of(runs.begin(), runs.end(),
                       [&](const MetricsTable& run) { return run.has(name); });
  };
  std::vector<std::string> chosen;
  for (const char* name : {"evaluation/return", "evaluation/success", "env/return", "env/success",
                           "held_out/prediction", "loss/total", "loss/critic", "loss/actor"}) {
    if (all_have(name) && chosen.size() < kMostMetrics) chosen.emplace_back(name);
  }
  REVERIE_CHECK(!chosen.empty(),
                "the runs have none of the usual metrics in common; give --metric NAME");
  return chosen;
}

}  // namespace reverie
