#include "agents/training/gathering.h"

#include <cmath>

#include "agents/evaluation.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"

namespace reverie {

std::unique_ptr<VectorEnv> gathering_env(const RunConfig& config, int64_t num_envs,
                                         const TrainingLimits& limits) {
  const VectorEnvOptions options{.num_envs = num_envs, .threads = static_cast<int>(config.threads)};
  if (!limits.any()) return config.env_config->vector_env(options);
  // The limits are around each simulator, so an environment's own vector_env() is of no use here.
  return std::make_unique<ThreadedVectorEnv>(
      with_training_limits(config.env_config->maker(), limits), options);
}

GatheringEnvs::GatheringEnvs(const RunConfig& config, int64_t num_envs,
                             const TrainingLimits& limits)
    : env(gathering_env(config, num_envs, limits)), adapter(env->spec(), num_envs) {}

void refuse_extra_fields(const Agent& agent, std::string_view name) {
  const std::vector<Field> fields = agent.extra_fields();
  REVERIE_CHECK(fields.empty(),
                "agent '{}' keeps '{}' beside its actions, which the replay buffer cannot store",
                name, fields.front().name);
}

void say_where_it_ends(const TrainingConfig::Say& say, int64_t steps, int64_t per_turn,
                       std::string_view turn) {
  const int64_t end = (steps + per_turn - 1) / per_turn * per_turn;
  if (!say || end == steps) return;
  say(fmt::format("--steps {}: {} {} steps, so the run ends at step {}", steps, turn, per_turn,
                  end));
}

void say_if_it_never_learns(const TrainingConfig::Say& say, int64_t steps,
                            int64_t learning_starts) {
  if (!say || steps > learning_starts) return;
  say(
      fmt::format("warning: nothing is learnt: the run has {} steps, and the first update comes "
                  "after {} (--learning-starts)",
                  steps, learning_starts));
}

at::Tensor ended_envs(const VectorStep& step) {
  at::Tensor ended = at::empty({static_cast<int64_t>(step.reward.size())}, at::kBool);
  auto* out = ended.mutable_data_ptr<bool>();
  for (size_t i = 0; i < step.reward.size(); ++i) {
    out[i] = step.terminated[i] != 0 || step.truncated[i] != 0;
  }
  return ended;
}

TrainingRow episode_row(const std::vector<Episode>& episodes) {
  TrainingRow row;
  if (episodes.empty()) return row;
  const auto add_mean = [&](const std::string& name, const std::vector<double>& values) {
    const double mean = mean_of_numbers(values);
    if (!std::isnan(mean)) row.values.emplace_back(name, mean);
  };
  add_mean("env/return", episode_returns(episodes));
  for (const auto& [name, value] : episodes.front().metrics) {
    add_mean("env/" + name, episode_metric(episodes, name));
  }
  for (const auto& [name, value] : row.values) {
    if (name == "env/return" || name == "env/success") {
      row.shown.emplace_back(name.substr(4), value);
    }
  }
  return row;
}

Metrics read_metrics(const TensorMap& metrics) {
  Metrics values;
  for (const auto& [name, tensor] : metrics) values.emplace_back(name, tensor.item<double>());
  for (const auto& [name, value] : values) {
    REVERIE_CHECK_RUN(std::isfinite(value), "{} is {}", name, value);
  }
  return values;
}

void check_finite(const at::Tensor& values, const char* what, const TensorMap& metrics) {
  if (!values.is_floating_point() || at::isfinite(values).all().item<bool>()) return;
  read_metrics(metrics);
  fail_run("{} are not finite", what);
}

}  // namespace reverie
