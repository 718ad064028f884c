#pragma once

#include <cmath>

#include <nlohmann/json.hpp>

namespace reverie {

// JSON has no NaN and no infinity: what is not finite is null.
inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace reverie
