#include <csignal>
#include <iostream>

#include "agents/registry.h"
#include "agents/training/off_policy.h"
#include "apps/command.h"
#include "apps/run_loading.h"
#include "core/file.h"
#include "nn/device.h"

namespace reverie {
namespace {

// The status that shells give a program which Ctrl-C ended.
constexpr int kInterruptedStatus = 130;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

// The first signal asks the loop to save and stop; a second one ends the program at once.
void on_signal(int signal) {
  stop_requested.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

struct TrainFlags {
  std::string config, preset = "auto", run, resume;
  bool quiet = false;
};

// The config before flags: of the run that is resumed, of --config, or defaults and preset.
std::unique_ptr<RunConfig> base_config(const Arguments& arguments) {
  if (const std::string resume = peek_flag(arguments, "--resume"); !resume.empty()) {
    return load_run_config(RunDirectory::open(resume, RunDirectory::Access::kRead).config_file());
  }
  std::string env = peek_flag(arguments, "--env");
  std::string agent = peek_flag(arguments, "--agent");
  const std::string file = peek_flag(arguments, "--config");
  if (!file.empty()) {
    const auto [file_env, file_agent] = peek_run_config(file);
    if (env.empty()) env = file_env;
    if (agent.empty()) agent = file_agent;
  }
  REVERIE_CHECK(!env.empty(), "train: no environment; give --env ID (see reverie list envs)");
  REVERIE_CHECK(!agent.empty(), "train: no agent; give --agent NAME (see reverie list agents)");
  auto config = make_run_config(env, agent);
  const std::string preset = peek_flag(arguments, "--preset");
  if (!file.empty()) {
    config->fields().load_toml(file);
  } else if (preset.empty() || preset == "auto") {
    if (const auto found = find_preset(env, agent); !found.empty()) {
      config->fields().load_toml(found);
      std::cerr << fmt::format("preset {} (--preset none for the published defaults)\n",
                               found.filename().string());
    }
  } else if (preset != "none") {
    config->fields().load_toml(preset);
  }
  return config;
}

bool wants_help(const Arguments& arguments) {
  return std::find_if(arguments.begin(), arguments.end(), [](const std::string& a) {
           return a == "--help" || a == "-h";
         }) != arguments.end();
}

}  // namespace

int train_command(const Arguments& arguments) {
  // Help must work before an environment is chosen; the flags shown are then those of a common
  // pair.
  const bool general_help = wants_help(arguments) && (peek_flag(arguments, "--env").empty() ||
                                                      peek_flag(arguments, "--agent").empty());
  const std::unique_ptr<RunConfig> config =
      general_help ? make_run_config("maze2d-umaze-dense", "ddpg") : base_config(arguments);
  const ConfigFields fields = config->fields();

  TrainFlags flags;
  CommandLine line("train",
                   "Trains an agent. The options below are those of --env and --agent (of\n"
                   "maze2d-umaze-dense and ddpg where they are not given).");
  line.app().add_option("--config", flags.config, "TOML file with options; flags override it");
  line.app().add_option("--preset", flags.preset,
                        "auto: the options that ship for this pair; none; or a TOML file");
  line.app().add_option("--run", flags.run, "folder of the new run (default runs/ENV-AGENT-sSEED)");
  line.app().add_option("--resume", flags.resume, "continue the run in this folder");
  line.app().add_flag("--quiet", flags.quiet, "no progress bar");
  line.add_fields(fields);
  if (!line.parse(arguments)) return 0;
  const std::string env = config->env;
  const std::string agent = config->agent;
  line.apply(fields);
  const bool resuming = !flags.resume.empty();
  REVERIE_CHECK(!resuming || (config->env == env && config->agent == agent),
                "--resume {}: the run is of {} and {}; --env and --agent cannot change",
                flags.resume, env, agent);
  REVERIE_CHECK(!resuming || flags.run.empty(), "--resume and --run exclude each other");
  REVERIE_CHECK(find_agent(config->agent).learns,
                "agent '{}' has nothing to learn; try "
                "`reverie evaluate {} --env {}`",
                config->agent, config->agent, config->env);

  if (flags.run.empty()) {
    flags.run = fmt::format("runs/{}-{}-s{}", config->env, config->agent, config->seed);
  }
  // Bad input must not leave a run folder behind: what can be wrong is tried first.
  const EnvSpec spec = config->env_config->maker()()->spec();
  config->agent_config->make(spec, open_device(config->device), 0);

  RunDirectory directory = resuming ? RunDirectory::open(flags.resume, RunDirectory::Access::kWrite)
                                    : RunDirectory::create(flags.run);
  std::optional<Checkpoint> checkpoint;
  if (resuming) {
    REVERIE_CHECK(config->training.save_replay,
                  "{}: its replay buffer was not saved (save_replay = false), so it cannot be "
                  "resumed",
                  flags.resume);
    checkpoint = read_checkpoint(directory.latest_checkpoint().path, *config,
                                 off_policy_groups(config->training));
    REVERIE_CHECK(checkpoint->integer("step") < config->steps,
                  "{}: is at step {} of {} already; --steps N with a larger N continues it",
                  flags.resume, checkpoint->integer("step"), config->steps);
  }
  write_file_atomically(directory.config_file(), fields.to_toml());
  MetricLog log(directory.path(),
                resuming ? std::optional(checkpoint->integer("step")) : std::nullopt);
  ProgressBar progress(config->steps, {.label = fmt::format("{} {}", config->env, config->agent),
                                       .first_step = resuming ? checkpoint->integer("step") : 0,
                                       .quiet = flags.quiet});
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  TrainingSession session{*config, directory, log, progress, stop_requested};
  const TrainingResult result = train_off_policy(session, checkpoint ? &*checkpoint : nullptr);
  progress.finish();
  const std::string folder = directory.path().string();
  if (result.interrupted) {
    std::cerr << fmt::format(
        "stopped at step {} of {}; everything is saved. To continue:\n"
        "  reverie train --resume {}\n",
        result.steps, config->steps, folder);
    return kInterruptedStatus;
  }
  std::cerr << fmt::format(
      "done: {} steps, {} updates. Next:\n"
      "  reverie evaluate {}\n  reverie render {} --out {}/videos/latest.mp4\n",
      result.steps, result.updates, folder, folder, folder);
  return 0;
}

}  // namespace reverie
