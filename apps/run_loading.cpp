#include "apps/run_loading.h"

#include "agents/random/random_agent.h"
#include "agents/registry.h"
#include "core/run_directory.h"
#include "envs/registry.h"
#include "nn/device.h"

namespace reverie {
namespace {

LoadedPolicy load_random(const LoadOptions& options) {
  REVERIE_CHECK(!options.env.empty(), "the random policy needs an environment: give --env ID");
  LoadedPolicy loaded;
  loaded.name = "random";
  loaded.config = make_run_config(options.env, "random");
  loaded.make_env = loaded.config->env_config->maker();
  loaded.spec = loaded.make_env()->spec();
  loaded.policy = make_random_policy(loaded.spec, options.seed);
  return loaded;
}

// A policy fits another environment when it sees the same fields and gives the same actions.
void check_same_interface(const EnvSpec& trained, const EnvSpec& other) {
  const auto names = [](const EnvSpec& spec) {
    std::string text;
    for (const Field& field : spec.observation) {
      text += fmt::format("{}{}[{}]", text.empty() ? "" : ", ", field.name, field.numel());
    }
    return text;
  };
  REVERIE_CHECK(trained.observation == other.observation && trained.action == other.action,
                "--env {}: its observation is ({}), the policy was trained on {} with ({}); the "
                "fields and actions must be the same",
                other.id, names(other), trained.id, names(trained));
}

}  // namespace

Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config,
                           const std::vector<std::string>& groups) {
  Checkpoint checkpoint = Checkpoint::read(folder, groups);
  const auto expect = [&](const char* key, const std::string& expected) {
    REVERIE_CHECK(checkpoint.text(key) == expected,
                  "{}: was written by a run with {} '{}', but config.toml says '{}'",
                  folder.string(), key, checkpoint.text(key), expected);
  };
  expect("agent", config.agent);
  expect("env", config.env);
  return checkpoint;
}

LoadedPolicy load_policy(const std::string& run, const LoadOptions& options) {
  if (run == "random") return load_random(options);
  const RunDirectory directory = RunDirectory::open(run, RunDirectory::Access::kRead);
  LoadedPolicy loaded;
  loaded.name = run;
  loaded.config = load_run_config(directory.config_file());
  RunConfig& config = *loaded.config;
  if (!options.device.empty()) config.device = options.device;
  REVERIE_CHECK(find_agent(config.agent).learns, "{}: agent '{}' has no checkpoint to load", run,
                config.agent);
  const Checkpoint checkpoint =
      read_checkpoint(directory.latest_checkpoint().path, config, {"model"});
  loaded.make_env = config.env_config->maker();
  loaded.spec = loaded.make_env()->spec();
  std::unique_ptr<Agent> agent =
      config.agent_config->make(loaded.spec, open_device(config.device), config.seed_for("agent"));
  agent->load(checkpoint);
  loaded.policy = std::move(agent);
  loaded.step = checkpoint.integer("step");
  if (!options.env.empty() && options.env != config.env) {
    loaded.make_env = find_env(options.env).config()->maker();
    const EnvSpec spec = loaded.make_env()->spec();
    check_same_interface(loaded.spec, spec);
    loaded.spec = spec;
  }
  set_compute_threads(static_cast<int>(config.threads));
  return loaded;
}

}  // namespace reverie
