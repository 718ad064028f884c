#include "runs/metrics_table.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "core/file.h"
#include "core/run_directory.h"
#include "core/text.h"

namespace reverie {
namespace {

constexpr size_t kMostTableBytes = size_t{1} << 30;

std::vector<std::string> cells_of(std::string line) {
  if (line.ends_with('\r')) line.pop_back();  // a spreadsheet has saved it
  std::vector<std::string> cells;
  std::stringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

}  // namespace

MetricsTable MetricsTable::read(const std::filesystem::path& run) {
  MetricsTable table;
  table.file_ = RunDirectory::open(run, RunDirectory::Access::kRead).path() / "metrics.csv";
  std::stringstream text(read_file(table.file_, kMostTableBytes));
  std::string line;
  std::getline(text, line);
  table.names_ = cells_of(line);
  for (size_t number = 2; std::getline(text, line); ++number) {
    const std::vector<std::string> cells = cells_of(line);
    // Empty cells, and missing cells of a short row, are metrics that the row lacks.
    std::vector<double> row(table.names_.size(), std::numeric_limits<double>::quiet_NaN());
    for (size_t i = 0; i < std::min(cells.size(), row.size()); ++i) {
      const std::string& cell = cells[i];
      if (cell.empty()) continue;
      const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), row[i]);
      REVERIE_CHECK(error == std::errc() && end == cell.data() + cell.size(),
                    "{}: line {}: '{}' is not a number", table.file_.string(), number,
                    printable(cell));
    }
    table.rows_.push_back(std::move(row));
  }
  return table;
}

bool MetricsTable::has(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return false;
  const auto index = static_cast<size_t>(found - names_.begin());
  return std::any_of(rows_.begin(), rows_.end(),
                     [&](const std::vector<double>& row) { return !std::isnan(row[index]); });
}

std::vector<double> MetricsTable::column(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) fail_unknown_name("metric", name, names_, file_.string());
  const auto index = static_cast<size_t>(found - names_.begin());
  std::vector<double> values;
  values.reserve(rows_.size());
  for (const std::vector<double>& row : rows_) values.push_back(row[index]);
  return values;
}

}  // namespace reverie
