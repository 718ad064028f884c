#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "datasets/hdf5.h"
#include "datasets/hdf5_library.h"

// Creating files; hdf5.cpp contains opening and reading.

namespace reverie {

using hdf5::fail_object;
using hdf5::fail_write;
using hdf5::Handle;
using hdf5::Library;
using hdf5::OpenFile;

namespace {

namespace fs = std::filesystem;

constexpr int64_t kChunkBytes = int64_t{256} << 10;         // below the library's cache of 1 MiB
constexpr int64_t kMaxChunkBytes = (int64_t{1} << 32) - 1;  // the format's limit

void check_writable(const OpenFile& file) {
  REVERIE_CHECK(!file.temporary.empty() && file.file, "{}: is not open for writing", file.path);
}

// The type on disk. bool is h5py's bool.
Handle file_type(DType dtype) {
  switch (dtype) {
    case DType::kBool: {
      Handle type(H5Tenum_create(H5T_STD_I8LE));
      const int8_t no = 0, yes = 1;
      H5Tenum_insert(type.get(), "FALSE", &no);
      H5Tenum_insert(type.get(), "TRUE", &yes);
      return type;
    }
    case DType::kUInt8:
      return Handle(H5Tcopy(H5T_STD_U8LE));
    case DType::kInt64:
      return Handle(H5Tcopy(H5T_STD_I64LE));
    case DType::kFloat32:
      return Handle(H5Tcopy(H5T_IEEE_F32LE));
    case DType::kFloat64:
      return Handle(H5Tcopy(H5T_IEEE_F64LE));
  }
  fail_input("unknown dtype {}", static_cast<int>(dtype));
}

// The memory type for H5Dwrite: the library does not convert integers to an enumeration, and the
// bytes of a bool are the same in both.
Handle source_type(DType dtype) {
  return dtype == DType::kBool ? file_type(dtype) : Handle(H5Tcopy(hdf5::memory_type(dtype)));
}

// Whole rows of about kChunkBytes, at most `rows` of them.
std::vector<int64_t> default_chunk(std::span<const int64_t> shape, int64_t row_bytes,
                                   int64_t rows) {
  std::vector<int64_t> chunk(shape.begin(), shape.end());
  chunk[0] = std::clamp<int64_t>(kChunkBytes / row_bytes, 1, rows);
  return chunk;
}

void check_chunk(const OpenFile& file, const std::string& name, const std::vector<int64_t>& chunk,
                 size_t rank, DType dtype) {
  const bool positive = std::all_of(chunk.begin(), chunk.end(), [](int64_t n) { return n > 0; });
  const std::optional<int64_t> bytes = array_bytes(chunk, item_size(dtype));
  if (chunk.size() != rank || !positive || !bytes || *bytes > kMaxChunkBytes) {
    fail_object(file, name,
                fmt::format("chunks of shape [{}] given, expected {} lengths of at least 1, in all "
                            "less than 4 GiB",
                            fmt::join(chunk, ", "), rank));
  }
}

void check_gzip(const OpenFile& file, const std::string& name, int gzip) {
  if (gzip < 0 || gzip > 9)
    fail_object(file, name, fmt::format("gzip is {}, expected 0 to 9", gzip));
}

Handle create_dataset(const OpenFile& file, const std::string& name, DType dtype,
                      const Handle& space, const std::vector<int64_t>& chunk, int gzip) {
  if (hdf5::object_exists(file, name)) fail_object(file, name, "already exists");
  const Handle links = hdf5::property_list(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_char_encoding(links.get(), H5T_CSET_UTF8);
  const Handle plan = hdf5::property_list(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(plan.get(), false);  // the same calls give the same bytes
  if (!chunk.empty()) {
    const std::vector<hsize_t> lengths(chunk.begin(), chunk.end());
    H5Pset_chunk(plan.get(), static_cast<int>(lengths.size()), lengths.data());
    if (gzip > 0 && item_size(dtype) > 1) H5Pset_shuffle(plan.get());
    if (gzip > 0) H5Pset_deflate(plan.get(), static_cast<unsigned>(gzip));
  }
  const Handle type = file_type(dtype);
  Handle dataset(H5Dcreate2(file.file.get(), name.c_str(), type.get(), space.get(), links.get(),
                            plan.get(), H5P_DEFAULT));
  if (!dataset) fail_write(file, name, "cannot be created");
  return dataset;
}

}  // namespace

Hdf5File Hdf5File::create(const std::string& path) {
  return create(path, temporary_sibling(follow_links(path)).string());
}

Hdf5File Hdf5File::create(const std::string& path, const std::string& unfinished) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  REVERIE_CHECK(!fs::exists(status) || fs::is_regular_file(status),
                "{}: is not a regular file, so it cannot be replaced", path);
  REVERIE_CHECK(!fs::exists(fs::symlink_status(unfinished, error)),
                "{}: already exists, perhaps left by a process that was killed; what it holds can "
                "be read. Move or remove it",
                unfinished);
  auto open = std::make_unique<OpenFile>();
  open->path = path;
  open->target = follow_links(path).string();
  open->temporary = unfinished;
  const Library lock;
  hdf5::create_file(*open);
  return Hdf5File(std::move(open));
}

void Hdf5File::commit() {
  const Library lock;
  check_writable(*open_);
  for (const auto& appender : open_->appenders) appender->write_pending();
  // Closing also reports a full disk, but then the library cannot release the file.
  if (H5Fflush(open_->file.get(), H5F_SCOPE_GLOBAL) < 0)
    fail_write(*open_, "", "cannot be written");
  open_->close();
  const FileDescriptor file(::open(open_->temporary.c_str(), O_RDONLY | O_CLOEXEC));
  REVERIE_CHECK_RUN(file.is_open() && ::fsync(file.get()) == 0, "{}: cannot sync to disk: {}",
                    open_->path, std::strerror(errno));
  REVERIE_CHECK_RUN(::rename(open_->temporary.c_str(), open_->target.c_str()) == 0,
                    "{}: cannot rename: {}", open_->path, std::strerror(errno));
  const fs::path folder = fs::path(open_->temporary).parent_path();
  open_->temporary.clear();
  sync_folder(folder.empty() ? "." : folder);
}

void Hdf5File::save_progress() {
  const Library lock;
  check_writable(*open_);
  if (H5Fflush(open_->file.get(), H5F_SCOPE_GLOBAL) < 0)
    fail_write(*open_, "", "cannot be written");
  // There are few appenders' objects, and they stay open.
  if (open_->appenders.empty()) hdf5::reopen_file(*open_);
}

void Hdf5File::write(const std::string& name, DType dtype, std::span<const int64_t> shape,
                     std::span<const std::byte> values, const Hdf5WriteOptions& options) {
  const Library lock;
  check_writable(*open_);
  const std::optional<int64_t> bytes = array_bytes(shape, item_size(dtype));
  if (!bytes || static_cast<size_t>(*bytes) != values.size()) {
    fail_object(*open_, name,
                fmt::format("{} bytes given for {} values of shape [{}]", values.size(),
                            dtype_name(dtype), fmt::join(shape, ", ")));
  }
  if (dtype == DType::kBool) hdf5::check_bools(*open_, name, values);
  check_gzip(*open_, name, options.gzip);

  std::vector<int64_t> chunk;
  if (!shape.empty() && *bytes > 0 && (options.gzip > 0 || !options.chunk.empty())) {
    chunk =
        options.chunk.empty() ? default_chunk(shape, *bytes / shape[0], shape[0]) : options.chunk;
    check_chunk(*open_, name, chunk, shape.size(), dtype);
    // The library refuses chunks longer than an array of fixed size.
    for (size_t i = 0; i < chunk.size(); ++i) chunk[i] = std::min(chunk[i], shape[i]);
  }
  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  const Handle space(
      shape.empty() ? H5Screate(H5S_SCALAR)
                    : H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr));
  if (!space) fail_object(*open_, name, fmt::format("HDF5 cannot hold {} axes", shape.size()));
  const Handle dataset = create_dataset(*open_, name, dtype, space, chunk, options.gzip);
  const Handle type = source_type(dtype);
  if (!values.empty() &&
      H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    fail_write(*open_, name, "cannot be written");
  }
}

void Hdf5File::create_group(const std::string& name) {
  const Library lock;
  check_writable(*open_);
  if (hdf5::object_exists(*open_, name)) fail_object(*open_, name, "already exists");
  const Handle links = hdf5::property_list(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_char_encoding(links.get(), H5T_CSET_UTF8);
  const Handle group(
      H5Gcreate2(open_->file.get(), name.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!group) fail_write(*open_, name, "cannot be created");
}

void Hdf5File::put_attribute(const std::string& object, const std::string& key, int64_t type,
                             const void* value) {
  const Handle owner = hdf5::open_object(*open_, object);
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle plan = hdf5::property_list(H5P_ATTRIBUTE_CREATE);
  H5Pset_char_encoding(plan.get(), H5T_CSET_UTF8);
  if (H5Aexists(owner.get(), key.c_str()) > 0) H5Adelete(owner.get(), key.c_str());
  const Handle attribute(
      H5Acreate2(owner.get(), key.c_str(), type, space.get(), plan.get(), H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type, value) < 0) {
    fail_write(*open_, object, fmt::format("its attribute '{}' cannot be written", printable(key)));
  }
}

void Hdf5File::set_attribute(const std::string& object, const std::string& key,
                             const std::string& text) {
  const Library lock;
  check_writable(*open_);
  if (key.empty() || (key + text).find('\0') != std::string::npos) {
    fail_object(*open_, object,
                fmt::format("its attribute '{}' is unnamed or holds a zero byte", printable(key)));
  }
  const Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), std::max<size_t>(text.size(), 1));
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  put_attribute(object, key, type.get(), text.c_str());
}

void Hdf5File::set_attribute(const std::string& object, const std::string& key, int64_t value) {
  const Library lock;
  check_writable(*open_);
  put_attribute(object, key, H5T_NATIVE_INT64, &value);
}

Hdf5Appender& Hdf5File::appender(const std::string& group, const Field& row,
                                 const Hdf5WriteOptions& options) {
  const Library lock;
  check_writable(*open_);
  const std::string name = group + "/" + row.name;
  const std::optional<int64_t> row_bytes = array_bytes(row.shape, item_size(row.dtype));
  if (!row_bytes || *row_bytes == 0) {
    fail_object(*open_, name,
                fmt::format("rows of shape [{}] given, expected at least one element",
                            fmt::join(row.shape, ", ")));
  }
  check_gzip(*open_, name, options.gzip);
  std::vector<int64_t> shape{0};
  shape.insert(shape.end(), row.shape.begin(), row.shape.end());
  const std::vector<int64_t> chunk =
      options.chunk.empty() ? default_chunk(shape, *row_bytes, kChunkBytes) : options.chunk;
  check_chunk(*open_, name, chunk, shape.size(), row.dtype);

  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  std::vector<hsize_t> limits = lengths;
  limits[0] = H5S_UNLIMITED;
  const Handle space(
      H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), limits.data()));
  if (!space) fail_object(*open_, name, fmt::format("HDF5 cannot hold {} axes", shape.size()));
  Handle dataset = create_dataset(*open_, name, row.dtype, space, chunk, options.gzip);
  auto& appenders = open_->appenders;
  appenders.reserve(appenders.size() + 1);
  appenders.emplace_back(new Hdf5Appender(*open_, name, row, chunk[0], dataset.release()));
  return *appenders.back();
}

