#include "core/text.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/hash.h"

namespace reverie {

std::string printable(std::string_view text) {
  constexpr size_t kShown = 120;
  std::string shown;
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  if (text.size() > kShown) shown += fmt::format("... ({} bytes)", text.size());
  return shown;
}

namespace {

// Length in bytes of the UTF-8 character that begins here; 0 if none does.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string printable_lines(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    size_t length = utf8_length(text);
    // C1 control characters, U+0080 to U+009F, also control some terminals.
    const bool is_control =
        (first < 0x20 && first != '\n') || first == 0x7f ||
        (first == 0xc2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length == 0 || is_control) {
      length = std::max<size_t>(length, 1);
      for (size_t i = 0; i < length; ++i) {
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      }
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return shown;
}

uint64_t name_hash(std::string_view name) {
  Fnv1a hash;
  hash.add(name);
  return hash.value();
}

}  // namespace reverie
