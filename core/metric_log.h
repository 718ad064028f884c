#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/spec.h"

namespace reverie {

// The scalars of one run, for people and for TensorBoard:
//
//   metrics.csv             step,wall_time_s,<metric>,...   one row a write(), one column a metric;
//                           empty where a row lacks the metric. wall_time_s is the time spent in
//                           the run so far [s], resumed parts included
//   events.out.tfevents.*   one file for each start of the run; values are float32 there
//
// The system has every row when write() returns, so rows survive the death of the process.
class MetricLog {
 public:
  // Starts a log in an existing folder. With resume_step it continues the existing log: rows of
  // later steps are dropped from the CSV, and TensorBoard is told to forget them.
  //
  // Throws Error(kInput) when there is a metrics.csv and no resume_step, or when it cannot be read
  // as one (the line is named; damage after the last row to keep is dropped, not reported), and
  // Error(kRun) when the folder cannot be written.
  explicit MetricLog(const std::filesystem::path& dir,
                     std::optional<int64_t> resume_step = std::nullopt);

  // Adds one row; does nothing when `metrics` is empty. Steps never decrease. A new name rewrites
  // the CSV with one more column, so names should be few and appear early.
  //
  // Throws Error(kInput) for a negative or decreasing step and for a name that is empty, repeated,
  // "step", "wall_time_s" or not printable ASCII; Error(kRun) when the disk is full.
  void write(int64_t step, const Metrics& metrics);

  // Makes everything written so far survive a power cut. Call it before publishing a checkpoint: a
  // resume from it needs these rows.
  void sync();

 private:
  void load(int64_t resume_step);
  void add_columns(const std::vector<std::string>& names);
  double wall_time() const;

  std::filesystem::path csv_path_;
  std::vector<std::string> columns_;  // without step and wall_time_s
  int64_t last_step_ = 0;
  double start_time_ = 0.0;  // [s] steady clock at which wall_time_s was 0
  std::optional<AppendFile> csv_;
  std::optional<AppendFile> events_;
};

}  // namespace reverie
