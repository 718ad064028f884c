#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "agents/agent.h"
#include "agents/run_config.h"
#include "agents/space_adapter.h"
#include "agents/trained_run.h"
#include "agents/training/trainer.h"
#include "envs/vector_env.h"
#include "envs/wrappers/training_limits.h"
#include "nn/device.h"

namespace reverie {

// The common part of trainers that step environments.

// A run's environments, within its limits of training episodes.
std::unique_ptr<VectorEnv> gathering_env(const RunConfig& config, int64_t num_envs,
                                         const TrainingLimits& limits);

// Those environments, and their form for learners.
struct GatheringEnvs {
  GatheringEnvs(const RunConfig& config, int64_t num_envs, const TrainingLimits& limits);

  FieldViews observations() { return adapter.observations(env->observations()); }

  std::unique_ptr<VectorEnv> env;
  SpaceAdapter adapter;
};

// Throws Error for an agent that keeps columns beside its actions: for trainers whose replay buffer
// has no place for them, which would drop them silently.
void refuse_extra_fields(const Agent& agent, std::string_view name);

// Reports where a run of `steps` ends if turns of `per_turn` steps take it further.
void say_where_it_ends(const TrainingConfig::Say& say, int64_t steps, int64_t per_turn,
                       std::string_view turn);

// Reports that a run of `steps` learns nothing because it gathers `learning_starts` steps first.
void say_if_it_never_learns(const TrainingConfig::Say& say, int64_t steps, int64_t learning_starts);

// [N] bool: where an episode ended.
at::Tensor ended_envs(const VectorStep& step);

// Means over the episodes: "env/return", "env/success" and their other metrics. The first two are
// shown at the progress bar.
TrainingRow episode_row(const std::vector<Episode>& episodes);

// The values of an update's metrics. Throws Error(kRun) that names one which is not finite.
Metrics read_metrics(const TensorMap& metrics);

// Throws Error(kRun) when a value is not finite. The message gives the name of the metric that is
// not finite, if there is one, else "`what` are not finite".
void check_finite(const at::Tensor& values, const char* what, const TensorMap& metrics);

// The run's agent, near its prior if the run names one. Throws Error(kInput) as
// AgentConfig::make() and follow_prior() do, and when it is not of the kind that learns from
// `source`.
template <typename Kind>
std::unique_ptr<Kind> make_agent_of(const RunConfig& config, const EnvSpec& spec,
                                    std::string_view source) {
  std::unique_ptr<Agent> made =
      config.agent_config->make(spec, open_device(config.device), config.seed_for("agent"));
  auto* agent = dynamic_cast<Kind*>(made.get());
  REVERIE_CHECK(agent != nullptr, "agent '{}' does not learn from {}", config.agent, source);
  follow_prior(*made, config, spec);
  static_cast<void>(made.release());
  return std::unique_ptr<Kind>(agent);
}

}  // namespace reverie
