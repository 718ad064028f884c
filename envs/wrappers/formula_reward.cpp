#include "envs/wrappers/formula_reward.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/field_numbers.h"

namespace reverie {
namespace {

constexpr const char* kFlag = "--reward";
constexpr const char* kGoal = "desired_goal";

PhysicsState& named_parts(Env& env) {
  REVERIE_CHECK(env.physics() != nullptr,
                "{}: --reward: this environment shows no state that a formula could read",
                env.spec().id);
  return *env.physics();
}

std::string number_name(const std::string& of, size_t index) {
  return fmt::format("{}_{}", of, index);
}

// The formula itself, or that of a named reward.
std::string formula_text(const PhysicsState& physics, const std::string& reward) {
  for (const PhysicsState::NamedReward& named : physics.named_rewards()) {
    if (named.name == reward) return named.formula;
  }
  return reward;
}

Formula parse(Env& env, const std::string& reward) {
  const PhysicsState& physics = named_parts(env);
  std::vector<std::string> names;
  for (const PhysicsState::Quantity& quantity : reward_names(env)) names.push_back(quantity.name);
  std::string what = fmt::format("{}: {}", env.spec().id, kFlag);
  std::string rewards;
  for (const PhysicsState::NamedReward& named : physics.named_rewards()) {
    rewards += (rewards.empty() ? "" : ", ") + named.name;
  }
  if (!rewards.empty()) what += fmt::format(" (a formula, or one of {})", rewards);
  return {what, formula_text(physics, reward), std::move(names)};
}

}  // namespace

std::vector<PhysicsState::Quantity> reward_names(Env& env) {
  const PhysicsState& physics = named_parts(env);
  std::vector<PhysicsState::Quantity> names = physics.quantities();
  for (const PhysicsState::Part& part : physics.parts()) {
    if (part.is_scalar) names.push_back({part.name, "of the simulator's state"});
    for (size_t i = 0; !part.is_scalar && i < part.size; ++i) {
      names.push_back({number_name(part.name, i), "of the simulator's state"});
    }
  }
  const Field action = action_field(env.spec().action);
  for (size_t i = 0; i < static_cast<size_t>(action.numel()); ++i) {
    names.push_back({number_name("action", i), "of the action, within its bounds"});
  }
  return names;
}

FormulaReward::FormulaReward(std::unique_ptr<Env> wrapped, const std::string& reward)
    : Wrapper(std::move(wrapped), fmt::format("reward {}", reward)),
      inner_physics_(&named_parts(inner())),
      formula_(parse(inner(), reward)),
      physics_(*inner_physics_, *this) {
  edit_spec().reference.reset();
  quantities_ = inner_physics_->quantities().size();
  size_t next = quantities_;
  const auto uses_any = [this](size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      if (formula_.uses(i)) return true;
    }
    return false;
  };
  for (const PhysicsState::Part& part : inner_physics_->parts()) {
    if (uses_any(next, part.size)) parts_.push_back({part.name, next, part.size});
    next += part.size;
    if (part.name == kGoal) goal_.resize(part.size);
  }
  new_goal_ = goal_;
  action_ = next;
  const auto action_size = static_cast<size_t>(action_field(spec().action).numel());
  reads_action_ = uses_any(action_, action_size);
  numbers_.assign(action_ + action_size, 0.0);
}

void FormulaReward::read_action(ConstFieldView action) {
  const std::span<double> values = std::span(numbers_).subspan(action_);
  read_numbers(action.field->dtype, action.data, values);
  const Field& field = *action.field;
  const auto bound = [](const std::vector<float>& bounds, size_t i) {
    return static_cast<double>(bounds.size() == 1 ? bounds[0] : bounds[i]);
  };
  for (size_t i = 0; i < values.size(); ++i) {
    if (!field.low.empty()) values[i] = std::max(values[i], bound(field.low, i));
    if (!field.high.empty()) values[i] = std::min(values[i], bound(field.high, i));
  }
}

double FormulaReward::evaluate() const {
  inner_physics_->measure(std::span(numbers_).first(quantities_));
  for (const PartPlace& part : parts_) {
    inner_physics_->get(part.name, std::span(numbers_).subspan(part.first, part.size));
  }
  return formula_(numbers_);
}

// Of the current state, as if that goal were still pursued.
double FormulaReward::evaluate_towards(std::span<const double> goal) {
  inner_physics_->get(kGoal, new_goal_);
  if (std::equal(goal.begin(), goal.end(), new_goal_.begin())) return evaluate();
  inner_physics_->set(kGoal, goal);
  const double reward = evaluate();
  inner_physics_->set(kGoal, new_goal_);
  return reward;
}

StepResult FormulaReward::step(ConstFieldView action, FieldViews obs) {
  if (!goal_.empty()) inner_physics_->get(kGoal, goal_);
  StepResult result = inner().step(action, obs);
  if (reads_action_) read_action(action);
  result.reward = goal_.empty() ? evaluate() : evaluate_towards(goal_);
  REVERIE_CHECK_RUN(std::isfinite(result.reward), "{}: {}: the reward is {}", spec().source, kFlag,
                    result.reward);
  return result;
}

std::optional<double> FormulaReward::Physics::reward() const {
  if (wrapper_.reads_action_) return std::nullopt;
  return wrapper_.evaluate();
}

}  // namespace reverie
