#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "drawing/canvas.h"

namespace reverie {

// A factor of variation: a named, typed property of an environment that its task does not randomise
// by itself (a colour, a size, a mass, the camera, where an episode starts). It keeps its default,
// is fixed (`--set friction=0.6`), or is drawn at every reset (`--vary friction`).
//
// The numbers of a value: kNumber {x}; kColor {r, g, b} in [0, 255]; kPoint {x, y}; kChoice
// {index}.
struct Factor {
  enum class Kind : uint8_t { kNumber, kColor, kPoint, kChoice };

  std::string name;           // snake_case, unique within the environment
  std::string help;           // one line, with the unit in brackets
  Kind kind = Kind::kNumber;  // decides how many numbers a value has
  // The default. Empty: the task's own random draw decides (start and goal); such a factor can be
  // set, and can be varied only if it has a range.
  std::vector<double> value;
  std::vector<double> low = {}, high = {};  // per number: bounds of set values, range of draws
  std::vector<std::string> choices = {};    // of kChoice
  bool dynamics = false;                    // it changes the simulation, not only the picture
  bool in_all = true;                       // `--vary all` includes it

  static Factor number(std::string name, std::string help, double value, double low, double high,
                       bool dynamics = false);
  static Factor color(std::string name, std::string help, Color value);
  static Factor point(std::string name, std::string help, Point low, Point high);  // task's draw
  static Factor choice(std::string name, std::string help, std::vector<std::string> choices);
};

// The user's request as text: options `vary` and `set` of every environment with factors.
struct FactorOptions {
  std::vector<std::string> vary;  // names, or "all"
  std::vector<std::string> set;   // "name=value": 0.6, #ff8800, 1.5/2, a choice's name

  void describe(ConfigFields& fields);
};

// The factors of one configured environment, shared by its instances.
class FactorPlan {
 public:
  // Throws Error(kInput) that names `env` and the factor for unknown names (with the nearest one),
  // values that do not parse or lie out of range, factors that are both set and varied, and factors
  // varied without a range.
  FactorPlan(std::string_view env, std::vector<Factor> factors, const FactorOptions& options = {});

  const std::vector<Factor>& factors() const { return factors_; }

  // Whether a factor that changes the simulation is set or varied. Instances then need their own
  // model.
  bool changes_dynamics() const { return changes_dynamics_; }

 private:
  friend class FactorValues;
  enum class Source : uint8_t { kDefault, kSet, kVary };

  std::vector<Factor> factors_;
  std::vector<Source> sources_;  // [factors]
  std::vector<size_t> offsets_;  // [factors] into the values
  std::vector<double> initial_;  // defaults and set values; 0 if the task decides
  bool changes_dynamics_ = false;
};

// The values of all factors in the current episode of one environment. A factor is addressed by its
// index in the environment's list (an enum defined with the list).
class FactorValues {
 public:
  explicit FactorValues(std::shared_ptr<const FactorPlan> plan);

  // Draws the varied factors, each uniformly in its range, by its own generator seeded from the
  // seed and the factor's name. Varying one more factor changes neither the others nor the task's
  // draws.
  void draw(uint64_t seed);

  // Whether the value was set or drawn; false if the default holds or the task decides.
  bool chosen(size_t factor) const;
  // Whether it is drawn at each reset.
  bool varied(size_t factor) const;

  double number(size_t factor) const { return values_[plan_->offsets_[factor]]; }
  size_t choice(size_t factor) const { return static_cast<size_t>(number(factor)); }
  Color color(size_t factor) const;
  Point point(size_t factor) const;

  const FactorPlan& plan() const { return *plan_; }

  // All values, in order, as part of an environment's state(). set_all() throws Error for another
  // length, or values that are not finite or out of range, and then changes nothing.
  std::span<const double> all() const { return values_; }
  void set_all(std::span<const double> values);

 private:
  std::shared_ptr<const FactorPlan> plan_;
  std::vector<double> values_;
};

}  // namespace reverie
