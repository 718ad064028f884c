#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/statistics.h"
#include "drawing/chart.h"
#include "runs/record.h"

namespace reverie {

// A published number from another source.
struct PublishedFigure {
  std::string env;
  std::string name;    // the method: "D4RL's waypoint controller"
  std::string metric;  // as Record::value() calls it
  double value = 0.0;
  std::string source;  // "Fu et al. 2020, table 4"
};

// The settings of a study, in study.json beside its records.
//
//   {"metrics": ["success_rate", "return"],
//    "published": [{"env": "maze2d-umaze", "name": "...", "metric": "return", "value": 162.0,
//                   "source": "..."}]}
struct Study {
  std::string name;  // of its folder
  std::vector<std::string> metrics = {"success_rate", "return", "normalized_score"};
  std::vector<PublishedFigure> published = {};

  // The default if the folder has no study.json. Throws Error(kInput) that names file and member.
  static Study read(const std::filesystem::path& folder);
};

// The records of a study, in groups that differ only in their seeds.
class StudyReport {
 public:
  // One row of the table: a group of records, the random policy on their starts, or a published
  // number.
  struct Row {
    std::string env;
    std::string policy;                       // agent, "random", "simulator", or the publication
    std::vector<std::string> options = {};    // for each column of differing options; "" if none
    std::vector<const Record*> records = {};  // of a group
    // One per metric, empty if there is none.
    std::vector<std::optional<MeanInterval>> values = {};
    std::vector<std::vector<double>> runs = {};  // for each metric: the value of each record
    std::string source = {};
  };

  // Throws Error(kInput) for no record, and for two of one group with the same seed, which would
  // count one result twice.
  StudyReport(Study study, std::vector<Record> records);

  const Study& study() const { return study_; }
  const std::vector<std::string>& differing_options() const { return option_names_; }
  const std::vector<Row>& rows() const { return rows_; }

  // The table, the commands behind it and every run with its commit, in Markdown.
  std::string markdown() const;
  Json json() const;

  // A chart for each metric that any group has: each run's value, the mean with its interval, and
  // the random policy.
  std::vector<Chart> charts() const;

 private:
  void check_metrics();
  void add_groups();
  void add_other_policies();
  void add_published();

  Study study_;
  std::vector<Record> records_;  // by environment, agent, options and seed
  std::vector<std::string> option_names_;
  std::vector<Row> rows_;
};

// Replaces the text between the markers <!-- report NAME --> and <!-- end of report NAME --> in the
// page by `text`. Throws Error(kInput) that names `source` unless the page has each of the markers
// once, in this order.
std::string with_report(const std::string& page, const std::string& name, const std::string& text,
                        const std::string& source);

}  // namespace reverie
