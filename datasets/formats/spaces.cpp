#include "datasets/formats/spaces.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace reverie {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kGreatestExact = 0x1p53;  // whole numbers up to here are doubles
constexpr float kGreatestExactFloat = 0x1p24F;
constexpr size_t kMostBoundsBytes = 60'000;  // an attribute of HDF5 holds 64 KB

// ---------------------------------------------------------------------------------------------
// Gymnasium's spaces

// A bound as Python's json reads it; for an integer dtype without one, the dtype's own.
std::string bound_text(const Field& field, float bound, bool is_low) {
  const auto value = static_cast<double>(bound);
  if (field.dtype == DType::kInt64) {
    if (std::abs(value) <= kGreatestExact) return fmt::format("{}", static_cast<int64_t>(value));
    return fmt::format(
        "{}", is_low ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max());
  }
  if (field.dtype == DType::kBool) return value > 0.0 ? "true" : "false";
  if (field.dtype == DType::kUInt8) {
    return fmt::format("{}", static_cast<int>(std::clamp(value, 0.0, 255.0)));
  }
  if (std::isinf(value)) return value < 0.0 ? "-Infinity" : "Infinity";
  return fmt::format("{}", bound);
}

// A list of lists with the field's shape that contains its bounds.
std::string nested_bounds(const Field& field, bool is_low, size_t axis, size_t& next) {
  const std::vector<float>& bounds = is_low ? field.low : field.high;
  if (axis == field.shape.size()) {
    if (bounds.empty()) return bound_text(field, is_low ? -kInfinity : kInfinity, is_low);
    return bound_text(field, bounds[bounds.size() == 1 ? 0 : next++], is_low);
  }
  std::string text = "[";
  for (int64_t i = 0; i < field.shape[axis]; ++i) {
    if (i > 0) text += ", ";
    text += nested_bounds(field, is_low, axis + 1, next);
  }
  return text + "]";
}

std::string box_text(const Field& field) {
  size_t low = 0, high = 0;
  return fmt::format(R"({{"type": "Box", "dtype": "{}", "shape": {}, "low": {}, "high": {}}})",
                     dtype_name(field.dtype), Json(field.shape).dump(),
                     nested_bounds(field, true, 0, low), nested_bounds(field, false, 0, high));
}

bool is_discrete(const Field& field) {
  return field.dtype == DType::kInt64 && field.shape.empty() && field.low.size() == 1 &&
         field.high.size() == 1 && std::isfinite(field.low[0]) && std::isfinite(field.high[0]);
}

bool is_multi_discrete(const Field& field) {
  const auto fits = [&](const std::vector<float>& bounds) {
    return !bounds.empty() && std::all_of(bounds.begin(), bounds.end(), [](float bound) {
      return std::abs(bound) <= kGreatestExactFloat && bound == std::floor(bound);
    });
  };
  return field.dtype == DType::kInt64 && field.shape.size() == 1 && fits(field.low) &&
         fits(field.high);
}

std::string multi_discrete_text(const Field& field) {
  std::vector<int64_t> starts, counts;
  for (int64_t i = 0; i < field.shape[0]; ++i) {
    const auto bound = [&](const std::vector<float>& bounds) {
      return static_cast<int64_t>(bounds[bounds.size() == 1 ? 0 : static_cast<size_t>(i)]);
    };
    starts.push_back(bound(field.low));
    counts.push_back(bound(field.high) - starts.back() + 1);
  }
  return fmt::format(R"({{"type": "MultiDiscrete", "dtype": "int64", "nvec": {}, "start": {}}})",
                     Json(counts).dump(), Json(starts).dump());
}

// ---------------------------------------------------------------------------------------------
// Reading them

std::string_view type_of(const Json& space) {
  const Json* type = space.find("type");
  return type != nullptr && type->text() != nullptr ? std::string_view(*type->text()) : "";
}

// Numbers of a list of lists, row-major; null becomes `unbounded`. false if there is anything else.
bool flatten(const Json& value, float unbounded, std::vector<float>& out) {
  if (const Json::List* list = value.list()) {
    return std::all_of(list->begin(), list->end(),
                       [&](const Json& element) { return flatten(element, unbounded, out); });
  }
  if (const std::optional<double> number = value.number()) {
    out.push_back(static_cast<float>(*number));
  } else if (const std::optional<bool> flag = value.boolean()) {
    out.push_back(*flag ? 1.0F : 0.0F);
  } else if (value.is_null()) {
    out.push_back(unbounded);
  } else {
    return false;
  }
  return true;
}

// One value if all are equal, none if they are no bounds.
std::vector<float> compact(std::vector<float> bounds, float unbounded) {
  const bool same = std::all_of(bounds.begin(), bounds.end(),
                                [&](float bound) { return bound == bounds.front(); });
  if (bounds.empty() || !same) return bounds;
  if (bounds.front() == unbounded) return {};
  bounds.resize(1);
  return bounds;
}

void set_bounds(Field& field, const Json& low, const Json& high) {
  std::vector<float> lows, highs;
  if (!flatten(low, -kInfinity, lows) || !flatten(high, kInfinity, highs)) return;
  const auto fits = [&](const std::vector<float>& bounds) {
    return bounds.size() == 1 || bounds.size() == static_cast<size_t>(field.numel());
  };
  if (!fits(lows) || !fits(highs)) return;
  field.low = compact(std::move(lows), -kInfinity);
  field.high = compact(std::move(highs), kInfinity);
}

