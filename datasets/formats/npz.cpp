#include "datasets/formats/npz.h"

#include <algorithm>

#include <zip.h>

#include "core/error.h"
#include "core/text.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr zip_int64_t kMaxArrays = 1000;
constexpr size_t kBlockBytes = size_t{4} << 20;  // unpacked at once
constexpr zip_uint16_t kDosEpoch = 0x21;         // 1 January 1980: the same bytes every time
constexpr std::string_view kSuffix = ".npy";

struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

std::string open_error(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = printable(zip_error_strerror(&error));
  zip_error_fini(&error);
  return text;
}

// The array's name. It becomes a field's name, and perhaps an object's or a file's elsewhere.
std::string array_name(const std::string& path, std::string_view entry) {
  REVERIE_CHECK(entry.ends_with(kSuffix) && entry.size() > kSuffix.size(),
                "{}: holds '{}', expected arrays, NAME.npy", path, printable(entry));
  const std::string_view name = entry.substr(0, entry.size() - kSuffix.size());
  const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '/' && c != '\\';
  });
  REVERIE_CHECK(is_plain && !name.starts_with('.'),
                "{}: holds an array named '{}'; expected a name without path, spaces and dots in "
                "front",
                path, printable(name));
  return std::string(name);
}

}  // namespace

void NpzFile::Close::operator()(zip* archive) const { zip_discard(archive); }

NpzFile::NpzFile(const fs::path& path) : path_(path.string()) {
  std::error_code ignored;
  REVERIE_CHECK(fs::is_regular_file(path, ignored), "{}: is not a regular file", path_);
  int code = 0;
  archive_.reset(zip_open(path_.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  REVERIE_CHECK(archive_ != nullptr,
                "{}: cannot be opened as a zip archive, which a .npz file is: {}", path_,
                open_error(code));
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  REVERIE_CHECK(count <= kMaxArrays, "{}: holds {} arrays, at most {} are read", path_, count,
                kMaxArrays);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE;
    REVERIE_CHECK(
        zip_stat_index(archive_.get(), i, 0, &stat) == 0 && (stat.valid & kNeeded) == kNeeded,
        "{}: entry {} of the archive has no name or no size", path_, i);
    const std::string name = array_name(path_, stat.name);
    REVERIE_CHECK(find(name) == nullptr, "{}: holds two arrays named '{}'", path_, name);
    std::string unread;
    const NpyHeader header = parse_npy_header(
        locate(name), unpack(i, 0, std::min<zip_uint64_t>(stat.size, kMaxNpyHeaderBytes)), &unread);
    arrays_.push_back({name, header, unread});
    if (!unread.empty()) continue;
    const zip_uint64_t expected = header.offset + static_cast<zip_uint64_t>(header.value_bytes);
    REVERIE_CHECK(stat.size == expected, "{}: is an array of {} bytes, but {} are stored",
                  locate(name), expected, stat.size);
  }
}

std::string NpzFile::locate(const std::string& name) const { return path_ + ":" + name; }

const NpzFile::Array* NpzFile::find(const std::string& name) const {
  const auto found = std::find_if(arrays_.begin(), arrays_.end(),
                                  [&](const Array& array) { return array.name == name; });
  return found == arrays_.end() ? nullptr : &*found;
}

std::vector<std::byte> NpzFile::read(const Array& array, int64_t max_bytes) const {
  REVERIE_CHECK(array.unread.empty(), "{}: {}", locate(array.name), array.unread);
  const NpyHeader& header = array.header;
  const int64_t in_memory = header.value_bytes / static_cast<int64_t>(header.item_bytes) *
                            static_cast<int64_t>(item_size(header.dtype));
  REVERIE_CHECK(in_memory <= max_bytes, "{}: has {} bytes, at most {} are read", locate(array.name),
                in_memory, max_bytes);
  const auto entry = static_cast<size_t>(&array - arrays_.data());
  return decode_npy_values(locate(array.name), header,
                           unpack(entry, header.offset, static_cast<size_t>(header.value_bytes)));
}

// Bytes [first, first + count) of an entry; memory grows as they arrive. If they reach the entry's
// end, the archive's checksum is compared too.
std::vector<std::byte> NpzFile::unpack(size_t entry, size_t first, size_t count) const {
  const std::unique_ptr<zip_file_t, CloseEntry> file(zip_fopen_index(archive_.get(), entry, 0));
  REVERIE_CHECK(file != nullptr, "{}: entry {} cannot be unpacked: {}", path_, entry,
                printable(zip_strerror(archive_.get())));
  std::vector<std::byte> bytes;
  const size_t end = first + count;
  while (bytes.size() < end) {
    const size_t had = bytes.size();
    bytes.resize(std::min(end, had + kBlockBytes));
    const zip_int64_t got = zip_fread(file.get(), bytes.data() + had, bytes.size() - had);
    REVERIE_CHECK(got > 0, "{}: entry {} is damaged: {}", path_, entry,
                  got == 0 ? "it ends too early" : printable(zip_file_strerror(file.get())));
    bytes.resize(had + static_cast<size_t>(got));
  }
  std::byte more;
  const zip_int64_t got = first > 0 ? zip_fread(file.get(), &more, 1) : 0;
  REVERIE_CHECK(
      got == 0, "{}: entry {} is damaged: {}", path_, entry,
      got > 0 ? "it has more bytes than it declares" : printable(zip_file_strerror(file.get())));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<int64_t>(first));
  return bytes;
}

void write_npz(const fs::path& path,
               std::span<const std::pair<std::string, std::vector<std::byte>>> arrays) {
  int code = 0;
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &code), &zip_discard);
  REVERIE_CHECK_RUN(archive != nullptr, "{}: cannot be created: {}", path.string(),
                    open_error(code));
  const auto check = [&](bool good) {
    REVERIE_CHECK_RUN(good, "{}: cannot be written: {}", path.string(),
                      printable(zip_strerror(archive.get())));
  };
  for (const auto& [name, bytes] : arrays) {
    zip_source_t* source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
    check(source != nullptr);
    const zip_int64_t entry = zip_file_add(archive.get(), (name + std::string(kSuffix)).c_str(),
                                           source, ZIP_FL_ENC_UTF_8);
    if (entry < 0) zip_source_free(source);
    check(entry >= 0);
    const auto index = static_cast<zip_uint64_t>(entry);
    check(zip_set_file_compression(archive.get(), index, ZIP_CM_DEFLATE, 0) == 0 &&
          zip_file_set_dostime(archive.get(), index, 0, kDosEpoch, 0) == 0);
  }
  check(zip_close(archive.get()) == 0);
  archive.release();
}

}  // namespace reverie
