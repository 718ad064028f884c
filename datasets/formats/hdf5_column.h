#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/spec.h"
#include "datasets/hdf5.h"

namespace reverie {

// The common part of layouts that keep all episodes in one HDF5 file, one after the other.

constexpr int64_t kMaxDatasetSteps = int64_t{1} << 31;  // rewards and flags are read whole

// A dataset whose rows are read from front to back. It is unpacked in blocks of some megabytes.
class Hdf5Column {
 public:
  // `field` is the column's name here. The file must outlive the column. Throws Error(kInput) when
  // the rows are not numeric, or are pictures packed as JPEG or PNG.
  Hdf5Column(const Hdf5File& file, std::string name, std::string field);

  const Field& field() const { return field_; }
  const std::string& name() const { return name_; }
  int64_t rows() const { return rows_; }

  // Throws Error(kInput) unless the rows of the two have the same shape and dtype.
  void check_same_rows(const Hdf5Column& expected) const;

  // Appends rows [first, first + count) to `out`. Throws Error(kInput) when they do not exist.
  void read(int64_t first, int64_t count, std::vector<std::byte>& out);

 private:
  void load(int64_t first);

  const Hdf5File* file_;
  std::string name_;
  Field field_;
  int64_t rows_ = 0;
  std::vector<std::byte> block_;
  int64_t block_first_ = 0;
};

// Why an object of the file is not a numeric column; "" if it is one.
std::string why_no_column(const Hdf5File& file, const std::string& name);

// Rows [0, steps) of a column with one number per row, 0 or 1. Throws Error(kInput) for other
// numbers.
std::vector<uint8_t> read_flags(const Hdf5File& file, const std::string& name, int64_t steps);

// The attributes of the root that a dataset passes on ("env", "policy", ...). A missing one is left
// out. One that cannot be read safely is left out too, with a message in `left_out`.
std::map<std::string, std::string> read_dataset_attributes(const Hdf5File& file,
                                                           std::vector<std::string>& left_out);

// A text attribute of the root; "" if there is none that can be read safely.
std::string root_attribute(const Hdf5File& file, const char* key);

// The root's attribute `status`, which tells whether the writer of a Reverie file finished.
constexpr const char* kStatusKey = "status";
constexpr const char* kStatusComplete = "complete";
constexpr const char* kStatusUnfinished = "unfinished";

}  // namespace reverie
