#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/spec.h"
#include "datasets/dataset.h"

namespace reverie {

// The values that a field can have, in the forms that files store.

// Gymnasium's spaces as Minari writes them (minari/serialization.py): JSON in which an infinite
// bound is the bare word Infinity. An int64 scalar with bounds is a Discrete space, a bool vector
// is MultiBinary, everything else is a Box.
std::string space_text(const Field& field);

// The Dict space of several fields.
std::string dict_space_text(std::span<const Field> fields);

// Parses such a text; infinite bounds become null. Throws Error(kInput) that opens with `source`
// for text that is not JSON.
Json parse_space(std::string_view text, std::string_view source);

// The shape of one value of a space; nullopt for a space whose values are not numeric arrays (Text,
// Dict, ...) or whose description is incomplete.
std::optional<std::vector<int64_t>> space_shape(const Json& space);

// Whether it is the space of pictures that Minari packs as JPEG: a Box of bytes with two or three
// axes.
bool is_picture_space(const Json& space);

bool is_text_space(const Json& space);

// Gives the field the bounds of the space if they fit its shape.
void take_bounds(const Json& space, Field& field);

// The bounds of all fields in one text, stored in an attribute or key kBoundsKey by layouts that
// have no place for them. "" if no field has any.
std::string bounds_text(const DatasetSchema& schema);

// Gives the fields of the schema the bounds from such a text. Throws Error(kInput) that opens with
// `source` for any other text.
void read_bounds(std::string_view text, std::string_view source, DatasetSchema& schema);

inline constexpr const char* kBoundsKey = "reverie_bounds";

}  // namespace reverie