Hdf5Appender::Hdf5Appender(const OpenFile& file, std::string name, const Field& row,
                           int64_t chunk_rows, int64_t dataset)
    : file_(file), name_(std::move(name)), row_(row), chunk_rows_(chunk_rows), dataset_(dataset) {}

// Called only by OpenFile::close(), with the lock held.
Hdf5Appender::~Hdf5Appender() { H5Idec_ref(dataset_); }

void Hdf5Appender::append(ConstFieldView rows) {
  const Library lock;
  if (rows.field->shape != row_.shape || rows.field->dtype != row_.dtype || rows.count < 0) {
    fail_object(file_, name_,
                fmt::format("{} rows of {} [{}] given, expected rows of {} [{}]", rows.count,
                            dtype_name(rows.field->dtype), fmt::join(rows.field->shape, ", "),
                            dtype_name(row_.dtype), fmt::join(row_.shape, ", ")));
  }
  const size_t row_bytes = row_.bytes();
  std::span<const std::byte> left(rows.data, static_cast<size_t>(rows.count) * row_bytes);
  if (row_.dtype == DType::kBool) hdf5::check_bools(file_, name_, left);
  while (!left.empty()) {
    // Writes up to a chunk's end, so that no chunk is compressed twice.
    const int64_t room = chunk_rows_ - rows_ % chunk_rows_;
    const size_t bytes = std::min(left.size(), static_cast<size_t>(room) * row_bytes);
    pending_.insert(pending_.end(), left.begin(), left.begin() + static_cast<ptrdiff_t>(bytes));
    rows_ += static_cast<int64_t>(bytes / row_bytes);
    left = left.subspan(bytes);
    if (rows_ % chunk_rows_ == 0) write_pending();
  }
}

void Hdf5Appender::flush() {
  const Library lock;
  write_pending();
}

void Hdf5Appender::write_pending() {
  if (pending_.empty()) return;
  const size_t count = pending_.size() / row_.bytes();
  std::vector<hsize_t> length(row_.shape.begin(), row_.shape.end());
  length.insert(length.begin(), static_cast<hsize_t>(rows_));
  if (H5Dset_extent(dataset_, length.data()) < 0) fail_write(file_, name_, "cannot grow");
  std::vector<hsize_t> start(length.size(), 0);
  start[0] = length[0] - count;
  length[0] = count;
  const Handle memory_space(
      H5Screate_simple(static_cast<int>(length.size()), length.data(), nullptr));
  const Handle file_space(H5Dget_space(dataset_));
  const Handle type = source_type(row_.dtype);
  if (H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, length.data(),
                          nullptr) < 0 ||
      H5Dwrite(dataset_, type.get(), memory_space.get(), file_space.get(), H5P_DEFAULT,
               pending_.data()) < 0) {
    fail_write(file_, name_, "cannot be written");
  }
  pending_.clear();
}

}  // namespace reverie
