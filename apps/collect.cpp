#include <algorithm>
#include <iostream>
#include <optional>

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/training/transition_learner.h"
#include "apps/collect_presets.h"
#include "apps/command.h"
#include "apps/run_flags.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/random.h"
#include "envs/registry.h"
#include "envs/wrappers/training_limits.h"
#include "nn/device.h"
#include "recordings/gymnasium.h"
#include "recordings/recorded_env.h"
#include "runs/collector.h"
#include "runs/load_policy.h"
#include "runs/policy_mixture.h"

namespace reverie {
namespace {

constexpr double kWaypointNoise = 0.5;  // D4RL's
constexpr uint64_t kMixtureStream = 4;  // of random numbers, beside those of the collector's lanes
constexpr double kMostSteps = 2147483648.0;
constexpr const char* kNoTimeLimit = "1000000000000";

struct CollectFlags {
  std::vector<std::string> policies;
  std::string out, format;  // "" = the format that suits the fields
  int64_t steps = 0, seed = 0, threads = 2;
  std::optional<double> noise;
};

// The source of the data, ready for a Collector.
struct Source {
  LoadedPolicy loaded = {};  // make_actor: empty for the waypoint generator and a learner
  std::vector<SecondPolicy> others = {};  // of a mixture, with `loaded` at its place
  std::vector<double> shares = {};        // of a mixture; empty: there is none
  size_t first = 0;                       // the place of `loaded` in it
  std::unique_ptr<TransitionLearner> learner = {};
  std::string config = {};        // TOML of the environment
  std::string env_spec = {};      // Gymnasium's, where it has an equal one
  std::string agent_config = {};  // TOML of an agent that learns; "" = none does
};

// The environment of the waypoint controller. The controller's clock replaces the environment's: it
// draws a new target where the environment would end an episode.
Source load_waypoint(const LoadOptions& options, int64_t& target_limit) {
  REVERIE_CHECK(!options.env.empty(), "--policy waypoint needs an environment: give --env ID");
  const std::unique_ptr<EnvConfig> config = find_env(options.env).config();
  ConfigFields fields;
  config->describe(fields);
  options.adjust(fields);
  Source source{.config = portable_options(*config)};
  LoadedPolicy& loaded = source.loaded;
  loaded.name = "waypoint";
  loaded.spec = config->maker()()->spec();
  target_limit = loaded.spec.max_steps;
  if (const ConfigField* limit = fields.find("max_steps")) {
    ConfigFields::set(*limit, kNoTimeLimit, "max_steps");
  }
  loaded.make_env = config->maker();
  return source;
}

// The policy whose environment the others share: a run's, which brings its own; otherwise one that
// needs to see the state.
size_t leader(const std::vector<PolicyShare>& policies) {
  size_t best = 0;
  const auto rank = [&](size_t i) {
    if (!is_untrained(policies[i].name)) return 2;
    return find_agent(policies[i].name).untrained->reads_state ? 1 : 0;
  };
  for (size_t i = 1; i < policies.size(); ++i) {
    if (rank(i) > rank(best)) best = i;
  }
  return best;
}

Source load_policies(const std::vector<PolicyShare>& policies, const LoadOptions& options) {
  const size_t first = leader(policies);
  Source source{.loaded = load_policy(policies[first].name, options)};
  source.config = portable_options(*source.loaded.config->env_config);
  source.env_spec = gymnasium_env_spec(source.loaded.spec, *source.loaded.config->env_config);
  if (policies.size() == 1) return source;
  source.first = first;
  source.loaded.name.clear();
  for (size_t i = 0; i < policies.size(); ++i) {
    source.others.push_back(
        i == first ? SecondPolicy() : load_second_policy(policies[i].name, source.loaded, options));
    source.shares.push_back(policies[i].share);
    source.loaded.name +=
        fmt::format("{}{}:{}", i == 0 ? "" : ", ", policies[i].name, policies[i].share);
  }
  return source;
}

// Actors of all policies, one of which plays each episode.
std::unique_ptr<PolicyMixture> make_mixture(const Source& source, int64_t lanes, uint64_t seed) {
  std::vector<std::unique_ptr<Actor>> actors;
  for (size_t i = 0; i < source.others.size(); ++i) {
    const ActorMaker& make =
        i == source.first ? source.loaded.make_actor : source.others[i].make_actor;
    actors.push_back(make(lanes, mix_seed({seed, i, kMixtureStream})));
  }
  return std::make_unique<PolicyMixture>(std::move(actors), source.shares,
                                         mix_seed({seed, kMixtureStream}));
}

// The options of an agent that learns while it collects, from the preset as in `train`.
std::unique_ptr<RunConfig> learner_config(const std::string& env, const std::string& agent,
                                          bool says_so) {
  REVERIE_CHECK(!env.empty(), "--policy {} needs an environment: give --env ID", agent);
  std::unique_ptr<RunConfig> config = make_run_config(env, agent);
  if (const auto preset = find_preset(env, agent); !preset.empty()) {
    config->fields().load_toml(preset);
    if (says_so) std::cerr << fmt::format("preset {}\n", preset.filename().string());
  }
  return config;
}

TransitionTraining& transition_training(RunConfig& config) {
  auto* training = dynamic_cast<TransitionTraining*>(config.training.get());
  if (training != nullptr) return *training;
  std::vector<std::string> able;
  for (const AgentEntry& entry : agent_registry()) {
    const auto of_entry = entry.training ? entry.training() : nullptr;
    if (dynamic_cast<TransitionTraining*>(of_entry.get()) != nullptr) able.push_back(entry.name);
  }
  fail_input(
      "--policy {}: this agent cannot learn while it collects; give a run of it, or one of {}",
      config.agent, fmt::join(able, ", "));
}

// The relevant ones of them; the environment's are added by their own rule.
ConfigFields learner_fields(RunConfig& config) {
  ConfigFields fields;
  fields.section("training");
  config.training->describe_learning(fields);
  fields.section("agent");
  config.agent_config->describe(fields);
  return fields;
}

Source load_learner(std::unique_ptr<RunConfig> config, const LoadOptions& options) {
  ConfigFields fields = learner_fields(*config);
  options.adjust(fields);
  config->seed = static_cast<int64_t>(options.seed);
  if (!options.device.empty()) config->device = options.device;
  Source source;
  LoadedPolicy& loaded = source.loaded;
  loaded.name = config->agent;
  ConfigFields environment;
  config->env_config->describe(environment);
  options.adjust(environment);
  source.config = portable_options(*config->env_config);
  source.agent_config = fields.to_toml();
  const TransitionTraining& training = transition_training(*config);
  loaded.make_env = with_training_limits(config->env_config->maker(), training.gathering.limits);
  loaded.spec = loaded.make_env()->spec();
  source.env_spec = gymnasium_env_spec(loaded.spec, *config->env_config);
  set_compute_threads(1);  // sums on several threads round differently
  source.learner = std::make_unique<TransitionLearner>(
      *config, training, SpaceAdapter::adapt(loaded.spec), training.gathering.num_envs);
  loaded.config = std::move(config);
  return source;
}

// Commits the episodes before a failure, if there are any, and throws a message that says so.
[[noreturn]] void keep_what_is_there(DatasetWriter& writer, const std::string& path,
                                     const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (writer.episodes() == 0) throw;
    writer.commit();
    throw Error(fmt::format("{}; the {} steps before it are kept in {}", error.what(),
                            writer.steps(), path),
                error.kind());
  }
}

// D4RL's layout needs the field `observation`, which is missing with pixels alone.
DatasetFormat choose_format(const std::string& name, const DatasetSchema& schema) {
  if (!name.empty()) return parse_dataset_format(name);
  const bool has_state =
      std::any_of(schema.observation.begin(), schema.observation.end(),
                  [](const Field& field) { return field.name == "observation"; });
  return has_state ? DatasetFormat::kD4rl : DatasetFormat::kStableWorldModel;
}

// Returns whether it gathered everything; false: it was told to stop.
bool collect(const CollectFlags& flags, CollectOptions options, Source& source) {
  const LoadedPolicy& loaded = source.loaded;
  std::unique_ptr<Actor> actor;
  if (loaded.make_actor) {
    const int64_t lanes = Collector::lanes(loaded.spec, /*drives=*/false, options);
    if (source.shares.empty()) {
      actor = loaded.make_actor(lanes, options.seed);
    } else {
      std::unique_ptr<PolicyMixture> mixture = make_mixture(source, lanes, options.seed);
      options.mixture = mixture.get();
      actor = std::move(mixture);
    }
  }
  Collector collector(loaded.make_env, actor.get(), options);
  DatasetSchema schema = collector.schema();
  schema.attributes = {{"env", loaded.spec.id},
                       {"env_source", loaded.spec.source},
                       {"policy", loaded.name},
                       {"seed", std::to_string(flags.seed)},
                       {"config", source.config},
                       {"collect", fmt::format("steps {}, noise {}", flags.steps, options.noise)}};
  if (!source.env_spec.empty()) schema.attributes["env_spec"] = source.env_spec;
  if (!source.agent_config.empty()) schema.attributes["agent_config"] = source.agent_config;
  const std::unique_ptr<DatasetWriter> writer =
      DatasetWriter::create(flags.out, choose_format(flags.format, schema), schema);
  ProgressBar progress(flags.steps,
                       {.label = fmt::format("collect {}", loaded.spec.id), .stops_itself = true});
  const std::exception_ptr failure =
      collector.run(*writer, stop_requested(), [&](const EpisodeData& episode) {
        double sum = 0.0;
        for (const float reward : episode.reward) sum += static_cast<double>(reward);
        progress.update(writer->steps(), {{"return", sum}});
      });
  if (failure) keep_what_is_there(*writer, flags.out, failure);
  progress.finish();
  if (writer->episodes() == 0) throw_if_interrupted();
  writer->commit();
  std::cerr << fmt::format("wrote {}: {} steps in {} episodes{}\n", flags.out, writer->steps(),
                           writer->episodes(), stop_requested() ? " (stopped early)" : "");
  return !stop_requested();
}

// Agents' names are not run folders' names.
bool is_learning(const std::string& name) {
  const std::vector<AgentEntry>& all = agent_registry();
  return std::any_of(all.begin(), all.end(),
                     [&](const AgentEntry& entry) { return entry.name == name && entry.learns(); });
}

void add_collect_flags(CommandLine& line, CollectFlags& flags, LoadOptions& load,
                       std::string& preset) {
  line.add("--env", load.env, {.help = "environment id", .fallback = "that of the run"});
  line.add("--policy", flags.policies,
           {.help = fmt::format("run folder, one of {}, or an agent that learns while it collects; "
                                "several as NAME:SHARE mix their episodes",
                                untrained_agents()),
            .required = true});
  line.add(
      "--steps", flags.steps,
      {.help = "environment steps to record", .range = between(1, kMostSteps), .required = true});
  line.add("--out", flags.out,
           {.help = "file to write; a folder for minari and exorl", .required = true});
  line.add("--format", flags.format,
           {.help = dataset_format_list(),
            .fallback = "d4rl; stable-worldmodel if only pixels are observed"});
  line.add("--noise", flags.noise,
           {.help = "standard deviation of the noise on actions",
            .range = between(0, 1e6),
            .fallback = fmt::format("{} for waypoint alone, otherwise 0", kWaypointNoise)});
  line.add("--seed", flags.seed,
           {.help = "random seed; the same seed gives the same dataset", .range = at_least(0)});
  line.add("--threads", flags.threads, {.help = "threads", .range = between(1, 1024)});
  line.add("--device", load.device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  line.add(
      "--preset", preset,
      {.help = fmt::format("take --env, --policy, --steps and --noise from a published dataset: {}",
                           collect_presets())});
}

}  // namespace

int collect_command(const Arguments& given) {
  const Arguments arguments = expand_collect_preset(given);
  CollectFlags flags;
  LoadOptions load;
  std::string preset;
  CommandLine line(
      "collect",
      "Records episodes in a dataset. The options include those of the environment and of\nan "
      "agent that learns. `waypoint` alone generates D4RL's maze2d datasets.");
  add_collect_flags(line, flags, load, preset);

  // The other flags depend on the environment, a run, and an agent that learns.
  std::vector<PolicyShare> policies;
  for (const std::string& text : peek_flags(arguments, "--policy")) {
    policies.push_back(parse_policy_share(text));
  }
  const auto learns = std::find_if(policies.begin(), policies.end(),
                                   [](const PolicyShare& p) { return is_learning(p.name); });
  std::unique_ptr<RunConfig> learner;
  const bool only_helps = wants_help(arguments) && peek_flag(arguments, "--env").empty();
  if (learns != policies.end() && !only_helps) {
    REVERIE_CHECK(policies.size() == 1,
                  "--policy {}: an agent that learns while it collects cannot be part of a "
                  "mixture; a run of it can",
                  learns->name);
    learner = learner_config(peek_flag(arguments, "--env"), learns->name, !wants_help(arguments));
    transition_training(*learner);
    line.add_fields(learner_fields(*learner));
  }
  const auto run = std::find_if(policies.begin(), policies.end(), [](const PolicyShare& p) {
    return !is_untrained(p.name) && !is_learning(p.name);
  });
  add_environment_flags(line, peek_flag(arguments, "--env"), run == policies.end() ? "" : run->name,
                        "--env ID, or --policy RUN,");
  if (const std::string name = peek_flag(arguments, "--preset"); !name.empty()) {
    for (const auto& [flag, value] : collect_preset(name)) line.set_default(flag, value);
  }
  if (!line.parse(arguments)) return 0;

  if (!flags.format.empty()) parse_dataset_format(flags.format);  // before anything is loaded
  load.adjust = adjust_by_flags(line);
  load.seed = static_cast<uint64_t>(flags.seed);
  const bool drives = policies.size() == 1 && policies.front().name == "waypoint";
  CollectOptions options{.steps = flags.steps,
                         .seed = load.seed,
                         .threads = static_cast<int>(flags.threads),
                         .noise = flags.noise.value_or(drives ? kWaypointNoise : 0.0)};
  Source source = drives    ? load_waypoint(load, options.target_limit)
                  : learner ? load_learner(std::move(learner), load)
                            : load_policies(policies, load);
  options.learner = source.learner.get();
  if (source.learner) {
    options.lanes = transition_training(*source.loaded.config).gathering.num_envs;
  }
  return collect(flags, options, source) ? 0 : kInterruptedStatus;
}

}  // namespace reverie
