#include <csignal>
#include <iostream>

#include "apps/collector.h"
#include "apps/command.h"
#include "apps/run_loading.h"
#include "core/progress.h"
#include "envs/registry.h"

namespace reverie {
namespace {

constexpr double kWaypointNoise = 0.5;  // D4RL's
constexpr const char* kNoTimeLimit = "1000000000000";

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

// The first signal keeps what is there and stops; a second one ends the program at once.
void on_signal(int signal) {
  stop_requested.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

struct CollectFlags {
  std::string policy, out, format = "d4rl";
  int64_t steps = 0, seed = 0, threads = 2;
  double noise = -1.0;  // not given
};

// The environment of the waypoint controller: its clock is the controller's, which draws a new
// target where the environment would end an episode.
LoadedPolicy load_waypoint(const LoadOptions& options, int64_t& target_limit) {
  REVERIE_CHECK(!options.env.empty(), "--policy waypoint needs an environment: give --env ID");
  const std::unique_ptr<EnvConfig> config = find_env(options.env).config();
  ConfigFields fields;
  config->describe(fields);
  options.flags->apply(fields);
  LoadedPolicy loaded;
  loaded.name = "waypoint";
  loaded.spec = config->maker()()->spec();
  target_limit = loaded.spec.max_steps;
  if (const ConfigField* limit = fields.find("max_steps")) {
    ConfigFields::set(*limit, kNoTimeLimit, "max_steps");
  }
  loaded.make_env = config->maker();
  return loaded;
}

std::string environment_toml(const CommandLine& line, const EnvSpec& spec) {
  const std::unique_ptr<EnvConfig> config = find_env(spec.id).config();
  ConfigFields fields;
  fields.section("environment");
  config->describe(fields);
  line.apply(fields);
  return fields.to_toml();
}

void collect(const CollectFlags& flags, CollectOptions options, LoadedPolicy& loaded,
             const std::string& config) {
  Collector collector(loaded.make_env, loaded.policy.get(), options);
  DatasetSchema schema = collector.schema();
  schema.attributes = {{"env", loaded.spec.id},
                       {"env_source", loaded.spec.source},
                       {"policy", loaded.name},
                       {"seed", std::to_string(flags.seed)},
                       {"config", config},
                       {"collect", fmt::format("steps {}, noise {}", flags.steps, options.noise)}};
  const std::unique_ptr<DatasetWriter> writer =
      DatasetWriter::create(flags.out, parse_dataset_format(flags.format), schema);
  ProgressBar progress(flags.steps, {.label = fmt::format("collect {}", loaded.spec.id)});
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    collector.run(*writer, stop_requested, [&](const EpisodeData& episode) {
      double sum = 0.0;
      for (const float reward : episode.reward) sum += static_cast<double>(reward);
      progress.update(writer->steps(), {{"return", sum}});
    });
  } catch (const Error& error) {
    if (writer->episodes() == 0) throw;
    writer->commit();
    throw Error(fmt::format("{}; the {} steps before it are kept in {}", error.what(),
                            writer->steps(), flags.out),
                error.kind());
  }
  progress.finish();
  REVERIE_CHECK_RUN(writer->episodes() > 0, "stopped before an episode was done; nothing is kept");
  writer->commit();
  std::cerr << fmt::format("wrote {}: {} steps in {} episodes{}\n", flags.out, writer->steps(),
                           writer->episodes(), stop_requested ? " (stopped early)" : "");
}

}  // namespace

int collect_command(const Arguments& arguments) {
  CollectFlags flags;
  LoadOptions load;
  CommandLine line("collect",
                   "Gathers episodes into a dataset. The options below are those of the\n"
                   "environment. `waypoint` is the controller of D4RL's maze2d datasets.");
  line.app().add_option("--env", load.env, "environment id; that of the run when not given");
  line.app()
      .add_option("--policy", flags.policy, "random, scripted, waypoint, or a run folder")
      ->required();
  line.app()
      .add_option("--steps", flags.steps, "steps to gather")
      ->required()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  line.app().add_option("--out", flags.out, "file to write (minari, exorl: folder)")->required();
  line.app().add_option("--format", flags.format, dataset_format_list() + " (default d4rl)");
  line.app()
      .add_option("--noise", flags.noise,
                  "standard deviation of the noise on actions (default 0.5 with waypoint, else 0)")
      ->check(CLI::Range(0.0, 1e6));
  line.app()
      .add_option("--seed", flags.seed, "same seed, same dataset")
      ->check(CLI::NonNegativeNumber);
  line.app()
      .add_option("--threads", flags.threads, "threads (default 2)")
      ->check(CLI::Range(1, 1024));
  line.app().add_option("--device", load.device, "cpu or cuda; the run's when not given");
  add_environment_flags(line, arguments);
  if (!line.parse(arguments)) return 0;

  parse_dataset_format(flags.format);  // before anything is loaded
  load.flags = &line;
  load.seed = static_cast<uint64_t>(flags.seed);
  const bool drives = flags.policy == "waypoint";
  CollectOptions options{.steps = flags.steps,
                         .seed = load.seed,
                         .threads = static_cast<int>(flags.threads),
                         .noise = flags.noise >= 0.0 ? flags.noise
                                  : drives           ? kWaypointNoise
                                                     : 0.0};
  LoadedPolicy loaded =
      drives ? load_waypoint(load, options.target_limit) : load_policy(flags.policy, load);
  collect(flags, options, loaded, environment_toml(line, loaded.spec));
  return 0;
}

}  // namespace reverie
