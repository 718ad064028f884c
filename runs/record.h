#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "runs/history.h"
#include "runs/load_policy.h"

namespace reverie {

// A finished run that counts for a page of results, in a small file of its own:
// docs/results/records/<study>/<run>.json. With it the number can be traced and reproduced after
// the run's folder is gone.
struct Record {
  static constexpr int64_t kFormat = 1;

  std::string run;  // the last name of its folder
  std::string env;  // of the evaluation
  std::string agent;
  int64_t seed = 0;          // of training
  int64_t step = 0;          // of the checkpoint
  double wall_time_s = 0.0;  // of training, resumed parts included
  // [s] of all processors that training used; empty in records of older programs.
  std::optional<double> processor_time_s = {};
  std::vector<Launch> training = {};
  Launch evaluation_launch = {};
  // Everything else that decides the result, by name: the run's options that change what is learnt
  // ("agent.gamma"), and how it was evaluated ("evaluation.episodes", and each option of
  // environment and agent that differs from training). Files are named without their folders, a
  // dataset with a mark of its content.
  std::map<std::string, std::string> options = {};
  Json evaluation = {};  // the output of `evaluate --json`

  // A number of the evaluation: "return", "success_rate", "normalized_score", "length", or the name
  // of an environment's metric. policy: "" = the run's, "random", "simulator". Empty if there is
  // none.
  std::optional<double> value(std::string_view metric, std::string_view policy = "") const;
};

// The options of a run that change what is learnt, as Record::options names them; its environment,
// agent and seed are apart. Throws Error(kInput) for a folder that is no run with a checkpoint.
std::map<std::string, std::string> training_options(const std::filesystem::path& run);

// The options of a new run of that pair, as training_options() names them; empty where the program
// does not know the environment or the agent.
std::map<std::string, std::string> default_options(const std::string& env,
                                                   const std::string& agent);

// How a policy was evaluated, in addition to LoadedPolicy.
struct EvaluationSettings {
  int64_t episodes = 0;
  int64_t seed = 0;
  std::string checkpoint = "latest";  // or "best" (by the evaluations during training), or a step
};

// The record of a run that is about to be evaluated, without the evaluation. That of another
// checkpoint than the last one is named after it, <run>-best or <run>-100000, and has the option
// "evaluation.checkpoint": a table shows it apart. The evaluations that chose a best one had other
// episodes, so the result of these is unbiased; its training is that of the whole run. Throws
// Error(kInput) for a policy that cannot have a record: an untrained one, an unfinished run, or one
// without a history.
Record begin_record(const LoadedPolicy& policy, const std::filesystem::path& run,
                    const EvaluationSettings& settings, const Launch& evaluation_launch);

// Throws Error(kInput) when the folder holds a record of that name from another run or evaluation,
// or cannot hold records.
void check_place(const std::filesystem::path& folder, const Record& record);

// Adds the object that evaluate prints and writes <folder>/<run>.json; creates the folder. A record
// of the same run and settings is replaced. Returns the file. Throws Error as check_place() does.
std::filesystem::path write_record(const std::filesystem::path& folder, Record record);

// Throws Error(kInput) that names the file and the error in it.
Record read_record(const std::filesystem::path& file);

// All records of a folder except its study.json, by file name. Throws Error(kInput) when there is
// none.
std::vector<Record> read_records(const std::filesystem::path& folder);

}  // namespace reverie
