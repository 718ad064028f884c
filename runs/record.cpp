#include "runs/record.h"

#include <algorithm>
#include <cmath>

#include "agents/registry.h"
#include "agents/training/training_config.h"
#include "core/file.h"
#include "core/json_reader.h"
#include "core/text.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "runs/metrics_table.h"
#include "runs/run_group.h"

namespace reverie {
namespace {

constexpr size_t kMostRecordBytes = 1 << 24;
constexpr const char* kStudyFile = "study.json";
constexpr const char* kEvaluation = "evaluation/return";
constexpr const char* kProcessorTime = "time/processor_s";  // in metrics.csv, since the last row

// Options that a record stores separately, or that only describe how a machine was used.
bool is_apart(const ConfigField& field) {
  static const std::vector<std::string> names = {"env", "agent", "seed", "device", "threads"};
  return std::find(names.begin(), names.end(), field.name) != names.end();
}

std::map<std::string, std::string> texts_of(RunConfig& config) {
  std::map<std::string, std::string> texts;
  const ConfigFields fields = config.fields();
  for (const ConfigField& field : fields.all()) {
    if (is_apart(field) || !field.changes_result) continue;
    const auto* text = std::get_if<std::string*>(&field.value);
    texts[field.section + "." + field.name] =
        text != nullptr ? without_folder(**text) : field.text();
  }
  // 0 stands for a default.
  if (texts.contains("run.steps")) texts["run.steps"] = std::to_string(config.total_steps());
  return texts;
}

// Text of several words without the folders of the files that it names.
std::string without_folders(const std::string& text) {
  std::stringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + without_folder(word);
  return out;
}

}  // namespace

std::optional<double> Record::value(std::string_view metric, std::string_view policy) const {
  const Json* of = policy.empty() ? &evaluation : evaluation.find(policy);
  if (of == nullptr) return std::nullopt;
  const Json* found = of->find(metric);
  if (found == nullptr) {
    const Json* metrics = of->find("metrics");
    found = metrics == nullptr ? nullptr : metrics->find(metric);
  }
  if (found == nullptr) return std::nullopt;
  if (found->object() != nullptr) found = found->find("mean");
  return found == nullptr ? std::nullopt : found->number();
}

std::map<std::string, std::string> training_options(const std::filesystem::path& run) {
  const RunDirectory directory = RunDirectory::open(run, RunDirectory::Access::kRead);
  const std::unique_ptr<RunConfig> config = load_run_config(directory.config_file());
  std::map<std::string, std::string> options = texts_of(*config);
  const Checkpoint checkpoint = Checkpoint::read(directory.latest_checkpoint().path, {"model"});
  if (checkpoint.has_text("dataset.content")) {
    const std::string& content = checkpoint.text("dataset.content");
    // "..., fingerprint 0123456789abcdef": as much of it as tells datasets apart.
    options["training.dataset"] += "#" + content.substr(content.rfind(' ') + 1, 8);
  }
  return options;
}

std::map<std::string, std::string> default_options(const std::string& env,
                                                   const std::string& agent) {
  const auto is_env = [&](const EnvEntry& entry) { return entry.id == env; };
  const auto is_agent = [&](const AgentEntry& entry) { return entry.name == agent; };
  const auto& envs = env_registry();
  const auto& agents = agent_registry();
  if (std::none_of(envs.begin(), envs.end(), is_env) ||
      std::none_of(agents.begin(), agents.end(), is_agent)) {
    return {};
  }
  return texts_of(*make_run_config(env, agent));
}

namespace {

// The evaluation options that differ from training.
std::map<std::string, std::string> evaluation_options(
    const LoadedPolicy& policy, const EvaluationSettings& settings,
    const std::map<std::string, std::string>& trained) {
  std::map<std::string, std::string> options = {
      {"evaluation.episodes", std::to_string(settings.episodes)},
      {"evaluation.seed", std::to_string(settings.seed)}};
  if (settings.checkpoint != "latest") options["evaluation.checkpoint"] = settings.checkpoint;
  const bool is_other_env = policy.spec.id != policy.config->env;
  if (is_other_env) options["evaluation.trained_in"] = policy.config->env;
  for (const auto& [name, text] : texts_of(*policy.config)) {
    const bool is_of_env = name.starts_with("environment.");
    if (!is_of_env && !name.starts_with("agent.")) continue;
    const auto before = trained.find(name);
    if (before != trained.end() && before->second == text) continue;
    options["evaluation." + name.substr(name.find('.') + 1)] = text;
  }
  if (!policy.task.empty()) options["evaluation.task"] = "reward in " + policy.task;
  if (policy.goals) {
    options["evaluation.goals"] = without_folders(policy.goals->source);
    options["evaluation.budget"] = std::to_string(policy.goals->options.budget);
    if (policy.goals->options.radius) {
      options["evaluation.radius"] = fmt::format("{}", *policy.goals->options.radius);
    }
  }
  return options;
}

// [s] of training up to a step, as logged until then.
struct Times {
  double wall = 0.0;
  std::optional<double> processor = {};
};

Times times_until(const std::filesystem::path& run, int64_t step) {
  const MetricsTable metrics = MetricsTable::read(run);
  Times times;
  if (metrics.rows() == 0) return times;
  const std::vector<double> steps = metrics.column("step"), walls = metrics.column("wall_time_s");
  std::vector<double> processor;  // of each row
  if (metrics.has(kProcessorTime)) processor = metrics.column(kProcessorTime);
  std::vector<double> evaluated(steps.size(), std::nan(""));  // rows of their own, without times
  if (metrics.has(kEvaluation)) evaluated = metrics.column(kEvaluation);
  // A run that an older program began has rows without it: the sum would be too small.
  bool is_known = !processor.empty();
  double sum = 0.0;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i] > static_cast<double>(step)) continue;
    times.wall = walls[i];
    if (std::isfinite(evaluated[i])) continue;
    is_known = is_known && std::isfinite(processor[i]);
    if (is_known) sum += processor[i];
  }
  if (is_known) times.processor = sum;
  return times;
}

}  // namespace

