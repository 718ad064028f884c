#include "replay/hdf5.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "replay/hdf5_library.h"

// Opening and reading; hdf5_write.cpp holds the rest.

namespace reverie {

using hdf5::fail_object;
using hdf5::fail_read;
using hdf5::Handle;
using hdf5::Library;
using hdf5::OpenFile;

namespace {

constexpr size_t kMaxTextBytes = size_t{16} << 20;  // of one attribute

// A dataset that passed every check but those of its size.
struct OpenDataset {
  Handle handle;
  Handle space;
  Handle type;
  std::vector<int64_t> shape;
};

// h5py's bool: an enumeration {FALSE = 0, TRUE = 1} over one byte.
bool is_bool(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) {
    return false;
  }
  int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 &&
         no == 0 && yes == 1;
}

// Only the standard layouts: the library's decoder for made-up ones need not be trusted then.
std::optional<DType> dtype_of(hid_t type) {
  if (is_bool(type)) return DType::kBool;
  const auto one_of = [&](std::initializer_list<hid_t> standard) {
    return std::any_of(standard.begin(), standard.end(),
                       [&](hid_t candidate) { return H5Tequal(type, candidate) > 0; });
  };
  if (one_of({H5T_STD_U8LE, H5T_STD_U8BE})) return DType::kUInt8;
  if (one_of({H5T_IEEE_F32LE, H5T_IEEE_F32BE})) return DType::kFloat32;
  if (one_of({H5T_IEEE_F64LE, H5T_IEEE_F64BE})) return DType::kFloat64;
  if (one_of({H5T_STD_I64LE, H5T_STD_I64BE, H5T_STD_I32LE, H5T_STD_I32BE, H5T_STD_I16LE,
              H5T_STD_I16BE, H5T_STD_I8LE, H5T_STD_I8BE, H5T_STD_U16LE, H5T_STD_U16BE,
              H5T_STD_U32LE, H5T_STD_U32BE, H5T_STD_U64LE, H5T_STD_U64BE})) {
    return DType::kInt64;
  }
  return std::nullopt;
}

std::string_view class_name(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return "integers of an unusual layout";
    case H5T_FLOAT:
      return "floats other than IEEE float32 and float64";
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "compounds";
    case H5T_ENUM:
      return "an enumeration other than h5py's bool";
    case H5T_VLEN:
      return "sequences of varying length";
    case H5T_REFERENCE:
      return "references";
    default:
      return "values of a class that is not numeric";
  }
}

DType checked_dtype(const OpenFile& file, const std::string& name, const OpenDataset& dataset) {
  const std::optional<DType> dtype = dtype_of(dataset.type.get());
  if (!dtype) {
    fail_object(file, name,
                fmt::format("holds {}, expected bool, integers, float32 or float64",
                            class_name(dataset.type.get())));
  }
  return *dtype;
}

// Refuses values kept in other files, and the decoders that untrusted bytes should not reach.
void check_storage(const OpenFile& file, const std::string& name, const Handle& dataset,
                   int64_t max_chunk_bytes) {
  const Handle plan(H5Dget_create_plist(dataset.get()));
  if (!plan) fail_read(file, name, "its layout cannot be read");
  const H5D_layout_t layout = H5Pget_layout(plan.get());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(plan.get()) != 0) {
    fail_object(file, name, "keeps its values in other files, which is refused");
  }
  const int filters = H5Pget_nfilters(plan.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(plan.get(), static_cast<unsigned>(i), &flags,
                                               &values, nullptr, 0, nullptr, &config);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32) {
      fail_object(file, name,
                  fmt::format("is packed by HDF5 filter {}, expected gzip, shuffle or checksum. "
                              "Rewrite it with h5repack -f GZIP=4",
                              filter));
    }
  }
  if (layout != H5D_CHUNKED) return;
  std::vector<hsize_t> chunk(H5S_MAX_RANK);
  const int rank = H5Pget_chunk(plan.get(), H5S_MAX_RANK, chunk.data());
  if (rank < 0 || rank > H5S_MAX_RANK) fail_read(file, name, "its chunks cannot be read");
  std::vector<int64_t> lengths;
  for (int i = 0; i < rank; ++i) lengths.push_back(static_cast<int64_t>(chunk[i]));
  const Handle type(H5Dget_type(dataset.get()));
  const std::optional<int64_t> bytes = hdf5::array_bytes(lengths, H5Tget_size(type.get()));
  if (!bytes || *bytes > max_chunk_bytes) {
    fail_object(file, name,
                fmt::format("has chunks of shape [{}], more than {} bytes each",
                            fmt::join(lengths, ", "), max_chunk_bytes));
  }
}

