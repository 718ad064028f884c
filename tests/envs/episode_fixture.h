#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/random.h"
#include "envs/env.h"
#include "envs/registry.h"

namespace reverie {

// An environment with memory for its observation and action, which a test steps by hand.
class TestEnv {
 public:
  explicit TestEnv(const EnvMaker& make)
      : env_(make()), action_(action_field(env_->spec().action)) {
    // Filled with bytes that no environment writes, so that a field left out shows.
    for (const Field& field : env_->spec().observation) memory_.emplace_back(field.bytes(), kUnset);
    for (size_t i = 0; i < memory_.size(); ++i) {
      views_.push_back({&env_->spec().observation[i], memory_[i].data(), 1});
    }
  }

  // An id with options as (name, value) texts.
  using Options = std::vector<std::pair<std::string, std::string>>;
  explicit TestEnv(std::string_view id, const Options& options = {})
      : TestEnv(maker(id, options)) {}

  static EnvMaker maker(std::string_view id, const Options& options = {}) {
    const std::unique_ptr<EnvConfig> config = find_env(id).config();
    ConfigFields fields;
    config->describe(fields);
    for (const auto& [name, value] : options) {
      const ConfigField* field = fields.find(name);
      REVERIE_CHECK(field != nullptr, "{} has no option {}", id, name);
      ConfigFields::set(*field, value, name);
    }
    return config->maker();
  }

  Env* operator->() { return env_.get(); }
  const Field& action_space() const { return action_; }
  FieldViews views() const { return views_; }

  void reset(uint64_t seed) { env_->reset(seed, views_); }

  // action: of the space's own type.
  template <typename T>
  StepResult step(const std::vector<T>& action) {
    REVERIE_CHECK(sizeof(T) * action.size() == action_.bytes(),
                  "an action of {} numbers of {} bytes, expected {} bytes in all", action.size(),
                  sizeof(T), action_.bytes());
    return env_->step({&action_, reinterpret_cast<const std::byte*>(action.data()), 1}, views_);
  }

  // A uniform action of the space's own type, drawn from rng.
  StepResult step_random(Rng& rng) {
    if (action_.dtype == DType::kInt64) {
      return step(std::vector<int64_t>{rng.integers(0, static_cast<int64_t>(action_.high[0]) + 1)});
    }
    if (action_.dtype == DType::kFloat64) return step(random_box<double>(rng));
    return step(random_box<float>(rng));
  }

  // The elements of a field; by default the first one's.
  template <typename T = double>
  std::vector<T> observed(std::string_view name = "observation") const {
    for (const FieldView& view : views_) {
      if (view.field->name != name) continue;
      const std::span<T> values = view.as<T>();
      return {values.begin(), values.end()};
    }
    fail_input("no observation field {}", name);
  }

  // The bytes of all fields, one after the other.
  std::vector<std::byte> observed_bytes() const {
    std::vector<std::byte> all;
    for (const auto& bytes : memory_) all.insert(all.end(), bytes.begin(), bytes.end());
    return all;
  }

  std::vector<double> physics(std::string_view part, size_t size = 2) {
    std::vector<double> values(size);
    env_->physics()->get(part, values);
    return values;
  }

  void set_physics(std::string_view part, const std::vector<double>& values) {
    env_->physics()->set(part, values);
  }

  double metric(std::string_view name) {
    for (const auto& [known, value] : env_->metrics()) {
      if (known == name) return value;
    }
    fail_input("no metric {}", name);
  }

  static constexpr std::byte kUnset{0xAB};

 private:
  template <typename T>
  std::vector<T> random_box(Rng& rng) const {
    std::vector<T> action;
    for (size_t i = 0; i < static_cast<size_t>(action_.numel()); ++i) {
      const double low = action_.low[action_.low.size() == 1 ? 0 : i];
      const double high = action_.high[action_.high.size() == 1 ? 0 : i];
      action.push_back(static_cast<T>(rng.uniform(low, high)));
    }
    return action;
  }

  std::unique_ptr<Env> env_;
  Field action_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<FieldView> views_;
};

}  // namespace reverie
