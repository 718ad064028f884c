#include "core/text.h"

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

uint64_t name_hash(std::string_view name) {
  Fnv1a hash;
  hash.add(name);
  return hash.value();
}

}  // namespace reverie
