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

// What is kept of a finished run that a page of results counts, in a small file of its own,
// docs/results/records/<study>/<run>.json: with it the number can be traced and made again when the
// run's folder is gone.
struct Record {
  static constexpr int64_t kFormat = 1;

  std::string run;  // the last name of its folder
  std::string env;  // that it was evaluated in
  std::string agent;
  int64_t seed = 0;          // of training
  int64_t step = 0;          // of the checkpoint
  double wall_time_s = 0.0;  // of training, resumed parts included
  std::vector<Launch> training = {};
  Launch evaluation_launch = {};
  // Everything else that decides the result, by name: the options of the run that change what is
  // learnt ("agent.gamma"), and how it was measured ("evaluation.episodes", and each option of
  // environment and agent that was another one than in training). Files are named without their
  // folders, and a dataset with a mark of what it holds.
  std::map<std::string, std::string> options = {};
  Json evaluation = {};  // what `evaluate --json` printed

  // A number of the evaluation: "return", "success_rate", "normalized_score", "length", or the name
  // of a metric of the environment. policy: "" = the run's, "random", "simulator". Empty where
  // there is none.
  std::optional<double> value(std::string_view metric, std::string_view policy = "") const;
};

// How a policy was evaluated, besides what LoadedPolicy says.
struct EvaluationSettings {
  int64_t episodes = 0;
  int64_t seed = 0;
};

// The record of a run that is about to be evaluated: all but the evaluation. Throws Error(kInput)
// for a policy that no record can be made of: one that was not trained, a run that is not at its
// end, and one without a history.
Record begin_record(const LoadedPolicy& policy, const std::filesystem::path& run,
                    const EvaluationSettings& settings, const Launch& evaluation_launch);

// Throws Error(kInput) where the folder holds a record of that name of another run or evaluation,
// or is no place for records.
void check_place(const std::filesystem::path& folder, const Record& record);

// Puts the object that evaluate prints into the record and writes <folder>/<run>.json; makes the
// folder. A record of the same run and settings is replaced. Returns the file. Throws Error as
// check_place() does.
std::filesystem::path write_record(const std::filesystem::path& folder, Record record);

// Throws Error(kInput) that names the file and what is wrong in it.
Record read_record(const std::filesystem::path& file);

// All of a folder but its study.json, by file name. Throws Error(kInput) where there is none.
std::vector<Record> read_records(const std::filesystem::path& folder);

}  // namespace reverie
