#include "envs/action_player.h"

#include "core/field_numbers.h"

namespace reverie {

ActionPlayer::ActionPlayer(Env& env)
    : env_(env),
      obs_(env.spec().observation, 1),
      action_(action_field(env.spec().action)),
      action_bytes_(action_.bytes()) {}

void ActionPlayer::reset(uint64_t seed) {
  env_.reset(seed, obs_.row(0));
  ended_ = false;
}

StepResult ActionPlayer::step(std::span<const double> action) {
  const FieldView row{&action_, action_bytes_.data(), 1};
  write_numbers(row, action);
  return step(row);
}

StepResult ActionPlayer::step(ConstFieldView action) {
  const StepResult result = env_.step(action, obs_.row(0));
  ended_ = result.terminated || result.truncated;
  return result;
}

}  // namespace reverie
