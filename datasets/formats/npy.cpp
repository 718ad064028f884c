#include "datasets/formats/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "datasets/array_bytes.h"

namespace reverie {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kAlignment = 64;                      // of the values, NumPy's since 1.14
constexpr size_t kMaxAxes = 32;                        // NumPy's own limit before 2.0
constexpr size_t kShortPrefix = 10, kLongPrefix = 12;  // magic, version and length of the text

struct Kind {
  std::string_view descr;
  DType dtype;
  size_t item_bytes;
};
constexpr Kind kKinds[] = {{"<f4", DType::kFloat32, 4}, {"<f8", DType::kFloat64, 8},
                           {"|u1", DType::kUInt8, 1},   {"|b1", DType::kBool, 1},
                           {"|i1", DType::kInt64, 1},   {"<i2", DType::kInt64, 2},
                           {"<i4", DType::kInt64, 4},   {"<i8", DType::kInt64, 8}};

// The dictionary of Python that describes the array: three keys, each once, in any order.
class HeaderText {
 public:
  HeaderText(const std::string& where, std::string_view text) : where_(where), text_(text) {}

  void parse() {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        if (peek() == '[') fail("holds records with named fields, expected plain numbers");
        descr = quoted();
      } else if (key == "fortran_order" && !is_fortran) {
        is_fortran = boolean();
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        fail("has a header with another key than descr, fortran_order and shape, or one twice");
      }
      if (!take(',') && peek() != '}') fail_syntax();
    }
    skip_space();
    if (at_ != text_.size()) fail_syntax();
    if (!descr || !is_fortran || !shape) fail("has a header without descr, fortran_order or shape");
  }

  [[noreturn]] void fail(const std::string& what) const { fail_input("{}: {}", where_, what); }

  std::optional<std::string_view> descr;
  std::optional<bool> is_fortran;
  std::optional<std::vector<int64_t>> shape;

 private:
  [[noreturn]] void fail_syntax() const {
    fail(fmt::format("its header is not what NumPy writes: '{}'", printable(text_)));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail_syntax();
  }

  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail_syntax();
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail_syntax();
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return content;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail_syntax();
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> lengths;
    expect('(');
    while (!take(')')) {
      skip_space();
      int64_t length = -1;
      const char* end = text_.data() + text_.size();
      const auto [next, error] = std::from_chars(text_.data() + at_, end, length);
      if (error != std::errc{} || length < 0) {
        fail("its header gives a length that is no number from 0 to 2^63 - 1");
      }
      at_ = static_cast<size_t>(next - text_.data());
      lengths.push_back(length);
      if (lengths.size() > kMaxAxes) fail(fmt::format("has more than {} axes", kMaxAxes));
      if (!take(',') && peek() != ')') fail_syntax();
    }
    return lengths;
  }

  const std::string& where_;
  std::string_view text_;
  size_t at_ = 0;
};

// Where the header's text lies behind magic and version.
std::pair<size_t, size_t> find_text(const std::string& where, std::string_view start) {
  REVERIE_CHECK(start.size() >= kShortPrefix && start.starts_with(kMagic),
                "{}: is no .npy array: it does not begin with NumPy's magic bytes", where);
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(start[i])); };
  const size_t version = byte(6);
  REVERIE_CHECK(version >= 1 && version <= 3 && byte(7) == 0,
                "{}: has .npy version {}.{}, expected 1.0, 2.0 or 3.0", where, version, byte(7));
  const size_t prefix = version == 1 ? kShortPrefix : kLongPrefix;
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1 && start.size() >= kLongPrefix) length |= byte(10) << 16 | byte(11) << 24;
  REVERIE_CHECK(start.size() >= prefix && length <= start.size() - prefix,
                "{}: its header of {} bytes is cut short or longer than the {} bytes that are read",
                where, length, kMaxNpyHeaderBytes);
  return {prefix, length};
}

template <typename T>
std::vector<std::byte> widen(const std::vector<std::byte>& bytes) {
  std::vector<std::byte> wide(bytes.size() / sizeof(T) * sizeof(int64_t));
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    T narrow;
    std::memcpy(&narrow, bytes.data() + i * sizeof(T), sizeof(T));
    const auto value = static_cast<int64_t>(narrow);
    std::memcpy(wide.data() + i * sizeof(int64_t), &value, sizeof value);
  }
  return wide;
}

std::string_view descr_of(DType dtype) {
  return std::find_if(std::begin(kKinds), std::end(kKinds),
                      [&](const Kind& kind) {
                        return kind.dtype == dtype && kind.item_bytes == item_size(dtype);
                      })
      ->descr;
}

}  // namespace

NpyHeader parse_npy_header(const std::string& where, std::span<const std::byte> start) {
  const std::string_view file(reinterpret_cast<const char*>(start.data()), start.size());
  const auto [offset, length] = find_text(where, file);
  HeaderText text(where, file.substr(offset, length));
  text.parse();
  if (text.descr->find('O') != std::string_view::npos) {
    text.fail("holds Python objects, which are not read: a pickle can run any program");
  }
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](const Kind& k) { return k.descr == *text.descr; });
  if (kind == std::end(kKinds)) {
    text.fail(fmt::format("holds '{}', expected <f4, <f8, |u1, |b1, |i1, <i2, <i4 or <i8",
                          printable(*text.descr)));
  }
  if (*text.is_fortran && text.shape->size() > 1) {
    text.fail("is in column-major order; write it with numpy.ascontiguousarray(array)");
  }
  // With a lane of eight bytes for each element the values fit in memory's address space too.
  const std::optional<int64_t> widest = array_bytes(*text.shape, sizeof(int64_t));
  if (!widest) text.fail("its size reaches 2^63 bytes");
  const std::optional<int64_t> bytes = array_bytes(*text.shape, kind->item_bytes);
  return {.dtype = kind->dtype,
          .shape = *text.shape,
          .item_bytes = kind->item_bytes,
          .offset = offset + length,
          .value_bytes = *bytes};
}

std::vector<std::byte> decode_npy_values(const std::string& where, const NpyHeader& header,
                                         std::vector<std::byte> bytes) {
  REVERIE_CHECK(static_cast<int64_t>(bytes.size()) == header.value_bytes,
                "{}: has {} bytes of values, expected {}", where, bytes.size(), header.value_bytes);
  if (header.dtype == DType::kBool) {
    const auto bad =
        std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; });
    REVERIE_CHECK(bad == bytes.end(), "{}: element {} is {}, expected a bool, 0 or 1", where,
                  bad - bytes.begin(), static_cast<int>(*bad));
  }
  if (header.dtype != DType::kInt64 || header.item_bytes == 8) return bytes;
  if (header.item_bytes == 4) return widen<int32_t>(bytes);
  return header.item_bytes == 2 ? widen<int16_t>(bytes) : widen<int8_t>(bytes);
}

std::vector<std::byte> npy_file(const Field& row, std::span<const std::byte> rows) {
  std::string shape = fmt::format("({},", rows.size() / row.bytes());
  for (const int64_t length : row.shape) shape += fmt::format(" {},", length);
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}), }}",
                                 descr_of(row.dtype), shape);
  const size_t unpadded = kShortPrefix + text.size() + 1;
  text.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string start(kMagic);
  start += {'\1', '\0', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  start += text;
  const auto bytes = std::as_bytes(std::span(start));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  file.insert(file.end(), rows.begin(), rows.end());
  return file;
}

}  // namespace reverie
