#include "envs/factors.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"

namespace reverie {
namespace {

size_t width_of(Factor::Kind kind) {
  switch (kind) {
    case Factor::Kind::kColor:
      return 3;
    case Factor::Kind::kPoint:
      return 2;
    default:
      return 1;
  }
}

std::string expected_form(const Factor& factor) {
  switch (factor.kind) {
    case Factor::Kind::kColor:
      return "a colour such as #ff8800 or 255/136/0";
    case Factor::Kind::kPoint:
      return fmt::format("x/y from {}/{} to {}/{}", factor.low[0], factor.low[1], factor.high[0],
                         factor.high[1]);
    case Factor::Kind::kChoice:
      return fmt::format("one of {}", fmt::join(factor.choices, ", "));
    default:
      return fmt::format("a number in [{}, {}]", factor.low[0], factor.high[0]);
  }
}

// Returns true when the whole text is a number.
bool read_number(std::string_view text, double& value, int base = 10) {
  const char* end = text.data() + text.size();
  if (base == 16) {
    int whole = 0;
    const auto [stop, status] = std::from_chars(text.data(), end, whole, 16);
    value = whole;
    return status == std::errc() && stop == end && whole >= 0;
  }
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  return status == std::errc() && stop == end && std::isfinite(value);
}

bool in_range(const Factor& factor, std::span<const double> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= factor.low[i] && values[i] <= factor.high[i])) return false;
  }
  return factor.kind != Factor::Kind::kChoice || values[0] == std::floor(values[0]);
}

// Empty when the text is not a value of the factor.
std::vector<double> parse_value(const Factor& factor, std::string_view text) {
  std::vector<double> values;
  if (factor.kind == Factor::Kind::kChoice) {
    const auto found = std::find(factor.choices.begin(), factor.choices.end(), text);
    if (found == factor.choices.end()) return {};
    return {static_cast<double>(found - factor.choices.begin())};
  }
  if (factor.kind == Factor::Kind::kColor && text.size() == 7 && text[0] == '#') {
    for (size_t at = 1; at < 7; at += 2) {
      double channel = 0.0;
      if (!read_number(text.substr(at, 2), channel, 16)) return {};
      values.push_back(channel);
    }
    return values;
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    double value = 0.0;
    if (!read_number(text.substr(begin, end - begin), value)) return {};
    values.push_back(value);
    begin = end + 1;
  }
  if (values.size() != width_of(factor.kind) || !in_range(factor, values)) return {};
  return values;
}

}  // namespace

Factor Factor::number(std::string name, std::string help, double value, double low, double high,
                      bool dynamics) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = Kind::kNumber,
          .value = {value},
          .low = {low},
          .high = {high},
          .dynamics = dynamics};
}

Factor Factor::color(std::string name, std::string help, Color value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = Kind::kColor,
          .value = {static_cast<double>(value.r), static_cast<double>(value.g),
                    static_cast<double>(value.b)},
          .low = {0.0, 0.0, 0.0},
          .high = {255.0, 255.0, 255.0}};
}

Factor Factor::point(std::string name, std::string help, Point low, Point high) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = Kind::kPoint,
          .value = {},
          .low = {low.x, low.y},
          .high = {high.x, high.y},
          .dynamics = true};
}

Factor Factor::choice(std::string name, std::string help, std::vector<std::string> choices) {
  const auto last = static_cast<double>(choices.size()) - 1.0;
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = Kind::kChoice,
          .value = {0.0},
          .low = {0.0},
          .high = {last},
          .choices = std::move(choices)};
}

void FactorOptions::describe(ConfigFields& fields) {
  fields.add("vary", vary, "factors drawn anew at each reset, or all (reverie list factors ENV)");
  fields.add("set", set, "factors fixed to a value, NAME=VALUE");
}