// low, ..., low + count - 1, element by element.
void set_range(Field& field, const Json& start, const Json& count) {
  std::vector<float> lows, highs;
  if (!flatten(start, 0.0F, lows) || !flatten(count, 0.0F, highs)) return;
  if (lows.size() != highs.size() || lows.size() != static_cast<size_t>(field.numel())) return;
  for (size_t i = 0; i < lows.size(); ++i) highs[i] += lows[i] - 1.0F;
  field.low = compact(std::move(lows), -kInfinity);
  field.high = compact(std::move(highs), kInfinity);
}

}  // namespace

std::string space_text(const Field& field) {
  if (is_discrete(field)) {
    const auto low = static_cast<int64_t>(field.low[0]), high = static_cast<int64_t>(field.high[0]);
    return fmt::format(R"({{"type": "Discrete", "dtype": "int64", "start": {}, "n": {}}})", low,
                       high - low + 1);
  }
  if (is_multi_discrete(field)) return multi_discrete_text(field);
  if (field.dtype == DType::kBool && field.shape.size() == 1) {
    return fmt::format(R"({{"type": "MultiBinary", "n": {}}})", field.shape[0]);
  }
  return box_text(field);
}

std::string dict_space_text(std::span<const Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", Json(field.name).dump(),
                        space_text(field));
  }
  return fmt::format(R"({{"type": "Dict", "subspaces": {{{}}}}})", text);
}

Json parse_space(std::string_view text, std::string_view source) {
  std::string plain;
  bool is_quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto take = [&](std::string_view word) {
      if (is_quoted || !text.substr(at).starts_with(word)) return false;
      plain += "null";
      at += word.size() - 1;
      return true;
    };
    if (take("-Infinity") || take("Infinity") || take("NaN")) continue;
    if (is_quoted && text[at] == '\\' && at + 1 < text.size()) {
      plain += text[at++];
    } else if (text[at] == '"') {
      is_quoted = !is_quoted;
    }
    plain += text[at];
  }
  return Json::parse(plain, source);
}

std::optional<std::vector<int64_t>> space_shape(const Json& space) {
  const std::string_view type = type_of(space);
  if (type == "Discrete") return std::vector<int64_t>();
  const char* const key = type == "Box" ? "shape" : type == "MultiBinary" ? "n" : "";
  if (type == "MultiDiscrete") {
    const Json* counts = space.find("nvec");
    if (counts == nullptr || counts->list() == nullptr || counts->list()->empty() ||
        counts->list()->front().list() != nullptr) {
      return std::nullopt;
    }
    return std::vector<int64_t>{static_cast<int64_t>(counts->list()->size())};
  }
  const Json* lengths = space.find(key);
  if (lengths == nullptr) return std::nullopt;
  if (const std::optional<int64_t> one = lengths->integer()) return std::vector<int64_t>{*one};
  if (lengths->list() == nullptr) return std::nullopt;
  std::vector<int64_t> shape;
  for (const Json& length : *lengths->list()) {
    if (!length.integer()) return std::nullopt;
    shape.push_back(*length.integer());
  }
  return shape;
}

bool is_picture_space(const Json& space) {
  const Json* dtype = space.find("dtype");
  const std::optional<std::vector<int64_t>> shape = space_shape(space);
  return type_of(space) == "Box" && dtype != nullptr && dtype->text() != nullptr &&
         *dtype->text() == "uint8" && shape && (shape->size() == 2 || shape->size() == 3);
}

bool is_text_space(const Json& space) { return type_of(space) == "Text"; }

void take_bounds(const Json& space, Field& field) {
  const std::string_view type = type_of(space);
  const auto member = [&](const char* key) {
    const Json* found = space.find(key);
    return found == nullptr ? Json() : *found;
  };
  if (type == "Box") set_bounds(field, member("low"), member("high"));
  if (type == "Discrete") set_range(field, member("start"), member("n"));
  if (type == "MultiDiscrete") {
    const std::optional<std::vector<int64_t>> shape = space_shape(space);
    const Json none = Json::List(shape ? static_cast<size_t>(shape->front()) : 0, Json(0));
    const Json* start = space.find("start");
    set_range(field, start == nullptr ? none : *start, member("nvec"));
  }
}

// ---------------------------------------------------------------------------------------------
// Bounds alone

std::string bounds_text(const DatasetSchema& schema) {
  Json::Object bounds;
  const auto add = [&](const Field& field) {
    if (field.low.empty() && field.high.empty()) return;
    bounds.emplace_back(field.name, Json::Object{{"low", field.low}, {"high", field.high}});
  };
  for (const Field& field : schema.observation) add(field);
  add(schema.action);
  if (bounds.empty()) return "";
  const std::string text = Json(std::move(bounds)).dump();
  return text.size() <= kMostBoundsBytes ? text : "";
}

void read_bounds(std::string_view text, std::string_view source, DatasetSchema& schema) {
  if (text.empty()) return;
  const Json bounds = Json::parse(text, source);
  REVERIE_CHECK(bounds.object() != nullptr, "{}: is not a JSON object", source);
  const auto read = [&](Field& field) {
    const Json* of_field = bounds.find(field.name);
    if (of_field == nullptr) return;
    const auto numbers = [&](const char* key, float unbounded) {
      const Json* list = of_field->find(key);
      std::vector<float> values;
      REVERIE_CHECK(list != nullptr && list->list() != nullptr &&
                        flatten(*list, unbounded, values) &&
                        (values.size() <= 1 || values.size() == static_cast<size_t>(field.numel())),
                    "{}: '{}' of '{}' is not a list of no, one or {} numbers", source, key,
                    field.name, field.numel());
      return values;
    };
    field.low = numbers("low", -kInfinity);
    field.high = numbers("high", kInfinity);
  };
  for (Field& field : schema.observation) read(field);
  read(schema.action);
}

}  // namespace reverie
