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

// A number of somebody else's.
struct PublishedFigure {
  std::string env;
  std::string name;    // of the method: "D4RL's waypoint controller"
  std::string metric;  // as Record::value() calls it
  double value = 0.0;
  std::string source;  // "Fu et al. 2020, table 4"
};

// What a study asks of its records: study.json beside them.
//
//   {"metrics": ["success_rate", "return"],
//    "published": [{"env": "maze2d-umaze", "name": "...", "metric": "return", "value": 162.0,
//                   "source": "..."}]}
struct Study {
  std::string name;  // of its folder
  std::vector<std::string> metrics = {"success_rate", "return", "normalized_score"};
  std::vector<PublishedFigure> published = {};

  // The default where the folder has no study.json. Throws Error(kInput) that names file and
  // member.
  static Study read(const std::filesystem::path& folder);
};

// The records of a study, in groups that differ in their seeds alone.
class StudyReport {
 public:
  // One row of the table: a group of records, the random policy on their starts, or a published
  // figure.
  struct Row {
    std::string env;
    std::string policy;                       // agent, "random", "simulator", or who published it
    std::vector<std::string> options = {};    // of each column of differing options, "" where none
    std::vector<const Record*> records = {};  // of a group
    // Of each metric, empty where there is none.
    std::vector<std::optional<MeanInterval>> values = {};
    std::vector<std::vector<double>> runs = {};  // of each metric: the value of each record
    std::string source = {};
  };

  // Throws Error(kInput) for no record, and for two of one group with the same seed, which would
  // count one result twice.
  StudyReport(Study study, std::vector<Record> records);

  const Study& study() const { return study_; }
  const std::vector<std::string>& differing_options() const { return option_names_; }
  const std::vector<Row>& rows() const { return rows_; }

  // The table, the commands that made it and every run with its commit, in Markdown.
  std::string markdown() const;
  Json json() const;

  // A chart for each metric that any group has: the value of each run, the mean and its interval,
  // and the random policy.
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

// The page with `text` between the markers <!-- report NAME --> and <!-- end of report NAME -->, in
// place of what stood there. Throws Error(kInput) that names `source` where the page does not have
// each of the markers once, in this order.
std::string with_report(const std::string& page, const std::string& name, const std::string& text,
                        const std::string& source);

}  // namespace reverie
