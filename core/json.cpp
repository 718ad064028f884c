#include "core/json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"

namespace reverie {
namespace {

// Builds the value from the parser's events, so that the depth is known before anything recurses.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::string_view source) : source_(source) {}

  Json take() { return std::move(root_); }

  bool null() override { return add({}); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) return add(static_cast<double>(value));
    return add(value);
  }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { fail_input("{}: binary data is not JSON", source_); }
  bool start_object(size_t) override { return open(false); }
  bool start_array(size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    levels_.back().key = std::move(value);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ...
    // - what; last read: '...'": what is wrong, without what the file holds.
    std::string what = error.what();
    const size_t read = what.find("; last read");
    what = what.substr(0, read);
    const size_t reason = what.find(": ");
    if (reason != std::string::npos) what = what.substr(reason + 2);
    fail_input("{}: not JSON at byte {}: {}", source_, position, printable(what));
  }

 private:
  // A list or an object that is not closed yet.
  struct Level {
    bool is_list = false;
    Json::List list = {};
    Json::Object object = {};
    std::string key = {};  // of the member being read
  };

  bool open(bool is_list) {
    REVERIE_CHECK(levels_.size() < Json::kMostLevels,
                  "{}: lists and objects are nested more than {} deep", source_, Json::kMostLevels);
    levels_.push_back({.is_list = is_list});
    return true;
  }

  bool close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return level.is_list ? add(std::move(level.list)) : add(std::move(level.object));
  }

  bool add(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (Level& level = levels_.back(); level.is_list) {
      level.list.push_back(std::move(value));
    } else {
      level.object.emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }

  std::string_view source_;
  Json root_;
  std::vector<Level> levels_;
};

// nlohmann writes texts and numbers: it escapes, and finds the shortest digits that read back
// equal.
std::string scalar(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// begin: the indentation of the line that holds the value.
void write(const Json& value, int indent, const std::string& begin, std::string& out) {
  const std::string deeper = begin + std::string(static_cast<size_t>(indent), ' ');
  const auto enclose = [&](const char* brackets, const auto& elements, const auto& write_one) {
    out += brackets[0];
    bool is_first = true;
    for (const auto& element : elements) {
      if (!is_first) out += ',';
      is_first = false;
      if (indent > 0) out += "\n" + deeper;
      write_one(element);
    }
    if (indent > 0 && !elements.empty()) out += "\n" + begin;
    out += brackets[1];
  };
  if (const Json::List* list = value.list()) {
    enclose("[]", *list, [&](const Json& element) { write(element, indent, deeper, out); });
  } else if (const Json::Object* object = value.object()) {
    enclose("{}", *object, [&](const auto& member) {
      out += scalar(member.first) + (indent > 0 ? ": " : ":");
      write(member.second, indent, deeper, out);
    });
  } else if (const std::string* text = value.text()) {
    out += scalar(*text);
  } else if (const std::optional<int64_t> integer = value.integer()) {
    out += scalar(*integer);
  } else if (const std::optional<double> number = value.number()) {
    out += scalar(*number);
  } else if (const std::optional<bool> boolean = value.boolean()) {
    out += *boolean ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

std::optional<bool> Json::boolean() const {
  const bool* value = std::get_if<bool>(&value_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<int64_t> Json::integer() const {
  const int64_t* value = std::get_if<int64_t>(&value_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<double> Json::number() const {
  if (const auto value = integer()) return static_cast<double>(*value);
  const double* value = std::get_if<double>(&value_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

const Json* Json::find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->rbegin(), members->rend(),
                                  [&](const auto& member) { return member.first == key; });
  return found == members->rend() ? nullptr : &found->second;
}

void Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object();
  auto* members = std::get_if<Object>(&value_);
  REVERIE_CHECK(members != nullptr,
                "JSON: '{}' cannot be a member of a value that is not an object", key);
  for (auto& [name, old] : *members) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  members->emplace_back(std::move(key), std::move(value));
}

std::string Json::dump(int indent) const {
  std::string out;
  write(*this, indent, "", out);
  return out;
}

Json Json::parse(std::string_view text, std::string_view source) {
  Builder builder(source);
  nlohmann::json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace reverie
