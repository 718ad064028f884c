#include <algorithm>
#include <iostream>
#include <map>

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "agents/training/trainer.h"
#include "apps/command.h"
#include "apps/run_flags.h"
#include "apps/train_seeds.h"
#include "core/file.h"
#include "core/interrupt.h"
#include "core/machine.h"
#include "envs/registry.h"
#include "recordings/recorded_env.h"
#include "runs/history.h"
#include "runs/load_policy.h"
#include "runs/run_group.h"

namespace reverie {
namespace {

struct TrainFlags {
  std::string config, preset = "auto", run, resume;
  std::optional<int64_t> seeds, parallel;
};

// The pair whose options --help shows where none is given.
constexpr const char* kShownEnv = "maze2d-umaze-dense";
constexpr const char* kShownAgent = "ddpg";

// The config before flags, and where it comes from.
struct BaseConfig {
  std::unique_ptr<RunConfig> config;
  std::string preset = {};  // the name of the file that ships for the pair; "" = not used
};

// From the resumed run, from --config, or from defaults and preset.
BaseConfig base_config(const Arguments& arguments) {
  const std::string preset = peek_flag(arguments, "--preset");
  const std::string file = peek_flag(arguments, "--config");
  if (const std::string resume = peek_flag(arguments, "--resume"); !resume.empty()) {
    REVERIE_CHECK(file.empty() && preset.empty(),
                  "--resume {}: the run keeps its options; --config and --preset cannot replace "
                  "them, single flags can",
                  resume);
    const std::string run = with_groups_expanded({resume}).front();
    return {load_run_config(RunDirectory::open(run, RunDirectory::Access::kRead).config_file())};
  }
  std::string env = peek_flag(arguments, "--env");
  std::string agent = peek_flag(arguments, "--agent");
  if (!file.empty()) {
    REVERIE_CHECK(preset.empty(), "--config and --preset exclude each other");
    const auto [file_env, file_agent] = peek_run_config(file);
    if (env.empty()) env = file_env;
    if (agent.empty()) agent = file_agent;
  }
  if (wants_help(arguments)) {  // help must work before a pair is chosen
    if (env.empty()) env = kShownEnv;
    if (agent.empty()) agent = kShownAgent;
  }
  REVERIE_CHECK(!env.empty(), "train: no environment; give --env ID (see reverie list envs)");
  REVERIE_CHECK(!agent.empty(), "train: no agent; give --agent NAME (see reverie list agents)");
  BaseConfig base{make_run_config(env, agent)};
  RunConfig* const config = base.config.get();
  env = config->env;
  if (!file.empty()) {
    config->fields().load_toml(file);
    config->env = find_env(config->env).id;
  } else if (preset.empty() || preset == "auto") {
    if (const auto found = find_preset(env, agent); !found.empty()) {
      config->fields().load_toml(found);
      base.preset = found.filename().string();
    }
  } else if (preset != "none") {
    config->fields().load_toml(preset);
  }
  return base;
}

// The text of the help about options and their defaults.
std::string describe_options(const RunConfig& config, const BaseConfig& base) {
  const std::string preset =
      base.preset.empty() ? "" : fmt::format(", with the defaults of preset {}", base.preset);
  return fmt::format("Trains an agent. The options below are those of {} and {}{}.", config.env,
                     config.agent, preset);
}

// What help says about options whose default depends on others.
void settle_help(CommandLine& line, const RunConfig& config, const Arguments& arguments) {
  const auto is_given = [&](const char* flag) { return !peek_flag(arguments, flag).empty(); };
  if (is_given("--resume")) return;
  if (!is_given("--config")) {
    line.require("--env");
    line.require("--agent");
  }
  if (is_given("--dataset") && !is_given("--config")) return line.set_default("--steps", "none");
  if (config.steps == 0) line.set_default("--steps", std::to_string(RunConfig::kDefaultSteps));
}

// Refuses a dataset for an agent that cannot use one, before its options are read, because it has
// no such option.
void check_learns_from(const std::string& dataset, const RunConfig& config) {
  const TrainingConfig* training = config.training.get();
  REVERIE_CHECK(dataset.empty() || training == nullptr || training->dataset() != nullptr,
                "--dataset {}: agent '{}' cannot learn from a dataset; those that can: {}", dataset,
                config.agent, agents_of_datasets());
}

// Sets the options that follow from learning from a dataset.
void settle_dataset(RunConfig& config, bool resuming, bool steps_flag, bool has_config) {
  DatasetOptions& data = *config.training->dataset();
  data.path = std::filesystem::absolute(data.path).string();  // it is also read from other folders
  // A preset's steps are meant for a run that gathers.
  if (!resuming && !steps_flag && !has_config) config.steps = 0;
  if (!data.alone || !steps_flag || data.updates > 0) return;
  std::cerr << fmt::format(
      "--steps {}: {} learns from the dataset alone, so this counts as "
      "--updates {}\n",
      config.steps, config.agent, config.steps);
  data.updates = std::exchange(config.steps, 0);
}

// Uses the dataset's environment with its recorded options.
void take_environment(RunConfig& config, const CommandLine& line, const TrainFlags& flags) {
  std::vector<std::string> of_file;  // what --config gives another value than the default
  if (!flags.config.empty()) {
    const auto defaults = make_run_config(config.env, config.agent);
    const auto file = make_run_config(config.env, config.agent);
    file->fields().load_toml(flags.config);
    const ConfigFields known = defaults->fields(), given = file->fields();
    for (const ConfigField& field : given.all()) {
      if (field.text() != known.find(field.name)->text()) of_file.push_back(field.name);
    }
  }
  const ConfigFields fields = config.fields();
  const auto is_given = [&](const std::string& name) {
    return line.is_given(fields.find(name)->flag()) ||
           std::find(of_file.begin(), of_file.end(), name) != of_file.end();
  };
  const std::unique_ptr<Dataset> dataset = Dataset::open(config.dataset());
  const std::vector<std::string> taken =
      take_recorded_options(*dataset, config.env, *config.env_config, is_given);
  if (taken.empty() || line.is_quiet()) return;
  std::cerr << fmt::format("environment as in {}: {}\n", config.dataset(), fmt::join(taken, ", "));
}

// The options that cannot change in a run.
std::map<std::string, std::string> lifelong_options(const ConfigFields& fields) {
  std::map<std::string, std::string> values;
  for (const ConfigField& field : fields.all()) {
    if (field.is_lifelong || field.section == "environment") values[field.flag()] = field.text();
  }
  return values;
}

void check_lifelong_options(const std::string& run, const std::map<std::string, std::string>& saved,
                            const std::map<std::string, std::string>& now) {
  for (const auto& [flag, value] : saved) {
    REVERIE_CHECK(now.at(flag) == value, "--resume {}: {} is {}, the run has {}; it cannot change",
                  run, flag, now.at(flag), value);
  }
}

// The flag that makes a finished run longer.
const char* length_flag(const RunConfig& config) {
  return config.total_steps() > 0 ? "--steps" : "--updates";
}

// Restores the trainer to the run's state. Options that do not fit are reported here, before
// anything in the run folder is replaced. saved_length: of the run as it was saved. A run may have
// gone beyond its length, to the end of a turn; a length that is new must not lie before it.
void restore(const RunDirectory& directory, const RunConfig& config, bool can_resume,
             int64_t saved_length, Trainer& trainer) {
  const std::string run = directory.path().string();
  REVERIE_CHECK(can_resume,
                "{}: its replay buffer was not saved (save_replay = false), so it cannot be "
                "resumed",
                run);
  const std::filesystem::path folder = directory.latest_checkpoint().path;
  const Checkpoint checkpoint = read_checkpoint(folder, config);
  name_folder(folder, [&] { resume_trainer(trainer, checkpoint); });
  const int64_t position = trainer.counts().position;
  const int64_t length = config.training->length(config);
  REVERIE_CHECK(position <= length || length == saved_length,
                "{}: is already at step {}, beyond {}; {} N with a larger N continues it", run,
                position, length, length_flag(config));
}

// A new run that failed before its first row and first checkpoint has nothing to keep, and its
// folder would only block the next attempt.
void remove_if_nothing_was_made(const RunDirectory& directory) {
  try {
    const std::string rows = read_file(directory.path() / "metrics.csv", 1 << 16);
    if (std::count(rows.begin(), rows.end(), '\n') > 1) return;
  } catch (const Error&) {  // no log yet, or one too long to be empty
    if (std::filesystem::exists(directory.path() / "metrics.csv")) return;
  }
  std::error_code ignored;
  if (directory.checkpoints().empty()) std::filesystem::remove_all(directory.path(), ignored);
}

// Trains the runs of a group, each in a process of its own. `of_run`: the flags that tell it which
// run it is.
int train_group(const Arguments& arguments, const TrainFlags& flags, const std::string& group,
                const std::vector<std::string>& runs, int64_t threads,
                const std::function<Arguments(size_t)>& of_run) {
  const Arguments shared =
      without_flags(arguments, {"--run", "--resume", "--seed", "--seeds", "--parallel"});
  std::vector<SeedRun> processes;
  for (size_t i = 0; i < runs.size(); ++i) {
    Arguments own = of_run(i);
    own.insert(own.end(), shared.begin(), shared.end());
    processes.push_back({last_name(runs[i]), std::move(own)});
  }
  const int64_t usual = std::max<int64_t>(1, this_machine().cores / threads);
  const int status = train_seeds(processes, flags.parallel.value_or(usual));
  if (status == kInterruptedStatus) {
    std::cerr << fmt::format("stopped. To continue:\n  reverie train --resume {}\n", group);
  } else if (status == 0) {
    std::cerr << fmt::format(
        "done: {} runs. Next:\n  reverie evaluate {}\n  reverie plot {} --out {}/curves.png\n",
        runs.size(), group, group, group);
  }
  return status;
}

// Starts a group of new runs: seeds from `first` on.
int start_group(const Arguments& arguments, const TrainFlags& flags, const RunConfig& config) {
  std::error_code error;
  REVERIE_CHECK(!std::filesystem::exists(flags.run + "/config.toml", error),
                "--run {}: is a run; expected another folder for the {} runs of --seeds", flags.run,
                *flags.seeds);
  std::vector<std::string> runs;
  for (int64_t i = 0; i < *flags.seeds; ++i) {
    runs.push_back(run_of_group(flags.run, config.seed + i).string());
    REVERIE_CHECK(!std::filesystem::exists(runs.back(), error),
                  "{}: already exists; `reverie train --resume {}` continues it", runs.back(),
                  flags.run);
  }
  return train_group(arguments, flags, flags.run, runs, config.threads, [&](size_t i) {
    const int64_t seed = config.seed + static_cast<int64_t>(i);
    return Arguments{"--run", runs[i], "--seed", std::to_string(seed)};
  });
}

TrainingResult run_training(RunConfig& config, RunDirectory& directory, Trainer& trainer,
                            RunStart start) {
  // If a stage has become longer, the run goes back to it.
  const std::optional<int64_t> first_step =
      start == RunStart::kResumed ? std::optional(trainer.counts().position) : std::nullopt;
  MetricLog log(directory.path(), first_step);
  ProgressBar progress(config.training->length(config),
                       {.label = fmt::format("{} {}", config.env, config.agent),
                        .first_step = first_step.value_or(0),
                        .unit = config.total_steps() > 0 ? "steps" : "updates",
                        .stops_itself = true});
  TrainingSession session{config, directory, log, progress, stop_requested()};
  const TrainingResult result = drive(session, trainer, start);
  progress.finish();
  return result;
}

}  // namespace

int train_command(const Arguments& arguments) {
  const BaseConfig base = base_config(arguments);
  RunConfig* const config = base.config.get();
  if (!base.preset.empty() && !wants_help(arguments)) {
    std::cerr << fmt::format("preset {} (--preset none for the published defaults)\n", base.preset);
  }
  check_learns_from(peek_flag(arguments, "--dataset"), *config);
  const ConfigFields fields = config->fields();

  TrainFlags flags;
  CommandLine line("train", describe_options(*config, base));
  line.add("--config", flags.config, {.help = "TOML file with options; flags override it"});
  line.add("--preset", flags.preset,
           {.help = "auto: the preset of this pair, if there is one; none; or a TOML file"});
  line.add("--run", flags.run,
           {.help = "folder of the new run or group",
            .fallback = "runs/ENV-AGENT-sSEED; runs/ENV-AGENT for a group"});
  line.add("--resume", flags.resume,
           {.help = "continue the run in this folder, or the runs of this group"});
  line.add("--seeds", flags.seeds,
           {.help = "train a group of this many runs, RUN/seed_S, with seeds from --seed on",
            .range = between(1, 1000)});
  line.add("--parallel", flags.parallel,
           {.help = "runs of a group that train at once",
            .range = between(1, 1000),
            .fallback = "as many as there are cores for their --threads"});
  line.add_fields(fields);
  if (wants_help(arguments)) settle_help(line, *config, arguments);
  if (!line.parse(arguments)) return 0;
  if (const auto group = runs_of_group(flags.resume); !group.empty()) {
    REVERIE_CHECK(!flags.seeds, "--resume {}: the group has its seeds; --seeds cannot change them",
                  flags.resume);
    return train_group(arguments, flags, flags.resume, group, config->threads, [&](size_t i) {
      return Arguments{"--resume", group[i]};
    });
  }
  REVERIE_CHECK(!flags.parallel || flags.seeds,
                "--parallel: is for groups; expected --seeds, or --resume with a group's folder");
  const auto saved_options = lifelong_options(fields);
  const bool can_resume = config->training && config->training->can_resume();
  const bool gathers = config->dataset().empty();
  const bool had_steps = config->total_steps() > 0;
  const int64_t saved_length = config->training ? config->training->length(*config) : 0;
  line.apply(fields);
  const bool resuming = !flags.resume.empty();
  REVERIE_CHECK(!resuming || gathers == config->dataset().empty(),
                "--resume {}: --dataset is '{}', the run {}; it cannot change", flags.resume,
                config->dataset(),
                gathers ? "gathers its own experience" : "learns from a dataset");
  if (!config->dataset().empty()) {
    settle_dataset(*config, resuming, !peek_flag(arguments, "--steps").empty(),
                   !flags.config.empty());
    if (!resuming) take_environment(*config, line, flags);
  }
  REVERIE_CHECK(!resuming || had_steps == (config->total_steps() > 0),
                "--resume {}: the run {} environment steps; that cannot change", flags.resume,
                had_steps ? "has" : "learns from its dataset alone and has no");
  if (resuming) check_lifelong_options(flags.resume, saved_options, lifelong_options(fields));
  REVERIE_CHECK(!resuming || flags.run.empty(), "--resume and --run exclude each other");
  REVERIE_CHECK(!resuming || !flags.seeds, "--resume {}: is one run; --seeds starts a group",
                flags.resume);
  REVERIE_CHECK(find_agent(config->agent).learns(),
                "agent '{}' has nothing to learn; try "
                "`reverie evaluate {} --env {}`",
                config->agent, config->agent, config->env);

  REVERIE_CHECK(flags.run.empty() != line.is_given("--run"), "--run: is empty, expected a folder");
  if (flags.run.empty()) {
    flags.run = fmt::format("runs/{}-{}", config->env, config->agent);
    if (!flags.seeds) flags.run += fmt::format("-s{}", config->seed);
  }
  // Bad input must not leave a run folder behind, so everything that can be wrong is tried first.
  std::unique_ptr<Trainer> trainer = config->training->make(*config, [&](std::string_view text) {
    if (!line.is_quiet()) std::cerr << text << "\n";
  });
  if (flags.seeds) {
    trainer.reset();
    return start_group(arguments, flags, *config);
  }

  RunDirectory directory = resuming ? RunDirectory::open(flags.resume, RunDirectory::Access::kWrite)
                                    : RunDirectory::create(flags.run);
  if (resuming) restore(directory, *config, can_resume, saved_length, *trainer);
  if (resuming && trainer->counts().is_done) {
    std::cerr << fmt::format("{}: is solved at step {}; nothing is left to do\n", flags.resume,
                             trainer->counts().position);
    return 0;
  }
  if (resuming && trainer->counts().position >= config->training->length(*config)) {
    std::cerr << fmt::format(
        "{}: is finished at step {}; nothing is left to do. {} N with a larger N continues it\n",
        flags.resume, trainer->counts().position, length_flag(*config));
    return 0;
  }
  TrainingResult result;
  try {
    if (!resuming) keep_files(*config, directory.path());
    add_launch(directory, this_launch("train", arguments));
    result =
        run_training(*config, directory, *trainer, resuming ? RunStart::kResumed : RunStart::kNew);
  } catch (...) {
    if (!resuming) remove_if_nothing_was_made(directory);
    throw;
  }
  const std::string folder = directory.path().string();
  if (result.interrupted) {
    std::cerr << fmt::format("stopped at step {} of {}; ", result.counts.position,
                             config->training->length(*config));
    std::cerr
        << (config->training->can_resume()
                ? fmt::format("everything is saved. To continue:\n  reverie train --resume {}\n",
                              folder)
                : "the policy is saved, but the replay buffer is not (save_replay = false), so "
                  "it cannot be resumed\n");
    return kInterruptedStatus;
  }
  if (!find_agent(config->agent).acts) {
    std::cerr << fmt::format(
        "done: {} updates. Next:\n  reverie dataset relabel IN OUT --reward-run {}\n",
        result.counts.updates, folder);
    return 0;
  }
  std::cerr << fmt::format(
      "done: {} steps, {} updates. Next:\n"
      "  reverie evaluate {}\n  reverie render {} --out {}/videos/{}.mp4\n",
      result.counts.steps, result.counts.updates, folder, folder, folder,
      directory.latest_checkpoint().path.filename().string());
  return 0;
}

}  // namespace reverie
