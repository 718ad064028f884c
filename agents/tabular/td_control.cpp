#include "agents/tabular/td_control.h"

#include <cmath>

#include "agents/training/rollout_trainer.h"
#include "nn/pch.h"

namespace reverie {

void TdControlOptions::describe(ConfigFields& f) {
  f.add("step_size", step_size, "alpha: share of the error by which a value moves",
        {.low = 0.0, .high = 1.0, .open_low = true});
  f.add("epsilon", epsilon, "probability of a random action in training", between(0, 1));
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("initial_value", initial_value,
        "of every state and action; greater than true ones explores");
  f.add("rollout_steps", rollout_steps,
        "steps of every environment between updates; 1 = the table changes after each step",
        between(1, 1 << 20));
}

TdControlAgent::TdControlAgent(const EnvSpec& spec, const TdControlOptions& options,
                               at::Device device, std::string_view agent)
    : options_(options), spaces_(spec, device, agent), q_(spaces_, options.initial_value) {}

std::unique_ptr<Actor> TdControlAgent::actor(int64_t /*num_envs*/, const Acting& acting,
                                             uint64_t seed) {
  if (acting.mode == ActMode::kEvaluate) return greedy_actor(q_, spaces_.field);
  return epsilon_greedy_actor(q_, spaces_.field, options_.epsilon, seed);
}

RolloutRequest TdControlAgent::request() const {
  return {.steps = options_.rollout_steps, .gamma = options_.gamma};
}

void TdControlAgent::move_towards(double target, int64_t state, int64_t action) {
  double& value = q_(state, action);
  const double error = target - value;
  value += options_.step_size * error;
  count_error(error);
}

void TdControlAgent::count_error(double error) {
  error_ += std::abs(error);
  ++moves_;
}

Learned TdControlAgent::update(const Rollout& rollout, double /*progress*/, Rng& rng) {
  error_ = 0.0;
  moves_ = 0;
  double value = 0.0;
  const std::vector<TableStep> steps = steps_of(rollout);
  for (const TableStep& step : steps) {
    value += q_(step.state, step.action);
    learn(step, rng);
  }
  const auto mean = [](double sum, int64_t count) {
    return at::scalar_tensor(count > 0 ? sum / static_cast<double>(count) : 0.0, at::kDouble);
  };
  return {.metrics = {{"loss/td_error", mean(error_, moves_)},
                      {"value/q", mean(value, static_cast<int64_t>(steps.size()))}}};
}

std::vector<TableStep> TdControlAgent::steps_of(const Rollout& rollout) const {
  const int64_t num_envs = rollout.num_envs();
  const int64_t count = rollout.steps() * num_envs;
  // [T + 1, N]: the next state of a step is a row below it.
  const at::Tensor states =
      at::cat({rollout.obs.at(spaces_.field), rollout.last_obs.at(spaces_.field).unsqueeze(0)});
  const at::Tensor actions = rollout.action.contiguous();
  const at::Tensor rewards = rollout.reward.to(at::kDouble).contiguous();
  const at::Tensor terminated = rollout.terminated.contiguous();
  const at::Tensor truncated = rollout.truncated.contiguous();
  const auto* state = states.const_data_ptr<int64_t>();
  std::vector<TableStep> steps;
  steps.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    steps.push_back({.env = i % num_envs,
                     .state = state[i],
                     .action = actions.const_data_ptr<int64_t>()[i],
                     .reward = rewards.const_data_ptr<double>()[i],
                     .next = state[i + num_envs],
                     .terminated = terminated.const_data_ptr<bool>()[i],
                     .truncated = truncated.const_data_ptr<bool>()[i]});
  }
  if (rollout.final_index.numel() == 0) return steps;
  const at::Tensor final_states = rollout.final_obs.at(spaces_.field).contiguous();
  const at::Tensor final_index = rollout.final_index.contiguous();
  for (int64_t k = 0; k < final_index.numel(); ++k) {
    const int64_t i = final_index.const_data_ptr<int64_t>()[k];
    steps[static_cast<size_t>(i)].next = final_states.const_data_ptr<int64_t>()[k];
  }
  return steps;
}

void TdControlAgent::state(StateList& list) { list.add("table", q_); }

std::unique_ptr<TrainingConfig> td_control_training() {
  auto training = std::make_unique<RolloutTraining>();
  training->num_envs = 1;
  training->normalize_reward = false;
  return training;
}

}  // namespace reverie
