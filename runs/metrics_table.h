#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace reverie {

// The metrics.csv of a run, as MetricLog writes it.
class MetricsTable {
 public:
  // Throws Error(kInput) that names the file, and the line of a cell that is not a number; and as
  // RunDirectory::open() does.
  static MetricsTable read(const std::filesystem::path& run);

  size_t rows() const { return rows_.size(); }

  // Whether there is a column of that name with at least one value.
  bool has(const std::string& name) const;

  // One column, NaN in rows without it. Throws Error(kInput) that names the nearest for an unknown
  // name.
  std::vector<double> column(const std::string& name) const;

  // The value in the last row. There must be one.
  double last(const std::string& name) const { return column(name).back(); }

 private:
  std::filesystem::path file_;
  std::vector<std::string> names_;
  std::vector<std::vector<double>> rows_;  // each as long as names_
};

}  // namespace reverie
