#include "agents/run_config.h"

#include <algorithm>
#include <functional>
#include <thread>

#include "agents/registry.h"
#include "core/assets.h"
#include "core/file.h"
#include "core/random.h"
#include "core/run_directory.h"
#include "core/text.h"
#include "envs/registry.h"

namespace reverie {

ConfigFields RunConfig::fields() {
  ConfigFields f;
  f.section("run");
  f.add("env", env, "environment id (reverie list envs)");
  f.add("agent", agent, "agent name (reverie list agents)");
  f.add("steps", steps,
        fmt::format("environment steps in total; 0 = {}, or none when learning from a dataset",
                    kDefaultSteps),
        at_least(0));
  f.add("seed", seed, "random seed; the same seed repeats the run on the CPU", between(0, 0x1p53));
  f.set_lifelong({"env", "agent", "seed"});
  f.add("device", device, "device of the networks", {"cpu", "cuda"});
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
  const EnvEntry& environment = find_env(env);
  config->env = environment.id;
  config->agent = agent;
  config->env_config = environment.config();
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

namespace {

constexpr const char* kFilesFolder = "files";
constexpr const char* kPriorFolder = "prior";
constexpr size_t kMostFileBytes = size_t{1} << 26;

// Calls `use` for each environment option that names a file. One that holds the file's lines, as
// the options of a dataset do, names none.
void for_each_file(RunConfig& config, const std::function<void(std::string& path)>& use) {
  ConfigFields fields;
  config.env_config->describe(fields);
  for (const ConfigField& field : fields.all()) {
    if (!field.is_file) continue;
    std::string& path = *std::get<std::string*>(field.value);
    if (!path.empty() && path.find('\n') == std::string::npos) use(path);
  }
}

}  // namespace

void keep_files(RunConfig& config, const std::filesystem::path& run) {
  const std::filesystem::path folder = std::filesystem::absolute(run) / kFilesFolder;
  for_each_file(config, [&](std::string& path) {
    const std::filesystem::path copy = folder / std::filesystem::path(path).filename();
    std::filesystem::create_directories(folder);
    write_file_atomically(copy, read_file(path, kMostFileBytes));
    path = copy.string();
  });
  PriorRun* const prior = config.agent_config->prior_run();
  if (prior == nullptr || prior->folder.empty()) return;
  const std::filesystem::path copy = std::filesystem::absolute(run) / kPriorFolder;
  // The one that training follows: a prior that still trains may have saved another one since.
  const auto source = RunDirectory::open(prior->folder, RunDirectory::Access::kRead);
  copy_policy(source, prior->step < 0 ? "latest" : std::to_string(prior->step), copy);
  prior->folder = copy.string();
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
  config->env = find_env(env).id;
  for_each_file(*config, [&](std::string& path) {
    const std::filesystem::path kept = std::filesystem::absolute(file).parent_path() /
                                       kFilesFolder / std::filesystem::path(path).filename();
    if (std::filesystem::exists(kept)) path = kept.string();
  });
  if (PriorRun* const prior = config->agent_config->prior_run(); prior != nullptr) {
    const std::filesystem::path kept = std::filesystem::absolute(file).parent_path() / kPriorFolder;
    if (!prior->folder.empty() && std::filesystem::exists(kept)) prior->folder = kept.string();
  }
  return config;
}

std::filesystem::path find_preset(const std::string& env, const std::string& agent) {
  try {
    return asset_path(fmt::format("presets/{}-{}.toml", env, agent));
  } catch (const Error&) {  // no assets folder contains it
    return {};
  }
}

}  // namespace reverie
