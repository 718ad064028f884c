#include "datasets/formats/npy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
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

// A NumPy type and the dtype it is read as. The first entry of a dtype with its size is used for
// writing.
struct Kind {
  std::string_view descr;
  DType dtype;
  size_t item_bytes;
  bool is_unsigned = false;
};
constexpr Kind kKinds[] = {{"<f4", DType::kFloat32, 4},     {"<f8", DType::kFloat64, 8},
                           {"<f2", DType::kFloat32, 2},     {"|u1", DType::kUInt8, 1},
                           {"|b1", DType::kBool, 1},        {"|i1", DType::kInt64, 1},
                           {"<i2", DType::kInt64, 2},       {"<i4", DType::kInt64, 4},
                           {"<i8", DType::kInt64, 8},       {"<u2", DType::kInt64, 2, true},
                           {"<u4", DType::kInt64, 4, true}, {"<u8", DType::kInt64, 8, true}};

std::string known_kinds() {
  std::string text;
  for (const Kind& kind : kKinds) text += (text.empty() ? "" : ", ") + std::string(kind.descr);
  return text;
}

// Python's dictionary that describes the array: three keys, each once, in any order.
class HeaderText {
 public:
  HeaderText(const std::string& where, std::string_view text) : where_(where), text_(text) {}

  void parse() {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        is_record = peek() == '[';
        descr = is_record ? bracketed() : quoted();
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
  bool is_record = false;  // descr is a list, of named fields
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

  // A list, including nested lists and tuples; names in it contain no brackets.
  std::string_view bracketed() {
    const size_t begin = at_;
    int depth = 0;
    do {
      if (at_ == text_.size()) fail_syntax();
      if (text_[at_] == '[') ++depth;
      if (text_[at_] == ']') --depth;
      ++at_;
    } while (depth > 0);
    return text_.substr(begin, at_ - begin);
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
        fail("its header gives a length that is not a number from 0 to 2^63 - 1");
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

// Why values of this description cannot be read; "" if they can.
std::string why_unread(const HeaderText& text, bool is_unknown) {
  if (text.is_record) return "holds records with named fields, expected plain numbers";
  if (text.descr->find('O') != std::string_view::npos) {
    return "holds Python objects, which are not read: a pickle can run any program";
  }
  if (is_unknown) {
    return fmt::format("holds '{}', expected one of {}", printable(*text.descr), known_kinds());
  }
  if (*text.is_fortran && text.shape->size() > 1) {
    return "is in column-major order; write it with numpy.ascontiguousarray(array)";
  }
  return "";
}

// The position of the header's text after magic and version.
std::pair<size_t, size_t> find_text(const std::string& where, std::string_view start) {
  REVERIE_CHECK(start.size() >= kShortPrefix && start.starts_with(kMagic),
                "{}: is not a .npy array: it does not begin with NumPy's magic bytes", where);
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

// IEEE 754 half precision: a sign, 5 bits of exponent and 10 of fraction.
float from_half(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) {
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity()
                         : std::numeric_limits<float>::quiet_NaN();
  }
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                               : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25));
}

std::vector<std::byte> widen_halves(const std::vector<std::byte>& bytes) {
  std::vector<std::byte> wide(bytes.size() * 2);
  for (size_t i = 0; i < bytes.size() / 2; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes.data() + 2 * i, sizeof half);
    const float value = from_half(half);
    std::memcpy(wide.data() + i * sizeof value, &value, sizeof value);
  }
  return wide;
}

// Counts beyond the range of int64 do not fit.
void check_signed(const std::string& where, const std::vector<std::byte>& bytes) {
  for (size_t i = 0; i < bytes.size() / sizeof(uint64_t); ++i) {
    uint64_t value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    REVERIE_CHECK(value <= uint64_t{INT64_MAX}, "{}: element {} is {}, beyond int64", where, i,
                  value);
  }
}

std::string_view descr_of(DType dtype) {
  return std::find_if(std::begin(kKinds), std::end(kKinds),
                      [&](const Kind& kind) {
                        return kind.dtype == dtype && kind.item_bytes == item_size(dtype);
                      })
      ->descr;
}

}  // namespace

NpyHeader parse_npy_header(const std::string& where, std::span<const std::byte> start,
                           std::string* unread) {
  const std::string_view file(reinterpret_cast<const char*>(start.data()), start.size());
  const auto [offset, length] = find_text(where, file);
  HeaderText text(where, file.substr(offset, length));
  text.parse();
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](const Kind& k) { return k.descr == *text.descr; });
  if (const std::string reason = why_unread(text, kind == std::end(kKinds)); !reason.empty()) {
    if (unread == nullptr) text.fail(reason);
    *unread = reason;
    return {};
  }
  // Even with eight bytes for each element the values must fit into memory's address space.
  const std::optional<int64_t> widest = array_bytes(*text.shape, sizeof(int64_t));
  if (!widest) text.fail("its size reaches 2^63 bytes");
  const std::optional<int64_t> bytes = array_bytes(*text.shape, kind->item_bytes);
  return {.dtype = kind->dtype,
          .shape = *text.shape,
          .item_bytes = kind->item_bytes,
          .is_unsigned = kind->is_unsigned,
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
  if (header.dtype == DType::kFloat32 && header.item_bytes == 2) return widen_halves(bytes);
  if (header.dtype != DType::kInt64) return bytes;
  if (header.item_bytes == 8) {
    if (header.is_unsigned) check_signed(where, bytes);
    return bytes;
  }
  if (header.is_unsigned) {
    return header.item_bytes == 4 ? widen<uint32_t>(bytes) : widen<uint16_t>(bytes);
  }
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
