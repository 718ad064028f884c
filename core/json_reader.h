#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace reverie {

// Reads required members of a JSON object, each of a required kind. Each function throws
// Error(kInput) that opens with `source` and names the member, what was found and what was
// expected.
class JsonReader {
 public:
  // The value must outlive this.
  JsonReader(const Json& value, std::string source);

  const Json& member(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  const Json::List& list(std::string_view key) const;
  const Json::Object& object(std::string_view key) const;

 private:
  [[noreturn]] void fail(std::string_view key, const char* expected) const;

  const Json& value_;
  std::string source_;
};

}  // namespace reverie
