#include "core/action_scale.h"

#include <cmath>
#include <cstring>

namespace reverie {
namespace {

bool is_real(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat64; }

double bound(const std::vector<float>& bounds, size_t element) {
  return static_cast<double>(bounds.size() == 1 ? bounds.front() : bounds.at(element));
}

// Calls `visit` with the elements of a float32 or float64 view.
template <typename View, typename Visit>
void visit_reals(const View& view, const Visit& visit) {
  if (view.field->dtype == DType::kFloat64) {
    visit(view.template as<double>());
  } else {
    visit(view.template as<float>());
  }
}

// Maps rows of A reals to rows of A reals: element a of a row becomes map(value, a).
template <typename Map>
void map_rows(ConstFieldView from, FieldView to, size_t size, const Map& map) {
  visit_reals(from, [&](const auto& values) {
    visit_reals(to, [&](const auto& out) {
      using Real = typename std::decay_t<decltype(out)>::element_type;
      for (size_t i = 0; i < values.size(); ++i) {
        out[i] = static_cast<Real>(map(static_cast<double>(values[i]), i % size));
      }
    });
  });
}

void check_same(ConstFieldView from, FieldView to, const Field& field) {
  const bool real = is_real(field.dtype);
  REVERIE_CHECK(from.count == to.count && from.field->numel() == field.numel() &&
                    to.field->numel() == field.numel() && is_real(from.field->dtype) == real &&
                    is_real(to.field->dtype) == real,
                "action: found {} rows of {} {} for {} rows of {} {}, expected {} {}", from.count,
                from.field->numel(), dtype_name(from.field->dtype), to.count, to.field->numel(),
                dtype_name(to.field->dtype), field.numel(), dtype_name(field.dtype));
}

}  // namespace

ActionScale::ActionScale(const ActionSpace& space)
    : unit_space_(space), field_(action_field(space)) {
  if (std::holds_alternative<DiscreteSpace>(space)) return;
  const auto size = static_cast<size_t>(field_.numel());
  const auto has_bounds = [&](const std::vector<float>& bounds) {
    return bounds.size() == 1 || bounds.size() == size;
  };
  REVERIE_CHECK(
      is_real(field_.dtype) && size >= 1 && has_bounds(field_.low) && has_bounds(field_.high),
      "action: found {} numbers of {} with {} lower and {} upper bounds, expected floats "
      "with a bound each",
      size, dtype_name(field_.dtype), field_.low.size(), field_.high.size());
  for (size_t i = 0; i < size; ++i) {
    const double low = bound(field_.low, i), high = bound(field_.high, i);
    REVERIE_CHECK(std::isfinite(low) && std::isfinite(high) && low < high,
                  "action[{}]: bounded by [{}, {}], expected finite bounds, the first below the "
                  "second",
                  i, low, high);
    centre_.push_back(0.5 * (low + high));
    half_.push_back(0.5 * (high - low));
  }
  Field unit = field_;
  unit.dtype = DType::kFloat32;
  unit.low = {-1.0F};
  unit.high = {1.0F};
  unit_space_ = unit;
}

void ActionScale::to_environment(ConstFieldView unit, FieldView action) const {
  check_same(unit, action, field_);
  if (centre_.empty()) {
    std::memcpy(action.data, unit.data, static_cast<size_t>(unit.count) * field_.bytes());
    return;
  }
  map_rows(unit, action, centre_.size(),
           [&](double value, size_t i) { return centre_[i] + half_[i] * value; });
}

void ActionScale::to_unit(ConstFieldView action, FieldView unit) const {
  check_same(action, unit, field_);
  if (centre_.empty()) {
    std::memcpy(unit.data, action.data, static_cast<size_t>(action.count) * field_.bytes());
    return;
  }
  map_rows(action, unit, centre_.size(),
           [&](double value, size_t i) { return (value - centre_[i]) / half_[i]; });
}

}  // namespace reverie
