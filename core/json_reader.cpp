#include "core/json_reader.h"

#include "core/error.h"
#include "core/text.h"

namespace reverie {

JsonReader::JsonReader(const Json& value, std::string source)
    : value_(value), source_(std::move(source)) {}

void JsonReader::fail(std::string_view key, const char* expected) const {
  fail_input("{}: '{}' is {}, expected {}", source_, key, printable(member(key).dump()), expected);
}

const Json& JsonReader::member(std::string_view key) const {
  const Json* found = value_.find(key);
  REVERIE_CHECK(found != nullptr, "{}: has no '{}'", source_, key);
  return *found;
}

const std::string& JsonReader::text(std::string_view key) const {
  const std::string* found = member(key).text();
  if (found == nullptr) fail(key, "a text");
  return *found;
}

int64_t JsonReader::integer(std::string_view key) const {
  const std::optional<int64_t> found = member(key).integer();
  if (!found) fail(key, "a whole number");
  return *found;
}

double JsonReader::number(std::string_view key) const {
  const std::optional<double> found = member(key).number();
  if (!found) fail(key, "a number");
  return *found;
}

const Json::List& JsonReader::list(std::string_view key) const {
  const Json::List* found = member(key).list();
  if (found == nullptr) fail(key, "a list");
  return *found;
}

const Json::Object& JsonReader::object(std::string_view key) const {
  const Json::Object* found = member(key).object();
  if (found == nullptr) fail(key, "an object");
  return *found;
}

}  // namespace reverie
