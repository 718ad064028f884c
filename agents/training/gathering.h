#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "agents/agent.h"
#include "agents/run_config.h"
#include "agents/space_adapter.h"
#include "agents/training/trainer.h"
#include "envs/vector_env.h"
#include "nn/device.h"

namespace reverie {

// What trainers that step environments have in common.

// The environments of a run, and what they show to learners.
struct GatheringEnvs {
  GatheringEnvs(const RunConfig& config, int64_t num_envs);

  FieldViews observations() { return adapter.observations(env->observations()); }

  std::unique_ptr<VectorEnv> env;
  SpaceAdapter adapter;
};

// For trainers whose replay buffer has no columns for what an actor adds to its actions. Throws
// Error where the agent asks for such, which would be lost without a word.
void refuse_extra_fields(const Agent& agent, std::string_view name);

// Says where a run of `steps` ends that goes on by `per_turn` steps at a time, if that is further
// on.
void say_where_it_ends(const TrainingConfig::Say& say, int64_t steps, int64_t per_turn,
                       std::string_view turn);

// Says that a run of `steps` learns nothing because it gathers `learning_starts` first.
void say_if_it_never_learns(const TrainingConfig::Say& say, int64_t steps, int64_t learning_starts);

// [N] bool: where an episode ended, so that the next begins.
at::Tensor ended_envs(const VectorStep& step);

// Means over the episodes: "env/return", "env/success" and their other metrics, those two shown.
TrainingRow episode_row(const std::vector<Episode>& episodes);

// The values of an update's metrics. Throws Error(kRun) that names one which is not finite.
Metrics read_metrics(const TensorMap& metrics);

// Throws Error(kRun) where a value is not finite: by the name of the metric that broke it, where
// there is one, else as "`what` are not finite".
void check_finite(const at::Tensor& values, const char* what, const TensorMap& metrics);

// The run's agent. Throws Error(kInput) as AgentConfig::make() does, and where it is not of that
// kind, which learns from `source`.
template <typename Kind>
std::unique_ptr<Kind> make_agent_of(const RunConfig& config, const EnvSpec& spec,
                                    std::string_view source) {
  std::unique_ptr<Agent> made =
      config.agent_config->make(spec, open_device(config.device), config.seed_for("agent"));
  auto* agent = dynamic_cast<Kind*>(made.get());
  REVERIE_CHECK(agent != nullptr, "agent '{}' does not learn from {}", config.agent, source);
  static_cast<void>(made.release());
  return std::unique_ptr<Kind>(agent);
}

}  // namespace reverie