Record begin_record(const LoadedPolicy& policy, const std::filesystem::path& run,
                    const EvaluationSettings& settings, const Launch& evaluation_launch) {
  RunConfig& config = *policy.config;
  REVERIE_CHECK(policy.agent != nullptr && config.training != nullptr,
                "{}: agent '{}' was not trained, there is nothing to record", run.string(),
                config.agent);
  const int64_t length = config.training->length(config);
  const bool is_last = settings.checkpoint == "latest", is_best = settings.checkpoint == "best";
  const int64_t reached =
      RunDirectory::open(run, RunDirectory::Access::kRead).checkpoint("latest").step;
  const bool is_of_a_step = !is_last && !is_best;
  REVERIE_CHECK(is_of_a_step || reached >= length,
                "{}: is at step {} of {}; only finished runs are recorded. To finish it: reverie "
                "train --resume {}",
                run.string(), reached, length, run.string());
  std::vector<Launch> training = read_history(run);
  REVERIE_CHECK(!training.empty(),
                "{}: has no history.json: an older program trained it and did not record how",
                run.string());
  std::map<std::string, std::string> options = training_options(run);
  options.merge(evaluation_options(policy, settings, options));
  const Times times = times_until(run, is_of_a_step ? policy.step : reached);
  return {.run = record_name(run) + (is_last ? "" : "-" + settings.checkpoint),
          .env = policy.spec.id,
          .agent = config.agent,
          .seed = config.seed,
          .step = policy.step,
          .wall_time_s = times.wall,
          .processor_time_s = times.processor,
          .training = std::move(training),
          .evaluation_launch = evaluation_launch,
          .options = std::move(options)};
}

