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

// A JSON value (RFC 8259): what reports print and metadata files hold. Objects keep the order that
// their keys were given in:
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
  // JSON has no NaN and no infinity: what is not finite is null.
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

  // The value, or nullptr (nothing) where it is of another kind. An integer is a number too.
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  std::optional<bool> boolean() const;
  std::optional<int64_t> integer() const;
  std::optional<double> number() const;

  // The member of that name, the last one of several; nullptr where there is none, and in what is
  // no object.
  const Json* find(std::string_view key) const;

  // Gives the object a member, in the place of one of that name. Null becomes an object first.
  // Throws Error for every other value.
  void set(std::string key, Json value);

  // One line; with indent > 0 a line for each value, as many blanks deeper in each level. Bytes
  // that are not UTF-8, which names of files may have, become U+FFFD.
  std::string dump(int indent = 0) const;

  // Throws Error(kInput) that opens with `source` for text that is not JSON, numbers beyond those
  // of a double, and more than kMostLevels lists and objects within each other.
  static constexpr size_t kMostLevels = 64;
  static Json parse(std::string_view text, std::string_view source);

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Object> value_;
};

}  // namespace reverie
