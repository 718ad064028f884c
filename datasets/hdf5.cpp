#include "datasets/hdf5.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "datasets/hdf5_library.h"

// Opening and reading; hdf5_write.cpp contains the rest.

namespace reverie {

using hdf5::fail_object;
using hdf5::fail_read;
using hdf5::Handle;
using hdf5::Library;
using hdf5::open_dataset;
using hdf5::OpenDataset;
using hdf5::OpenFile;

namespace {

constexpr size_t kMaxTextBytes = size_t{16} << 20;    // of one attribute
constexpr int64_t kMaxPacking = 2000;                 // gzip's limit is 1032
constexpr int64_t kUnpackedBytes = int64_t{1} << 20;  // values this small may take no space

// See Hdf5File::check_stored(). The lock is held.
void check_packing(const OpenFile& file, const std::string& name, const OpenDataset& dataset) {
  const std::optional<int64_t> bytes = array_bytes(dataset.shape, H5Tget_size(dataset.type.get()));
  const auto stored = static_cast<int64_t>(std::min<hsize_t>(
      H5Dget_storage_size(dataset.handle.get()), std::numeric_limits<int64_t>::max()));
  if (bytes && (*bytes - kUnpackedBytes) / kMaxPacking <= stored) return;
  fail_object(file, name,
              fmt::format("has shape [{}], but {} bytes are stored for it",
                          fmt::join(dataset.shape, ", "), stored));
}

// Called by the library for a value that does not fit. The caller accepts rounding to a float, but
// not changing an integer.
H5T_conv_ret_t refuse_inexact(H5T_conv_except_t, hid_t, hid_t target, void*, void*, void* refused) {
  if (H5Tget_class(target) == H5T_FLOAT) return H5T_CONV_UNHANDLED;
  *static_cast<bool*>(refused) = true;
  return H5T_CONV_ABORT;
}

// Reads the selected elements; the caller has made `out` the right size.
void read_selected(const OpenFile& file, const std::string& name, const OpenDataset& dataset,
                   const Handle& memory_space, const Handle& file_space, DType dtype,
                   std::span<std::byte> out) {
  if (out.empty()) return;
  bool refused = false;
  const Handle transfer = hdf5::property_list(H5P_DATASET_XFER);
  H5Pset_type_conv_cb(transfer.get(), refuse_inexact, &refused);
  if (H5Dread(dataset.handle.get(), hdf5::memory_type(dtype), memory_space.get(), file_space.get(),
              transfer.get(), out.data()) < 0) {
    if (refused) {
      fail_object(file, name,
                  fmt::format("holds a value that {} cannot hold exactly", dtype_name(dtype)));
    }
    fail_read(file, name, "its values cannot be read");
  }
  if (dtype == DType::kBool || H5Tget_class(dataset.type.get()) == H5T_ENUM) {
    if (item_size(dtype) == 1) hdf5::check_bools(file, name, out);
  }
}

std::string describe_expected(const std::vector<int64_t>& shape) {
  std::vector<std::string> lengths;
  for (const int64_t length : shape) {
    lengths.push_back(length < 0 ? "any" : std::to_string(length));
  }
  return fmt::format("[{}]", fmt::join(lengths, ", "));
}

bool shape_fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& expected) {
  return std::equal(shape.begin(), shape.end(), expected.begin(), expected.end(),
                    [](int64_t found, int64_t wanted) { return wanted < 0 || found == wanted; });
}

}  // namespace

Hdf5Path split_hdf5_path(std::string_view argument) {
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(std::string(argument), ignored);
  const size_t colon = is_file ? std::string_view::npos : argument.rfind(":/");
  Hdf5Path path{
      .file = std::string(argument.substr(0, colon)),
      .object = colon == std::string_view::npos ? "/" : std::string(argument.substr(colon + 1))};
  REVERIE_CHECK(!path.file.empty(), "'{}' names no file, expected file.h5 or file.h5:/group",
                argument);
  return path;
}

