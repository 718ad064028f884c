#include "datasets/hdf5_library.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/ranges.h>
#include <unistd.h>

#include "core/error.h"
#include "core/text.h"
#include "datasets/hdf5.h"

namespace reverie::hdf5 {
namespace {

constexpr size_t kMaxListed = 1'000'000;  // names in one group
constexpr size_t kMaxSoftLinks = 16;      // followed in a row; a cycle ends here

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

// The library mentions system errors among times, addresses and file numbers: "file write failed:
// time = ..., errno = 28, error message = 'No space left on device', ...".
std::string shorten(std::string_view message) {
  constexpr std::string_view kSystem = "error message = '";
  const size_t begin = message.find(kSystem);
  if (begin == std::string_view::npos) return std::string(message);
  const std::string_view system = message.substr(begin + kSystem.size());
  return fmt::format("{}: {}", message.substr(0, message.find_first_of(":,")),
                     system.substr(0, system.find('\'')));
}

// The callbacks run below the library's C frames, which exceptions must not pass through.

herr_t keep_first(unsigned index, const H5E_error2_t* error, void* text) {
  if (index != 0 || error->desc == nullptr) return 0;
  try {
    *static_cast<std::string*>(text) = printable(shorten(error->desc));
  } catch (...) {
    return -1;
  }
  return 0;
}

herr_t refuse_external_link(const char*, const char*, const char*, const char*, unsigned*, hid_t,
                            void*) {
  return -1;
}

herr_t add_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  auto& list = *static_cast<std::vector<std::string>*>(names);
  if (list.size() == kMaxListed) return -1;
  try {
    list.emplace_back(name);
  } catch (...) {
    return -1;
  }
  return 0;
}

std::string locate(const OpenFile& file, const std::string& name) {
  return fmt::format("{}:{}{}", file.path, name.starts_with('/') ? "" : "/", printable(name));
}

// The names on the path to an object: "/a//b" is {"a", "b"}.
std::vector<std::string> components(const OpenFile& file, const std::string& name) {
  if (name.find('\0') != std::string::npos) {
    fail_object(file, name, "a name in HDF5 cannot hold a zero byte");
  }
  std::vector<std::string> parts(1);
  for (const char c : name) {
    if (c != '/') {
      parts.back() += c;
    } else if (!parts.back().empty()) {
      parts.emplace_back();
    }
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

std::string join(std::span<const std::string> parts) {
  std::string path = "/";
  for (const std::string& part : parts) path += (path.size() > 1 ? "/" : "") + part;
  return path;
}

Handle file_access() {
  Handle access = property_list(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  // Network file systems without locks are common on clusters.
  H5Pset_file_locking(access.get(), true, true);
  return access;
}

Handle link_access() {
  Handle access = property_list(H5P_LINK_ACCESS);
  H5Pset_nlinks(access.get(), kMaxSoftLinks);
  H5Pset_elink_cb(access.get(), refuse_external_link, nullptr);
  return access;
}

// How many of the components exist, counted from the root.
size_t count_existing(const OpenFile& file, std::span<const std::string> parts) {
  const hid_t root = file.file.get(), access = file.link_access.get();
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string prefix = join(parts.first(i + 1));
    const htri_t linked = H5Lexists(root, prefix.c_str(), access);
    if (linked == 0) return i;
    // A link may point to nothing.
    const htri_t found = linked < 0 ? linked : H5Oexists_by_name(root, prefix.c_str(), access);
    if (found < 0) fail_read(file, prefix, "cannot be followed");
    if (found == 0) return i;
    // When asked for something inside a dataset, the library fails instead of finding nothing.
    if (i + 1 < parts.size()) {
      const Handle object(H5Oopen(root, prefix.c_str(), access));
      if (!object) fail_read(file, prefix, "cannot be opened");
      if (H5Iget_type(object.get()) != H5I_GROUP) return i + 1;
    }
  }
  return parts.size();
}

// h5py's bool: an enumeration {FALSE = 0, TRUE = 1} over one byte.
bool is_bool(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) {
    return false;
  }
  int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 &&
         no == 0 && yes == 1;
}

// Only the standard layouts, so that the library's decoder need not be trusted with invented ones.
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

// Bytes of one chunk; 0 when the values are not chunked.
int64_t checked_chunk_bytes(const OpenFile& file, const std::string& name, const Handle& dataset,
                            const Handle& plan, int64_t max_bytes) {
  if (H5Pget_layout(plan.get()) != H5D_CHUNKED) return 0;
  std::vector<hsize_t> chunk(H5S_MAX_RANK);
  const int rank = H5Pget_chunk(plan.get(), H5S_MAX_RANK, chunk.data());
  if (rank < 0 || rank > H5S_MAX_RANK) fail_read(file, name, "its chunks cannot be read");
  std::vector<int64_t> lengths;
  for (int i = 0; i < rank; ++i) lengths.push_back(static_cast<int64_t>(chunk[i]));
  const Handle type(H5Dget_type(dataset.get()));
  const std::optional<int64_t> bytes = array_bytes(lengths, H5Tget_size(type.get()));
  if (!bytes || *bytes > max_bytes) {
    fail_object(file, name,
                fmt::format("has chunks of shape [{}], more than {} bytes each",
                            fmt::join(lengths, ", "), max_bytes));
  }
  return *bytes;
}

// The only decoders that untrusted bytes may reach.
void check_filters(const OpenFile& file, const std::string& name, const Handle& plan,
                   int64_t chunk_bytes) {
  const int filters = H5Pget_nfilters(plan.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    std::array<unsigned, kBloscChunkBytesAt + 1> parameters{};
    size_t count = parameters.size();
    const H5Z_filter_t filter = H5Pget_filter2(plan.get(), static_cast<unsigned>(i), &flags, &count,
                                               parameters.data(), 0, nullptr, &config);
    if (filter == kBloscFilter || filter == kLzfFilter) {
      const bool is_blosc = filter == kBloscFilter;
      const int64_t unpacked = parameters[is_blosc ? kBloscChunkBytesAt : kLzfChunkBytesAt];
      if (unpacked != chunk_bytes) {
        fail_object(file, name,
                    fmt::format("is packed by {} in chunks of {} bytes, but its chunks have {}",
                                is_blosc ? "Blosc" : "LZF", unpacked, chunk_bytes));
      }
    } else if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
               filter != H5Z_FILTER_FLETCHER32) {
      fail_object(file, name,
                  fmt::format("is packed by HDF5 filter {}, expected gzip, LZF, shuffle, checksum "
                              "or Blosc. In Python, read it with h5py (and hdf5plugin) and store "
                              "it again with compression='gzip'",
                              filter));
    }
  }
}

// Refuses values stored in other files, and decoders that untrusted bytes must not reach.
void check_storage(const OpenFile& file, const std::string& name, const Handle& dataset,
                   int64_t max_chunk_bytes) {
  const Handle plan(H5Dget_create_plist(dataset.get()));
  if (!plan) fail_read(file, name, "its layout cannot be read");
  const H5D_layout_t layout = H5Pget_layout(plan.get());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(plan.get()) != 0) {
    fail_object(file, name, "keeps its values in other files, which is refused");
  }
  check_filters(file, name, plan, checked_chunk_bytes(file, name, dataset, plan, max_chunk_bytes));
}

}  // namespace

