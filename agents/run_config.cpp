#include "agents/run_config.h"

#include <algorithm>
#include <thread>

#include "agents/registry.h"
#include "core/assets.h"
#include "core/random.h"
#include "core/text.h"
#include "envs/registry.h"

namespace reverie {

ConfigFields RunConfig::fields() {
  ConfigFields f;
  f.section("run");
  f.add("env", env, "environment id (reverie list envs)");
  f.add("agent", agent, "agent name (reverie list agents)");
  f.add("steps", steps,
        fmt::format("environment steps, all together; 0 = {}, and none where a dataset is learnt "
                    "from",
                    kDefaultSteps),
        at_least(0));
  f.add("seed", seed, "the same seed repeats the run on the CPU", between(0, 0x1p53));
  f.add("device", device, "where the networks live", {"cpu", "cuda"});
  f.add("threads", threads, "threads for environments and tensor operations", between(1, 1024));
  f.section("environment");
  env_config->describe(f);
  f.section("training");
  if (training) training->describe(f);
  f.section("agent");
  agent_config->describe(f);
  return f;
}

int64_t RunConfig::total_steps() const {
  return steps > 0 || !dataset().empty() ? steps : kDefaultSteps;
}

std::string RunConfig::dataset() const {
  const DatasetOptions* data = training ? training->dataset() : nullptr;
  return data == nullptr ? "" : data->path;
}

uint64_t RunConfig::seed_for(std::string_view purpose) const {
  return mix_seed({static_cast<uint64_t>(seed), name_hash(purpose)});
}

std::unique_ptr<RunConfig> make_run_config(const std::string& env, const std::string& agent) {
  auto config = std::make_unique<RunConfig>();
  config->env = env;
  config->agent = agent;
  config->env_config = find_env(env).config();
  const AgentEntry& entry = find_agent(agent);
  config->agent_config = entry.config();
  if (entry.training) config->training = entry.training();
  if (entry.reads_pixels) config->env_config->set_option("observation", "pixels");
  config->threads = std::max<int64_t>(1, std::thread::hardware_concurrency());
  return config;
}

std::pair<std::string, std::string> peek_run_config(const std::filesystem::path& file) {
  return {toml_string(file, "run.env"), toml_string(file, "run.agent")};
}

std::unique_ptr<RunConfig> load_run_config(const std::filesystem::path& file) {
  const auto [env, agent] = peek_run_config(file);
  REVERIE_CHECK(!env.empty() && !agent.empty(),
                "{}: [run] has no `{}`; expected both `env = \"...\"` and `agent = \"...\"`",
                file.string(), env.empty() ? "env" : "agent");
  auto config = make_run_config(env, agent);
  REVERIE_CHECK(find_agent(agent).learns(),
                "{}: agent '{}' needs no training: such a run has no checkpoint", file.string(),
                agent);
  config->fields().load_toml(file);
  return config;
}

std::filesystem::path find_preset(const std::string& env, const std::string& agent) {
  try {
    return asset_path(fmt::format("presets/{}-{}.toml", env, agent));
  } catch (const Error&) {  // none of the folders of assets holds it
    return {};
  }
}

}  // namespace reverie
