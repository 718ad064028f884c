#include "datasets/formats/hdf5_column.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "datasets/formats/picture_bytes.h"

namespace reverie {
namespace {

constexpr int64_t kBlockBytes = int64_t{4} << 20;    // unpacked at a time, per column
constexpr int64_t kMaxRowBytes = int64_t{64} << 20;  // no environment has larger steps

// Attributes that are copied from one file to the next.
constexpr const char* kAttributes[] = {"env",     "env_source", "policy",
                                       "seed",    "config",     "agent_config",
                                       "collect", "relabelled", "env_spec"};

}  // namespace

Hdf5Column::Hdf5Column(const Hdf5File& file, std::string name, std::string field)
    : file_(&file), name_(std::move(name)) {
  field_.name = std::move(field);
  const std::vector<int64_t> shape = file.shape(name_);
  REVERIE_CHECK(!shape.empty(), "{}:{}: is a scalar, expected an array of rows", file.path(),
                printable(name_));
  file.check_stored(name_);
  rows_ = shape[0];
  field_.shape.assign(shape.begin() + 1, shape.end());
  field_.dtype = file.dtype(name_);
  double bytes = static_cast<double>(item_size(field_.dtype));
  for (const int64_t length : field_.shape) bytes *= static_cast<double>(length);
  REVERIE_CHECK(bytes > 0 && bytes <= static_cast<double>(kMaxRowBytes),
                "{}:{}: has rows of {:.0f} bytes, expected 1 to {}", file.path(), printable(name_),
                bytes, kMaxRowBytes);
  if (rows_ == 0 || field_.dtype != DType::kUInt8 || field_.shape.size() != 1) return;
  std::vector<std::byte> row(field_.bytes());
  file.read_rows(name_, 0, field_.dtype, row);
  refuse_picture_file(fmt::format("{}:{}", file.path(), printable(name_)), field_, row);
}

std::string why_no_column(const Hdf5File& file, const std::string& name) {
  try {
    if (file.is_group(name)) return "it is a group";
    if (file.shape(name).empty()) return "it is a single value";
    file.dtype(name);
    return "";
  } catch (const Error&) {
    return "it is not an array of numbers";
  }
}

void Hdf5Column::check_same_rows(const Hdf5Column& expected) const {
  REVERIE_CHECK(field_.shape == expected.field_.shape && field_.dtype == expected.field_.dtype,
                "{}:{}: its rows differ in shape or dtype from those of {}", file_->path(),
                printable(name_), printable(expected.name_));
}

void Hdf5Column::read(int64_t first, int64_t count, std::vector<std::byte>& out) {
  const size_t row_bytes = field_.bytes();
  while (count > 0) {
    const auto held = static_cast<int64_t>(block_.size() / row_bytes);
    if (first < block_first_ || first >= block_first_ + held) load(first);
    const int64_t offset = first - block_first_;
    const int64_t take = std::min(count, static_cast<int64_t>(block_.size() / row_bytes) - offset);
    const auto begin = block_.begin() + offset * static_cast<int64_t>(row_bytes);
    out.insert(out.end(), begin, begin + take * static_cast<int64_t>(row_bytes));
    first += take;
    count -= take;
  }
}

void Hdf5Column::load(int64_t first) {
  REVERIE_CHECK(first >= 0 && first < rows_, "{}:{}: no row {}, it has {}", file_->path(),
                printable(name_), first, rows_);
  const auto row_bytes = static_cast<int64_t>(field_.bytes());
  const int64_t rows = std::min(std::max<int64_t>(kBlockBytes / row_bytes, 1), rows_ - first);
  block_.resize(static_cast<size_t>(rows * row_bytes));
  block_first_ = first;
  file_->read_rows(name_, first, field_.dtype, block_);
}

std::vector<uint8_t> read_flags(const Hdf5File& file, const std::string& name, int64_t steps) {
  std::vector<uint8_t> flags(static_cast<size_t>(steps));
  file.read_rows(name, 0, DType::kUInt8, std::as_writable_bytes(std::span(flags)));
  for (size_t t = 0; t < flags.size(); ++t) {
    REVERIE_CHECK(flags[t] <= 1, "{}:{}: row {} is {}, expected 0 or 1", file.path(), name, t,
                  flags[t]);
  }
  return flags;
}

std::map<std::string, std::string> read_dataset_attributes(const Hdf5File& file,
                                                           std::vector<std::string>& left_out) {
  std::map<std::string, std::string> attributes;
  for (const char* key : kAttributes) {
    try {
      const std::string text = file.attribute("/", key).value_or("");
      if (!text.empty()) attributes[key] = text;
    } catch (const Error&) {
      left_out.push_back(
          fmt::format("attribute {} is left out: it is no text of fixed length (h5py: "
                      "numpy.bytes_(text.encode()))",
                      key));
    }
  }
  return attributes;
}

std::string root_attribute(const Hdf5File& file, const char* key) {
  try {
    return file.attribute("/", key).value_or("");
  } catch (const Error&) {
    return "";
  }
}

}  // namespace reverie