Hdf5File::Hdf5File(std::unique_ptr<OpenFile> open) : open_(std::move(open)) {}
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;
Hdf5File& Hdf5File::operator=(Hdf5File&&) noexcept = default;
Hdf5File::~Hdf5File() = default;

const std::string& Hdf5File::path() const { return open_->path; }

Hdf5File Hdf5File::open_read(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  REVERIE_CHECK(std::filesystem::exists(status), "{}: no such file", path);
  REVERIE_CHECK(std::filesystem::is_regular_file(status), "{}: is not a regular file", path);
  auto open = std::make_unique<OpenFile>();
  open->path = path;
  const Library lock;
  hdf5::check_in_child(path);
  hdf5::open_for_reading(*open);
  return Hdf5File(std::move(open));
}

std::vector<std::string> Hdf5File::list(const std::string& group) const {
  const Library lock;
  const Handle object = hdf5::open_object(*open_, group);
  if (H5Iget_type(object.get()) != H5I_GROUP) {
    fail_object(*open_, group, "is a dataset, expected a group");
  }
  return hdf5::names_in(*open_, group, object);
}

bool Hdf5File::exists(const std::string& name) const {
  const Library lock;
  return hdf5::object_exists(*open_, name);
}

bool Hdf5File::is_group(const std::string& name) const {
  const Library lock;
  return H5Iget_type(hdf5::open_object(*open_, name).get()) == H5I_GROUP;
}

std::vector<int64_t> Hdf5File::shape(const std::string& name) const {
  const Library lock;
  return open_dataset(*open_, name).shape;
}

DType Hdf5File::dtype(const std::string& name) const {
  const Library lock;
  return hdf5::checked_dtype(*open_, name, open_dataset(*open_, name));
}

void Hdf5File::check_stored(const std::string& name) const {
  const Library lock;
  check_packing(*open_, name, open_dataset(*open_, name));
}

size_t Hdf5File::checked_count(const std::string& name, const Hdf5Expected& expected,
                               size_t element_bytes) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name, expected.max_bytes);
  hdf5::checked_dtype(*open_, name, dataset);
  if (expected.shape && !shape_fits(dataset.shape, *expected.shape)) {
    fail_object(*open_, name,
                fmt::format("has shape [{}], expected {}", fmt::join(dataset.shape, ", "),
                            describe_expected(*expected.shape)));
  }
  const std::optional<int64_t> bytes = array_bytes(dataset.shape, element_bytes);
  if (!bytes || *bytes > expected.max_bytes) {
    fail_object(*open_, name,
                fmt::format("has shape [{}], more than the {} bytes allowed here",
                            fmt::join(dataset.shape, ", "), expected.max_bytes));
  }
  check_packing(*open_, name, dataset);
  return static_cast<size_t>(*bytes) / element_bytes;
}

void Hdf5File::read_values(const std::string& name, DType dtype, std::span<std::byte> out) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name);
  const std::optional<int64_t> bytes = array_bytes(dataset.shape, item_size(dtype));
  if (!bytes || static_cast<size_t>(*bytes) != out.size()) {
    fail_object(*open_, name, "changed its shape while it was read");
  }
  read_selected(*open_, name, dataset, dataset.space, dataset.space, dtype, out);
}