void check_place(const std::filesystem::path& folder, const Record& record) {
  REVERIE_CHECK(folder.extension() != ".json",
                "{}: expected the folder of a study, whose records are .json files",
                folder.string());
  const std::filesystem::path file = folder / (record.run + ".json");
  if (!std::filesystem::exists(file)) return;
  const Record before = read_record(file);
  REVERIE_CHECK(before.env == record.env && before.agent == record.agent &&
                    before.seed == record.seed && before.options == record.options,
                "{}: is the record of another run or evaluation (env {}, agent {}, seed {}, or "
                "other options); rename the run's folder, or remove that record",
                file.string(), before.env, before.agent, before.seed);
}

std::filesystem::path write_record(const std::filesystem::path& folder, Record record) {
  check_place(folder, record);
  record.evaluation.set("run", record.run);
  if (const Json* goals = record.evaluation.find("goals"); goals != nullptr && goals->text()) {
    record.evaluation.set("goals", without_folders(*goals->text()));
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  REVERIE_CHECK_RUN(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  Json::List training;
  for (const Launch& launch : record.training) training.push_back(to_json(launch));
  Json out = Json::Object{{"format", Record::kFormat},
                          {"run", record.run},
                          {"env", record.env},
                          {"agent", record.agent},
                          {"seed", record.seed},
                          {"step", record.step},
                          {"wall_time_s", record.wall_time_s},
                          {"training", training},
                          {"evaluated_by", to_json(record.evaluation_launch)},
                          {"options", record.options},
                          {"evaluation", record.evaluation}};
  if (record.processor_time_s) out.set("processor_time_s", *record.processor_time_s);
  const std::filesystem::path file = folder / (record.run + ".json");
  write_file_atomically(file, out.dump(2) + "\n");
  return file;
}

Record read_record(const std::filesystem::path& file) {
  const std::string source = file.string();
  const Json saved = Json::parse(read_file(file, kMostRecordBytes), source);
  const JsonReader read(saved, source);
  REVERIE_CHECK(read.integer("format") == Record::kFormat,
                "{}: is of format {}, this program reads {}", source, read.integer("format"),
                Record::kFormat);
  Record record{.run = read.text("run"),
                .env = read.text("env"),
                .agent = read.text("agent"),
                .seed = read.integer("seed"),
                .step = read.integer("step"),
                .wall_time_s = read.number("wall_time_s"),
                .evaluation_launch = launch_from_json(read.member("evaluated_by"), source),
                .evaluation = read.member("evaluation")};
  if (saved.find("processor_time_s") != nullptr) {
    record.processor_time_s = read.number("processor_time_s");
  }
  for (const auto& [name, seconds] :
       {std::pair("wall_time_s", record.wall_time_s),
        std::pair("processor_time_s", record.processor_time_s.value_or(0.0))}) {
    REVERIE_CHECK(seconds >= 0.0 && seconds < 1e10, "{}: '{}' is {}, expected seconds", source,
                  name, seconds);
  }
  REVERIE_CHECK(record.run == file.stem().string(),
                "{}: is the record of '{}', expected the name of its file", source,
                printable(record.run));
  for (const Json& launch : read.list("training")) {
    record.training.push_back(launch_from_json(launch, source));
  }
  const JsonReader options(read.member("options"), source);
  for (const auto& [name, value] : read.object("options")) {
    record.options[name] = options.text(name);
  }
  read.object("evaluation");
  REVERIE_CHECK(record.value("return"), "{}: its evaluation has no number 'return' 'mean'", source);
  return record;
}

std::vector<Record> read_records(const std::filesystem::path& folder) {
  REVERIE_CHECK(std::filesystem::is_directory(folder),
                "{}: no such folder; `reverie evaluate RUN --record {}` begins a study there",
                folder.string(), folder.string());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::filesystem::path& file = entry.path();
    if (file.extension() == ".json" && file.filename() != kStudyFile) files.push_back(file);
  }
  REVERIE_CHECK(!files.empty(), "{}: holds no record", folder.string());
  std::sort(files.begin(), files.end());
  std::vector<Record> records;
  for (const std::filesystem::path& file : files) records.push_back(read_record(file));
  return records;
}

}  // namespace reverie
