#include "replay/hdf5_library.h"

#include <algorithm>
#include <string_view>

#include <unistd.h>

#include "core/error.h"
#include "core/text.h"
#include "replay/hdf5.h"

namespace reverie::hdf5 {
namespace {

constexpr size_t kMaxListed = 1'000'000;  // names in one group
constexpr size_t kMaxSoftLinks = 16;      // followed in a row; a cycle ends here

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

// The callbacks run below the library's C frames, which no exception may pass.

herr_t keep_first(unsigned index, const H5E_error2_t* error, void* text) {
  if (index != 0 || error->desc == nullptr) return 0;
  try {
    *static_cast<std::string*>(text) = printable(error->desc);
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

// The links on the way to an object: "/a//b" is {"a", "b"}.
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

// How many of the components are there, counted from the root.
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
    // Asked for something in a dataset, the library fails instead of finding nothing.
    if (i + 1 < parts.size()) {
      const Handle object(H5Oopen(root, prefix.c_str(), access));
      if (!object) fail_read(file, prefix, "cannot be opened");
      if (H5Iget_type(object.get()) != H5I_GROUP) return i + 1;
    }
  }
  return parts.size();
}

}  // namespace

Library::Library() : lock_(library_mutex()) {
  // A filter plugin is code that a file names and the library would load.
  static const herr_t plugins_off = H5PLset_loading_state(0);
  static_cast<void>(plugins_off);
  // Printing of errors is a setting of each thread.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

OpenFile::OpenFile(std::string user_path, std::string temporary_path)
    : path(std::move(user_path)), temporary(std::move(temporary_path)) {
  const Library lock;
  link_access = property_list(H5P_LINK_ACCESS);
  H5Pset_nlinks(link_access.get(), kMaxSoftLinks);
  H5Pset_elink_cb(link_access.get(), refuse_external_link, nullptr);
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

Handle open_object(const OpenFile& file, const std::string& name) {
  const std::vector<std::string> parts = components(file, name);
  const size_t existing = count_existing(file, parts);
  if (existing < parts.size()) {
    const std::string parent = join(std::span(parts).first(existing));
    const Handle above(H5Oopen(file.file.get(), parent.c_str(), file.link_access.get()));
    if (H5Iget_type(above.get()) != H5I_GROUP) {
      fail_object(file, name, fmt::format("not there: {} is no group", printable(parent)));
    }
    std::vector<std::string> known = names_in(file, parent, above);
    if (std::binary_search(known.begin(), known.end(), parts[existing])) {
      fail_object(file, name, "is a link that leads nowhere or out of this file");
    }
    for (std::string& neighbour : known) neighbour = printable(neighbour);
    fail_unknown_name("object in " + locate(file, parent) + ":", printable(parts[existing]), known);
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
  fail_input("dtype {} is none of the known ones", static_cast<int>(dtype));
}

std::optional<int64_t> array_bytes(std::span<const int64_t> shape, size_t element_bytes) {
  auto bytes = static_cast<int64_t>(element_bytes);
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : bytes;
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
