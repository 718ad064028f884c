#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace reverie {

// A JSON value (RFC 8259), used for printed reports and metadata files. Objects keep their keys in
// insertion order:
//
//   Json out = Json::Object{{"name", name}, {"return", Json::Object{{"mean", mean}}}};
//   out.set("episodes", episodes);
//   std::cout << out.dump(2);
class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(std::same_as<bool> auto value) : value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value) : value_(static_cast<int64_t>(value)) {}
  // JSON has no NaN and no infinity: values that are not finite become null.
  Json(double value) {
    if (std::isfinite(value)) value_ = value;
  }
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(List values) : value_(std::move(values)) {}
  Json(Object members) : value_(std::move(members)) {}
  template <typename T>
  Json(const std::vector<T>& values) : value_(List(values.begin(), values.end())) {}
  template <typename T>
  Json(const std::map<std::string, T>& members) : value_(Object(members.begin(), members.end())) {}
  template <typename T>
  Json(const std::optional<T>& value) : Json(value ? Json(*value) : Json()) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

  // The value, or nullptr (nullopt) when it is of another kind. An integer is also a number.
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  std::optional<bool> boolean() const;
  std::optional<int64_t> integer() const;
  std::optional<double> number() const;

  // The member of that name, the last of several; nullptr when there is none or the value is not an
  // object.
  const Json* find(std::string_view key) const;

  // Sets a member of the object and replaces one of the same name. Null becomes an object first.
  // Throws Error for every other value.
  void set(std::string key, Json value);

  // One line; with indent > 0 one line for each value, indented by that many spaces per level.
  // Bytes that are not UTF-8, as file names may have, become U+FFFD.
  std::string dump(int indent = 0) const;

  // Parses text. Throws Error(kInput) that opens with `source` for text that is not JSON, for
  // numbers outside the range of a double, and for more than kMostLevels nested lists and objects.
  static constexpr size_t kMostLevels = 64;
  static Json parse(std::string_view text, std::string_view source);

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Object> value_;
};

}  // namespace reverie
