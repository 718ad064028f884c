#include "nn/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include <ATen/ATen.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace reverie {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors values are little-endian");

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr size_t kMaxRank = 64;                    // NumPy's limit
constexpr size_t kAlignment = 8;                   // [byte] of the data's start
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeName {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<DTypeName, 10> kDTypes{{{"F64", at::kDouble},
                                             {"F32", at::kFloat},
                                             {"F16", at::kHalf},
                                             {"BF16", at::kBFloat16},
                                             {"I64", at::kLong},
                                             {"I32", at::kInt},
                                             {"I16", at::kShort},
                                             {"I8", at::kChar},
                                             {"U8", at::kByte},
                                             {"BOOL", at::kBool}}};

std::string known_dtypes() {
  std::vector<std::string_view> names;
  for (const DTypeName& dtype : kDTypes) names.push_back(dtype.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

struct Entry {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape = {};
  uint64_t begin = 0, end = 0;  // [byte] from the start of the data
};

// Size of the tensor in bytes. nullopt when the product reaches 2^63; zero dimensions count as one
// there, because strides are computed that way.
std::optional<uint64_t> byte_size(std::span<const int64_t> shape, at::ScalarType dtype) {
  auto bytes = static_cast<int64_t>(at::elementSize(dtype));
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

// Reads the JSON header event by event, so that only the entries themselves are built and a value
// that cannot belong to a header is refused at once. That also limits the nesting to three levels.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { fail_value("null"); }
  bool boolean(bool value) override { fail_value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { fail_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { fail_value(text); }
  bool binary(binary_t&) override { fail_value("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ == Level::kShape) {
      if (value > static_cast<uint64_t>(INT64_MAX)) fail_value(std::to_string(value));
      if (entries.back().shape.size() == kMaxRank) {
        fail_input("{}: tensor '{}' has more than {} dimensions", path_, tensor_name(), kMaxRank);
      }
      entries.back().shape.push_back(static_cast<int64_t>(value));
    } else if (level_ == Level::kOffsets && offsets_ < 2) {
      (offsets_++ == 0 ? entries.back().begin : entries.back().end) = value;
    } else {
      fail_value(std::to_string(value));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (level_ == Level::kMetadata) {
      if (!metadata.emplace(key_, std::move(value)).second) fail_duplicate(key_);
    } else if (level_ == Level::kTensor && key_ == "dtype") {
      const auto* known = std::find_if(kDTypes.begin(), kDTypes.end(),
                                       [&](const DTypeName& d) { return d.name == value; });
      if (known == kDTypes.end()) {
        fail_input("{}: tensor '{}' has dtype '{}', expected one of {}", path_, tensor_name(),
                   printable(value), known_dtypes());
      }
      entries.back().dtype = known->type;
    } else {
      fail_value(fmt::format("text '{}'", printable(value)));
    }
    return true;
  }

  bool start_object(size_t) override {
    if (level_ == Level::kNone) {
      level_ = Level::kRoot;
    } else if (level_ == Level::kRoot) {
      const bool is_metadata = key_ == kMetadataKey;
      if (!names_.insert(key_).second) fail_duplicate(key_);
      level_ = is_metadata ? Level::kMetadata : Level::kTensor;
      if (!is_metadata) entries.push_back({.name = key_});
      seen_dtype_ = seen_shape_ = seen_offsets_ = false;
    } else {
      fail_value("an object");
    }
    return true;
  }

  bool end_object() override {
    if (level_ == Level::kTensor && !(seen_dtype_ && seen_shape_ && seen_offsets_)) {
      fail_input("{}: tensor '{}' lacks its {}", path_, tensor_name(),
                 !seen_dtype_   ? "dtype"
                 : !seen_shape_ ? "shape"
                                : "data_offsets");
    }
    level_ = Level::kRoot;
    return true;
  }

  bool start_array(size_t) override {
    if (level_ == Level::kTensor && key_ == "shape") {
      level_ = Level::kShape;
    } else if (level_ == Level::kTensor && key_ == "data_offsets") {
      level_ = Level::kOffsets;
      offsets_ = 0;
    } else {
      fail_value("an array");
    }
    return true;
  }

  bool end_array() override {
    if (level_ == Level::kOffsets && offsets_ != 2) {
      fail_input("{}: tensor '{}' has {} data_offsets, expected 2", path_, tensor_name(), offsets_);
    }
    level_ = Level::kTensor;
    return true;
  }

  bool key(string_t& value) override {
    key_ = std::move(value);
    if (level_ == Level::kTensor) {
      bool* seen = key_ == "dtype"          ? &seen_dtype_
                   : key_ == "shape"        ? &seen_shape_
                   : key_ == "data_offsets" ? &seen_offsets_
                                            : nullptr;
      if (seen == nullptr) {
        fail_input("{}: tensor '{}' has an unknown key '{}', expected dtype, shape, data_offsets",
                   path_, tensor_name(), printable(key_));
      }
      if (*seen) fail_duplicate(key_);
      *seen = true;
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail_input("{}: the header is not JSON at its byte {}: {}", path_, position,
               printable(error.what()));
  }

 private:
  enum class Level : uint8_t { kNone, kRoot, kMetadata, kTensor, kShape, kOffsets };

  std::string tensor_name() const { return printable(entries.back().name); }

  [[noreturn]] void fail_duplicate(const std::string& key) const {
    fail_input("{}: the header has the key '{}' twice{}", path_, printable(key),
               level_ == Level::kTensor ? fmt::format(" in tensor '{}'", tensor_name()) : "");
  }

  [[noreturn]] void fail_value(const std::string& found) const {
    switch (level_) {
      case Level::kNone:
        fail_input("{}: the header is {}, expected a JSON object", path_, found);
      case Level::kRoot:
        fail_input("{}: tensor '{}' is {}, expected an object", path_, printable(key_), found);
      case Level::kMetadata:
        fail_input("{}: metadata '{}' is {}, expected text", path_, printable(key_), found);
      case Level::kTensor:
        fail_input("{}: tensor '{}' has {} as its {}, expected {}", path_, tensor_name(), found,
                   printable(key_), key_ == "dtype" ? "text" : "an array");
      case Level::kShape:
        fail_input("{}: tensor '{}' has {} in its shape, expected integers in [0, 2^63)", path_,
                   tensor_name(), found);
      case Level::kOffsets:
        fail_input("{}: tensor '{}' has {} in its data_offsets, expected 2 integers in [0, 2^64)",
                   path_, tensor_name(), found);
    }
    fail_input("{}: the header is malformed", path_);
  }

  const std::string& path_;
  Level level_ = Level::kNone;
  std::string key_;  // the last one read
  bool seen_dtype_ = false, seen_shape_ = false, seen_offsets_ = false;
  int offsets_ = 0;
  std::unordered_set<std::string> names_;
};

// The offsets must cover [0, data_bytes) without gaps and fit the shapes.
void check_layout(const std::string& path, const std::vector<Entry>& entries, uint64_t data_bytes) {
  std::vector<const Entry*> by_offset;
  for (const Entry& entry : entries) {
    if (entry.begin > entry.end || entry.end > data_bytes) {
      fail_input("{}: tensor '{}' lies at bytes [{}, {}) of the data, which has {}", path,
                 printable(entry.name), entry.begin, entry.end, data_bytes);
    }
    const std::optional<uint64_t> bytes = byte_size(entry.shape, entry.dtype);
    if (!bytes) {
      fail_input("{}: tensor '{}' of shape [{}] has 2^63 bytes or more", path,
                 printable(entry.name), fmt::join(entry.shape, ", "));
    }
    if (entry.end - entry.begin != *bytes) {
      fail_input("{}: tensor '{}' of shape [{}] has {} bytes of data, expected {}", path,
                 printable(entry.name), fmt::join(entry.shape, ", "), entry.end - entry.begin,
                 *bytes);
    }
    by_offset.push_back(&entry);
  }
  std::sort(by_offset.begin(), by_offset.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  uint64_t covered = 0;
  for (const Entry* entry : by_offset) {
    if (entry->begin != covered) {
      fail_input("{}: tensor '{}' begins at byte {} of the data, expected {} ({})", path,
                 printable(entry->name), entry->begin, covered,
                 entry->begin < covered ? "it overlaps another" : "there is a gap");
    }
    covered = entry->end;
  }
  REVERIE_CHECK(covered == data_bytes, "{}: the data has {} bytes, the tensors cover {} of them",
                path, data_bytes, covered);
}

class InputFile {
 public:
  explicit InputFile(const std::string& path)
      // O_NONBLOCK: opening a named pipe must not block until it has a writer.
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (!file_.is_open()) fail_input("{}: cannot open: {}", path, std::strerror(errno));
    struct stat status {};
    REVERIE_CHECK(::fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode),
                  "{}: not a regular file, expected a safetensors file", path);
    size_ = static_cast<uint64_t>(status.st_size);
  }

  uint64_t size() const { return size_; }

  // Fills `out` from the file's byte `offset`.
  void read(uint64_t offset, std::span<char> out) const {
    while (!out.empty()) {
      const ssize_t got = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      REVERIE_CHECK_RUN(got >= 0, "{}: reading byte {} failed: {}", path_, offset,
                        std::strerror(errno));
      REVERIE_CHECK(got > 0, "{}: ended at byte {}; it was shortened while being read", path_,
                    offset);
      offset += static_cast<uint64_t>(got);
      out = out.subspan(static_cast<size_t>(got));
    }
  }

 private:
  const std::string& path_;
  FileDescriptor file_;
  uint64_t size_ = 0;
};

// In C++ a bool with any byte other than 0 and 1 is undefined.
void check_bools(std::span<char> values, const std::string& path, const Entry& entry) {
  if (entry.dtype != at::kBool) return;
  const auto bad = std::find_if(values.begin(), values.end(),
                                [](char c) { return static_cast<unsigned char>(c) > 1; });
  if (bad == values.end()) return;
  const int found = static_cast<unsigned char>(*bad);
  std::fill(values.begin(), values.end(), '\0');
  fail_input("{}: tensor '{}' of dtype BOOL holds {} at element {}, expected 0 or 1", path,
             printable(entry.name), found, bad - values.begin());
}

// Fills a contiguous tensor on the CPU from the file's byte `offset`.
void read_values(const InputFile& file, const std::string& path, const Entry& entry,
                 uint64_t offset, const at::Tensor& target) {
  const std::span<char> values(static_cast<char*>(target.data_ptr()), target.nbytes());
  file.read(offset, values);
  check_bools(values, path, entry);
}

at::Tensor read_tensor(const InputFile& file, const std::string& path, const Entry& entry,
                       uint64_t data_start) {
  at::Tensor tensor;
  try {
    tensor = at::empty(entry.shape, at::TensorOptions().dtype(entry.dtype));
  } catch (const c10::Error&) {
    fail_run("{}: tensor '{}' needs {} bytes, more memory than there is", path,
             printable(entry.name), entry.end - entry.begin);
  }
  read_values(file, path, entry, data_start + entry.begin, tensor);
  return tensor;
}

// Whether a tensor or each of its rows is contiguous. Such a tensor, for example a half-full ring,
// can be written and read row by row without copying all of it.
bool has_contiguous_rows(const at::Tensor& tensor) {
  return tensor.is_contiguous() ||
         (tensor.dim() > 0 && tensor.numel() > 0 && tensor.select(0, 0).is_contiguous());
}

// Calls `visit` with the contiguous pieces of such a tensor in the order of its values.
template <typename Visit>
void for_each_piece(const at::Tensor& tensor, const Visit& visit) {
  if (tensor.is_contiguous()) {
    visit(tensor);
    return;
  }
  for (int64_t i = 0; i < tensor.size(0); ++i) visit(tensor.select(0, i));
}

std::string_view dtype_to_save(const std::string& path, const std::string& name,
                               const at::Tensor& tensor) {
  REVERIE_CHECK(tensor.defined() && tensor.layout() == at::kStrided && !tensor.is_quantized(),
                "{}: tensor '{}' cannot be saved: it is undefined, sparse or quantized", path,
                printable(name));
  for (const DTypeName& dtype : kDTypes) {
    if (dtype.type == tensor.scalar_type()) return dtype.name;
  }
  fail_input("{}: tensor '{}' has dtype {}, expected one that safetensors stores: {}", path,
             printable(name), at::toString(tensor.scalar_type()), known_dtypes());
}

std::string describe(const at::Tensor& tensor) {
  return fmt::format("{} [{}]", at::toString(tensor.scalar_type()),
                     fmt::join(tensor.sizes(), ", "));
}

}  // namespace

const at::Tensor& SafetensorsFile::tensor(std::string_view name) const {
  std::vector<std::string> known;
  for (const auto& [candidate, tensor] : tensors) {
    if (candidate == name) return tensor;
    known.push_back(printable(candidate));
  }
  fail_unknown_name("tensor", name, known, path);
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<size_t> layout(tensors.size());
  std::iota(layout.begin(), layout.end(), size_t{0});
  std::vector<std::string_view> dtypes;
  std::unordered_set<std::string_view> names{kMetadataKey};
  for (const auto& [name, tensor] : tensors) {
    dtypes.push_back(dtype_to_save(path, name, tensor));
    REVERIE_CHECK(names.insert(name).second, "{}: the tensor name '{}' is {}", path,
                  printable(name), name == kMetadataKey ? "reserved" : "given twice");
  }
  std::stable_sort(layout.begin(), layout.end(), [&](size_t a, size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  std::vector<uint64_t> begin(tensors.size());
  uint64_t data_bytes = 0;
  for (const size_t i : layout) {
    begin[i] = data_bytes;
    data_bytes += tensors[i].second.nbytes();
  }

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    header[name] = {{"dtype", dtypes[i]},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin[i], begin[i] + tensor.nbytes()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    fail_input("{}: a tensor name or metadata text is not UTF-8: {}", path,
               printable(error.what()));
  }
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  REVERIE_CHECK(text.size() <= kMaxHeaderBytes,
                "{}: names and metadata make a header of {} bytes, at most {} can be read back",
                path, text.size(), kMaxHeaderBytes);

  AtomicFile file(path);
  const uint64_t length = text.size();
  file.write(std::string_view(reinterpret_cast<const char*>(&length), sizeof length));
  file.write(text);
  for (const size_t i : layout) {
    const at::Tensor values = tensors[i].second.detach().to(at::kCPU).resolve_neg();
    for_each_piece(
        has_contiguous_rows(values) ? values : values.contiguous(), [&](const at::Tensor& piece) {
          file.write(
              std::string_view(static_cast<const char*>(piece.const_data_ptr()), piece.nbytes()));
        });
  }
  file.commit();
}

struct SafetensorsReader::File {
  explicit File(const std::string& name) : path(name), input(path) {}

  const Entry& entry(std::string_view name) const {
    if (const auto found = index.find(name); found != index.end()) return entries[found->second];
    std::vector<std::string> known;
    for (const Entry& candidate : entries) known.push_back(printable(candidate.name));
    fail_unknown_name("tensor", name, known, path);
  }

  std::string path;
  InputFile input;
  uint64_t data_start = 0;
  std::vector<Entry> entries;
  std::unordered_map<std::string_view, size_t> index;
  std::map<std::string, std::string> metadata;
};

SafetensorsReader::SafetensorsReader(const std::string& path) {
  auto file = std::make_unique<File>(path);
  const InputFile& input = file->input;
  uint64_t length = 0;
  REVERIE_CHECK(input.size() >= sizeof length,
                "{}: has {} bytes, a safetensors file has at least 8", path, input.size());
  input.read(0, {reinterpret_cast<char*>(&length), sizeof length});
  const uint64_t limit = std::min(input.size() - sizeof length, kMaxHeaderBytes);
  REVERIE_CHECK(length <= limit,
                "{}: not a safetensors file, or cut short: its header has {} bytes, at most {} fit",
                path, length, limit);

  std::string text(length, '\0');
  input.read(sizeof length, text);
  // The parser treats a zero byte as the end of its input, and skips a byte-order mark.
  REVERIE_CHECK(text.starts_with('{') && text.find('\0') == std::string::npos,
                "{}: not a safetensors file: the header is '{}', expected a JSON object", path,
                printable(text));
  HeaderReader reader(path);
  nlohmann::json::sax_parse(text, &reader);
  file->data_start = sizeof length + length;
  check_layout(path, reader.entries, input.size() - file->data_start);
  file->entries = std::move(reader.entries);
  file->metadata = std::move(reader.metadata);
  for (size_t i = 0; i < file->entries.size(); ++i) file->index.emplace(file->entries[i].name, i);
  file_ = std::move(file);
}

SafetensorsReader::~SafetensorsReader() = default;

const std::string& SafetensorsReader::path() const { return file_->path; }

const std::map<std::string, std::string>& SafetensorsReader::metadata() const {
  return file_->metadata;
}

std::vector<std::string> SafetensorsReader::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : file_->entries) names.push_back(entry.name);
  return names;
}

bool SafetensorsReader::contains(std::string_view name) const {
  return file_->index.contains(name);
}

std::vector<int64_t> SafetensorsReader::shape(std::string_view name) const {
  return file_->entry(name).shape;
}

c10::ScalarType SafetensorsReader::dtype(std::string_view name) const {
  return file_->entry(name).dtype;
}

at::Tensor SafetensorsReader::read(std::string_view name) const {
  return read_tensor(file_->input, file_->path, file_->entry(name), file_->data_start);
}

void SafetensorsReader::fill(std::string_view name, const at::Tensor& target) const {
  const Entry& entry = file_->entry(name);
  if (!target.device().is_cpu() || !has_contiguous_rows(target)) {
    target.detach().copy_(read(name));
    return;
  }
  uint64_t offset = file_->data_start + entry.begin;
  for_each_piece(target.detach(), [&](const at::Tensor& piece) {
    read_values(file_->input, file_->path, entry, offset, piece);
    offset += piece.nbytes();
  });
}

SafetensorsFile load_safetensors(const std::string& path) {
  const SafetensorsReader reader(path);
  SafetensorsFile loaded{.path = path, .tensors = {}, .metadata = reader.metadata()};
  for (std::string& name : reader.names()) {
    at::Tensor tensor = reader.read(name);
    loaded.tensors.emplace_back(std::move(name), std::move(tensor));
  }
  return loaded;
}

void check_tensors_match(std::string_view where, const NamedTensors& expected,
                         const NamedTensors& found) {
  std::unordered_map<std::string_view, const at::Tensor*> unmatched;
  for (const auto& [name, tensor] : found) unmatched.emplace(name, &tensor);
  std::vector<std::string> missing, different, unexpected;
  for (const auto& [name, tensor] : expected) {
    const auto match = unmatched.find(name);
    if (match == unmatched.end()) {
      missing.push_back(fmt::format("{} {}", name, describe(tensor)));
      continue;
    }
    const at::Tensor& other = *match->second;
    if (other.sizes() != tensor.sizes() || other.scalar_type() != tensor.scalar_type()) {
      different.push_back(
          fmt::format("{} {}, expected {}", name, describe(other), describe(tensor)));
    }
    unmatched.erase(match);
  }
  for (const auto& [name, tensor] : found) {
    if (unmatched.contains(name)) {
      unexpected.push_back(fmt::format("{} {}", printable(name), describe(tensor)));
    }
  }
  if (missing.empty() && different.empty() && unexpected.empty()) return;
  std::string message = fmt::format("{}: the tensors are not those of this network", where);
  const auto add = [&](std::string_view what, const std::vector<std::string>& items) {
    if (!items.empty()) message += fmt::format("; {}: {}", what, fmt::join(items, " | "));
  };
  add("missing", missing);
  add("different", different);
  add("unexpected", unexpected);
  throw Error(message);
}

}  // namespace reverie