FactorPlan::FactorPlan(std::string_view env, std::vector<Factor> factors,
                       const FactorOptions& options)
    : factors_(std::move(factors)), sources_(factors_.size(), Source::kDefault) {
  std::vector<std::string> names;
  for (const Factor& factor : factors_) {
    names.push_back(factor.name);
    offsets_.push_back(initial_.size());
    const size_t width = width_of(factor.kind);
    if (factor.value.empty()) {
      initial_.resize(initial_.size() + width);
    } else {
      initial_.insert(initial_.end(), factor.value.begin(), factor.value.end());
    }
  }
  const auto find = [&](const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail_unknown_name("factor", name, names, env);
    return static_cast<size_t>(found - names.begin());
  };
  for (const std::string& text : options.set) {
    const size_t equals = text.find('=');
    REVERIE_CHECK(equals != std::string::npos,
                  "{}: --set {}: expected NAME=VALUE such as friction=0.6", env, text);
    const size_t i = find(text.substr(0, equals));
    const std::vector<double> value = parse_value(factors_[i], text.substr(equals + 1));
    REVERIE_CHECK(!value.empty(), "{}: --set {}: found '{}', expected {} ({})", env, text,
                  text.substr(equals + 1), expected_form(factors_[i]), factors_[i].help);
    std::copy(value.begin(), value.end(),
              initial_.begin() + static_cast<std::ptrdiff_t>(offsets_[i]));
    sources_[i] = Source::kSet;
  }
  for (const std::string& name : options.vary) {
    if (name == "all") {
      for (size_t i = 0; i < factors_.size(); ++i) {
        if (factors_[i].in_all && sources_[i] == Source::kDefault) sources_[i] = Source::kVary;
      }
      continue;
    }
    const size_t i = find(name);
    REVERIE_CHECK(sources_[i] != Source::kSet, "{}: factor {} is both set and varied; give one",
                  env, name);
    sources_[i] = Source::kVary;
  }
  for (size_t i = 0; i < factors_.size(); ++i) {
    changes_dynamics_ |= factors_[i].dynamics && sources_[i] != Source::kDefault;
  }
}

FactorValues::FactorValues(std::shared_ptr<const FactorPlan> plan)
    : plan_(std::move(plan)), values_(plan_->initial_) {}

void FactorValues::draw(uint64_t seed) {
  for (size_t i = 0; i < plan_->factors_.size(); ++i) {
    if (plan_->sources_[i] != FactorPlan::Source::kVary) continue;
    const Factor& factor = plan_->factors_[i];
    Rng rng(mix_seed({seed, name_hash("factor"), name_hash(factor.name)}));
    double* value = values_.data() + plan_->offsets_[i];
    for (size_t k = 0; k < width_of(factor.kind); ++k) {
      const bool whole =
          factor.kind == Factor::Kind::kColor || factor.kind == Factor::Kind::kChoice;
      value[k] = whole ? static_cast<double>(rng.integers(static_cast<int64_t>(factor.low[k]),
                                                          static_cast<int64_t>(factor.high[k]) + 1))
                       : rng.uniform(factor.low[k], factor.high[k]);
    }
  }
}

bool FactorValues::chosen(size_t factor) const {
  return plan_->sources_[factor] != FactorPlan::Source::kDefault;
}

bool FactorValues::varied(size_t factor) const {
  return plan_->sources_[factor] == FactorPlan::Source::kVary;
}

Color FactorValues::color(size_t factor) const {
  const double* value = values_.data() + plan_->offsets_[factor];
  const auto channel = [&](size_t k) { return static_cast<uint8_t>(std::lround(value[k])); };
  return {channel(0), channel(1), channel(2)};
}

Point FactorValues::point(size_t factor) const {
  const double* value = values_.data() + plan_->offsets_[factor];
  return {value[0], value[1]};
}

void FactorValues::set_all(std::span<const double> values) {
  REVERIE_CHECK(values.size() == values_.size(), "factors: {} numbers, expected {}", values.size(),
                values_.size());
  for (size_t i = 0; i < plan_->factors_.size(); ++i) {
    const Factor& factor = plan_->factors_[i];
    const std::span<const double> value = values.subspan(plan_->offsets_[i], width_of(factor.kind));
    const bool undecided = factor.value.empty() && !chosen(i);
    for (const double x : value) {
      REVERIE_CHECK(std::isfinite(x), "factor {} is {}, expected a finite number", factor.name, x);
    }
    REVERIE_CHECK(undecided || in_range(factor, value), "factor {} is {}, expected {}", factor.name,
                  fmt::join(value, "/"), expected_form(factor));
  }
  std::copy(values.begin(), values.end(), values_.begin());
}

}  // namespace reverie