OpenDataset open_dataset(const OpenFile& file, const std::string& name,
                         int64_t max_chunk_bytes = Hdf5Expected{}.max_bytes) {
  Handle object = hdf5::open_object(file, name);
  if (H5Iget_type(object.get()) != H5I_DATASET) {
    fail_object(file, name, "is a group, expected a dataset");
  }
  check_storage(file, name, object, max_chunk_bytes);
  OpenDataset dataset{.handle = std::move(object), .space = {}, .type = {}, .shape = {}};
  dataset.type = Handle(H5Dget_type(dataset.handle.get()));
  dataset.space = Handle(H5Dget_space(dataset.handle.get()));
  if (!dataset.type || !dataset.space) fail_read(file, name, "its description cannot be read");
  if (H5Sget_simple_extent_type(dataset.space.get()) == H5S_NULL) {
    fail_object(file, name, "has no shape (a null dataspace), expected an array");
  }
  const int rank = H5Sget_simple_extent_ndims(dataset.space.get());
  if (rank < 0 || rank > H5S_MAX_RANK) fail_read(file, name, "its shape cannot be read");
  std::vector<hsize_t> lengths(static_cast<size_t>(rank));
  if (H5Sget_simple_extent_dims(dataset.space.get(), lengths.data(), nullptr) < 0) {
    fail_read(file, name, "its shape cannot be read");
  }
  for (const hsize_t length : lengths) {
    if (length > static_cast<hsize_t>(INT64_MAX)) {
      fail_object(
          file, name,
          fmt::format("has shape [{}], expected lengths below 2^63", fmt::join(lengths, ", ")));
    }
    dataset.shape.push_back(static_cast<int64_t>(length));
  }
  return dataset;
}

// Called by the library for a value that does not fit. Rounding to a float is the caller's wish;
// changing an integer is not.
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
  const size_t colon = argument.rfind(":/");
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
  auto open = std::make_unique<OpenFile>(path, "");
  const Library lock;
  const htri_t is_hdf5 = H5Fis_hdf5(path.c_str());
  if (is_hdf5 < 0) fail_input("{}: cannot be opened: {}", path, hdf5::reason());
  REVERIE_CHECK(is_hdf5 > 0, "{}: is not an HDF5 file", path);
  const Handle access = hdf5::property_list(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  // Network file systems without locks are common on clusters.
  H5Pset_file_locking(access.get(), true, true);
  open->file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!open->file) fail_input("{}: cannot be opened as HDF5: {}", path, hdf5::reason());
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
  return checked_dtype(*open_, name, open_dataset(*open_, name));
}

size_t Hdf5File::checked_count(const std::string& name, const Hdf5Expected& expected,
                               size_t element_bytes) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name, expected.max_bytes);
  checked_dtype(*open_, name, dataset);
  if (expected.shape && !shape_fits(dataset.shape, *expected.shape)) {
    fail_object(*open_, name,
                fmt::format("has shape [{}], expected {}", fmt::join(dataset.shape, ", "),
                            describe_expected(*expected.shape)));
  }
  const std::optional<int64_t> bytes = hdf5::array_bytes(dataset.shape, element_bytes);
  if (!bytes || *bytes > expected.max_bytes) {
    fail_object(*open_, name,
                fmt::format("has shape [{}], more than the {} bytes allowed here",
                            fmt::join(dataset.shape, ", "), expected.max_bytes));
  }
  return static_cast<size_t>(*bytes) / element_bytes;
}

void Hdf5File::read_values(const std::string& name, DType dtype, std::span<std::byte> out) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name);
  const std::optional<int64_t> bytes = hdf5::array_bytes(dataset.shape, item_size(dtype));
  if (!bytes || static_cast<size_t>(*bytes) != out.size()) {
    fail_object(*open_, name, "changed its shape while it was read");
  }
  read_selected(*open_, name, dataset, dataset.space, dataset.space, dtype, out);
}

void Hdf5File::read_rows(const std::string& name, int64_t first, DType dtype,
                         std::span<std::byte> out) const {
  const Library lock;
  const OpenDataset dataset = open_dataset(*open_, name);
  checked_dtype(*open_, name, dataset);
  if (dataset.shape.empty()) fail_object(*open_, name, "is a scalar, expected an array of rows");
  const std::span<const int64_t> row_shape = std::span(dataset.shape).subspan(1);
  const std::optional<int64_t> row_bytes = hdf5::array_bytes(row_shape, item_size(dtype));
  const auto out_bytes = static_cast<int64_t>(out.size());
  if (out_bytes == 0) return;
  if (!row_bytes || *row_bytes == 0 || out_bytes % *row_bytes != 0) {
    fail_object(*open_, name,
                fmt::format("has rows of shape [{}] as {}; {} bytes are not a number of them",
                            fmt::join(row_shape, ", "), dtype_name(dtype), out_bytes));
  }
  const int64_t rows = out_bytes / *row_bytes;
  if (first < 0 || first > dataset.shape[0] || rows > dataset.shape[0] - first) {
    fail_object(
        *open_, name,
        fmt::format("rows [{}, {}) wanted, it has {}", first, first + rows, dataset.shape[0]));
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
  // The library looks such text up without checking the place (1.10.8: H5HG_read), so that a
  // damaged file would crash the program.
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

}  // namespace reverie
