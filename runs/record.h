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
  std::string env, agent;
  int64_t seed = 0;
  int64_t step = 0;          // of the checkpoint
  double wall_time_s = 0.0;  // of training, resumed parts included
  std::vector<Launch> training = {};
  Launch evaluation_launch = {};
  // Every option of the run, "section.name" to its text, but those above; files without their
  // folders.
  std::map<std::string, std::string> options = {};
  Json evaluation = {};  // what `evaluate --json` printed

  // A number of the evaluation: "return", "success_rate", "normalized_score", "length", or the name
  // of a metric of the environment. policy: "" = the run's, "random", "simulator". Empty where
  // there is none.
  std::optional<double> value(std::string_view metric, std::string_view policy = "") const;
};

// Throws Error(kInput) for a policy that no record can be made of: one that was not trained, a run
// that is not finished, and one without a history.
void check_recordable(const LoadedPolicy& policy, const std::filesystem::path& run);

// evaluation: the object that evaluate prints. Throws Error
// as check_recordable() does.
Record make_record(const LoadedPolicy& policy, const std::filesystem::path& run, Json evaluation,
                   const Launch& evaluation_launch);

// Writes <folder>/<run>.json, and makes the folder. A record of the same run, with the same options
// and seed, is replaced. Returns the file. Throws Error(kInput) where a record of another run has
// that name.
std::filesystem::path write_record(const std::filesystem::path& folder, const Record& record);

// Throws Error(kInput) that names the file and what is wrong in it.
Record read_record(const std::filesystem::path& file);

// All of a folder but its study.json, by file name. Throws Error(kInput) where there is none.
std::vector<Record> read_records(const std::filesystem::path& folder);

}  // namespace reverie