Library::Library() : lock_(library_mutex()) {
  static const bool prepared = [] {
    // The library's exit handler crashes on a dataset that could not be closed because the disk was
    // full.
    H5dont_atexit();
    // A filter plugin is code that a file names and that the library would load.
    H5PLset_loading_state(0);
    register_blosc();
    register_lzf();
    return true;
  }();
  static_cast<void>(prepared);
  // Error printing is a setting of each thread.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

OpenFile::~OpenFile() {
  const Library lock;
  close();
  if (!temporary.empty()) ::unlink(temporary.c_str());
}

void OpenFile::close() {
  appenders.clear();
  link_access = Handle();
  file = Handle();
}

void fail_object(const OpenFile& file, const std::string& name, const std::string& what) {
  throw Error(locate(file, name) + ": " + what);
}

void fail_read(const OpenFile& file, const std::string& name, const std::string& what) {
  throw Error(fmt::format("{}: {}: {}", locate(file, name), what, reason()));
}

void fail_write(const OpenFile& file, const std::string& name, const std::string& what) {
  throw Error(fmt::format("{}: {}: {}", locate(file, name), what, reason()), ErrorKind::kRun);
}

Handle property_list(hid_t property_class) {
  Handle list(H5Pcreate(property_class));
  REVERIE_CHECK_RUN(bool{list}, "HDF5: no property list: {}", reason());
  return list;
}

void open_for_reading(OpenFile& file) {
  const htri_t is_hdf5 = H5Fis_hdf5(file.path.c_str());
  if (is_hdf5 < 0) fail_input("{}: cannot be opened: {}", file.path, reason());
  REVERIE_CHECK(is_hdf5 > 0, "{}: is not an HDF5 file", file.path);
  const Handle access = file_access();
  file.link_access = link_access();
  file.file = Handle(H5Fopen(file.path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file.file) fail_input("{}: cannot be opened as HDF5: {}", file.path, reason());
}

namespace {

// Headers and indices stay in memory until they are flushed together. If they were written one by
// one as the cache fills, a killed process would leave some that point to missing ones.
void keep_until_flushed(const Handle& access) {
  H5AC_cache_config_t cache{};
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  if (H5Pget_mdc_config(access.get(), &cache) < 0) return;
  cache.evictions_enabled = false;
  cache.incr_mode = H5C_incr__off;
  cache.flash_incr_mode = H5C_flash_incr__off;
  cache.decr_mode = H5C_decr__off;
  H5Pset_mdc_config(access.get(), &cache);
}

Handle writing_access() {
  Handle access = file_access();
  // Values go to the system in the call that writes them: the library does not recover when the
  // disk turns out to be full while it flushes its own buffers later.
  H5Pset_sieve_buf_size(access.get(), 0);
  H5Pset_cache(access.get(), 0, 1, 0, 0.0);
  keep_until_flushed(access);
  return access;
}

}  // namespace

void create_file(OpenFile& file) {
  const Handle access = writing_access();
  file.link_access = link_access();
  // Space that the library has freed is not overwritten: the last flushed version of the file still
  // points there, and a crash leaves that version.
  const Handle creation = property_list(H5P_FILE_CREATE);
  H5Pset_file_space_strategy(creation.get(), H5F_FSPACE_STRATEGY_NONE, false, 1);
  file.file = Handle(H5Fcreate(file.temporary.c_str(), H5F_ACC_EXCL, creation.get(), access.get()));
  if (!file.file) fail_run("{}: cannot be created: {}", file.path, reason());
}

void reopen_file(OpenFile& file) {
  const Handle access = writing_access();
  file.file = Handle();
  file.file = Handle(H5Fopen(file.temporary.c_str(), H5F_ACC_RDWR, access.get()));
  if (!file.file) fail_run("{}: cannot be opened again: {}", file.path, reason());
}

Handle open_object(const OpenFile& file, const std::string& name) {
  const std::vector<std::string> parts = components(file, name);
  const size_t existing = count_existing(file, parts);
  if (existing < parts.size()) {
    const std::string parent = join(std::span(parts).first(existing));
    const Handle above(H5Oopen(file.file.get(), parent.c_str(), file.link_access.get()));
    if (H5Iget_type(above.get()) != H5I_GROUP) {
      fail_object(file, name, fmt::format("not found: {} is not a group", printable(parent)));
    }
    std::vector<std::string> known = names_in(file, parent, above);
    if (std::binary_search(known.begin(), known.end(), parts[existing])) {
      fail_object(file, name, "is a link that leads nowhere or out of this file");
    }
    for (std::string& neighbour : known) neighbour = printable(neighbour);
    fail_unknown_name("object", printable(parts[existing]), known, locate(file, parent));
  }
  Handle object(H5Oopen(file.file.get(), join(parts).c_str(), file.link_access.get()));
  if (!object) fail_read(file, name, "cannot be opened");
  return object;
}

bool object_exists(const OpenFile& file, const std::string& name) {
  const std::vector<std::string> parts = components(file, name);
  return count_existing(file, parts) == parts.size();
}

std::vector<std::string> names_in(const OpenFile& file, const std::string& name,
                                  const Handle& group) {
  std::vector<std::string> names;
  if (H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name, &names) < 0) {
    fail_read(file, name,
              names.size() == kMaxListed ? fmt::format("holds more than {} objects", kMaxListed)
                                         : "its list of objects cannot be read");
  }
  return names;
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

OpenDataset open_dataset(const OpenFile& file, const std::string& name, int64_t max_chunk_bytes) {
  Handle object = open_object(file, name);
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

hid_t memory_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUInt8:
      return H5T_NATIVE_UINT8;
    case DType::kInt64:
      return H5T_NATIVE_INT64;
    case DType::kFloat32:
      return H5T_NATIVE_FLOAT;
    case DType::kFloat64:
      return H5T_NATIVE_DOUBLE;
  }
  fail_input("unknown dtype {}", static_cast<int>(dtype));
}

void check_bools(const OpenFile& file, const std::string& name, std::span<const std::byte> values) {
  const auto bad = std::find_if(values.begin(), values.end(),
                                [](std::byte value) { return value > std::byte{1}; });
  if (bad != values.end()) {
    fail_object(file, name,
                fmt::format("element {} is {}, expected a bool, 0 or 1", bad - values.begin(),
                            static_cast<int>(*bad)));
  }
}

}  // namespace reverie::hdf5