void Hdf5File::read_rows(const std::string& name, int64_t first, DType dtype,
                         std::span<std::byte> out) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name);
  hdf5::checked_dtype(*open_, name, dataset);
  if (dataset.shape.empty()) fail_object(*open_, name, "is a scalar, expected an array of rows");
  const std::span<const int64_t> row_shape = std::span(dataset.shape).subspan(1);
  const std::optional<int64_t> row_bytes = array_bytes(row_shape, item_size(dtype));
  const auto out_bytes = static_cast<int64_t>(out.size());
  if (out_bytes == 0) return;
  if (!row_bytes || *row_bytes == 0 || out_bytes % *row_bytes != 0) {
    fail_object(*open_, name,
                fmt::format("has rows of shape [{}] as {}; {} bytes are not a number of them",
                            fmt::join(row_shape, ", "), dtype_name(dtype), out_bytes));
  }
  const int64_t rows = out_bytes / *row_bytes;
  if (first < 0 || first > dataset.shape[0] || rows > dataset.shape[0] - first) {
    fail_object(*open_, name,
                fmt::format("found {2} rows, expected rows [{0}, {1})", first, first + rows,
                            dataset.shape[0]));
  }
  std::vector<hsize_t> start(dataset.shape.size(), 0), count;
  start[0] = static_cast<hsize_t>(first);
  count.assign(dataset.shape.begin(), dataset.shape.end());
  count[0] = static_cast<hsize_t>(rows);
  const Handle memory_space(
      H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
  if (!memory_space || H5Sselect_hyperslab(dataset.space.get(), H5S_SELECT_SET, start.data(),
                                           nullptr, count.data(), nullptr) < 0) {
    fail_read(*open_, name, "its rows cannot be selected");
  }
  read_selected(*open_, name, dataset, memory_space, dataset.space, dtype, out);
}

std::optional<std::string> Hdf5File::attribute(const std::string& object,
                                               const std::string& key) const {
  const Library lock;
  const Handle owner = hdf5::open_object(*open_, object);
  const auto describe = [&](std::string_view what) {
    return fmt::format("its attribute '{}' {}", printable(key), what);
  };
  const htri_t exists = H5Aexists(owner.get(), key.c_str());
  if (exists < 0) fail_read(*open_, object, describe("cannot be looked up"));
  if (exists == 0) return std::nullopt;
  const Handle attribute(H5Aopen(owner.get(), key.c_str(), H5P_DEFAULT));
  const Handle type(H5Aget_type(attribute.get()));
  const Handle space(H5Aget_space(attribute.get()));
  if (!attribute || !type || !space) fail_read(*open_, object, describe("cannot be read"));
  if (H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1) {
    fail_object(*open_, object, describe("is not one text"));
  }
  // The library looks such text up without checking its position (1.10.8: H5HG_read), so a damaged
  // file would crash the program.
  if (H5Tis_variable_str(type.get()) != 0) {
    fail_object(*open_, object,
                describe("is text of variable length, which cannot be read safely. Write it with "
                         "fixed length (h5py: numpy.bytes_(text.encode()))"));
  }
  const size_t size = H5Tget_size(type.get());
  if (size > kMaxTextBytes) {
    fail_object(*open_, object,
                describe(fmt::format("has {} bytes, at most {} are read", size, kMaxTextBytes)));
  }
  const Handle memory_type(H5Tcopy(H5T_C_S1));
  H5Tset_cset(memory_type.get(), H5Tget_cset(type.get()));
  H5Tset_size(memory_type.get(), size + 1);  // the conversion ends the text with a zero byte
  std::string text(size + 1, '\0');
  if (H5Aread(attribute.get(), memory_type.get(), text.data()) < 0) {
    fail_read(*open_, object, describe("cannot be read"));
  }
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::optional<int64_t> Hdf5File::integer_attribute(const std::string& object,
                                                   const std::string& key) const {
  const Library lock;
  const Handle owner = hdf5::open_object(*open_, object);
  if (H5Aexists(owner.get(), key.c_str()) <= 0) return std::nullopt;
  const Handle attribute(H5Aopen(owner.get(), key.c_str(), H5P_DEFAULT));
  const Handle type(H5Aget_type(attribute.get()));
  const Handle space(H5Aget_space(attribute.get()));
  if (!attribute || !type || !space) {
    fail_read(*open_, object, fmt::format("its attribute '{}' cannot be read", printable(key)));
  }
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1) {
    return std::nullopt;
  }
  const bool is_unsigned = H5Tget_sign(type.get()) == H5T_SGN_NONE;
  int64_t value = 0;
  if (H5Aread(attribute.get(), is_unsigned ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, &value) < 0) {
    fail_read(*open_, object, fmt::format("its attribute '{}' cannot be read", printable(key)));
  }
  return value;
}

}  // namespace reverie
