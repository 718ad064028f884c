#include <iostream>

#include "apps/command.h"
#include "core/file.h"
#include "runs/study_report.h"

namespace reverie {
namespace {

constexpr size_t kMostBytes = 1 << 24;

// The first line in which two pages differ, for a message.
std::string first_difference(const std::string& found, const std::string& expected) {
  std::stringstream a(found), b(expected);
  std::string one, other;
  for (int64_t line = 1;; ++line) {
    const bool more = static_cast<bool>(std::getline(a, one));
    const bool more_expected = static_cast<bool>(std::getline(b, other));
    if (!more && !more_expected) return "";
    if (!more || !more_expected || one != other) {
      return fmt::format("line {}:\n  found    {}\n  expected {}", line, more ? one : "(the end)",
                         more_expected ? other : "(the end)");
    }
  }
}

}  // namespace

int report_command(const Arguments& arguments) {
  std::string records, page, plot;
  bool check = false, json = false;
  CommandLine line(
      "report",
      "Makes a study's table from the records of its runs (evaluate --record): mean and\n95 % "
      "interval over seeds, beside the random policy and published figures.");
  line.add("--records", records, {.help = "folder of the study's records", .required = true});
  line.add("--page", page,
           {.help = "Markdown page to write the table into, between the lines <!-- report STUDY "
                    "--> and <!-- end of report STUDY -->"});
  line.add("--check", check, {.help = "with --page: change nothing, and fail if the page differs"});
  line.add("--plot", plot, {.help = "picture to write, .png"});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  if (!line.parse(arguments)) return 0;
  REVERIE_CHECK(!check || !page.empty(), "--check: needs --page, the page to check");
  if (!plot.empty()) check_png_path(plot);

  const StudyReport report(Study::read(records), read_records(records));
  if (!plot.empty()) {
    const std::vector<Chart> charts = report.charts();
    REVERIE_CHECK(!charts.empty(), "{}: its records hold none of the study's metrics", records);
    write_charts(plot, charts, std::min<int>(static_cast<int>(charts.size()), 2), 640, 400);
    std::cerr << fmt::format("wrote {}\n", plot);
  }
  if (!page.empty()) {
    const std::string before = read_file(page, kMostBytes);
    const std::string after = with_report(before, report.study().name, report.markdown(), page);
    if (check) {
      REVERIE_CHECK_RUN(
          before == after,
          "{}: does not agree with {}, {}\n`reverie report --records {} --page {}` updates it",
          page, records, first_difference(before, after), records, page);
    } else if (before != after) {
      write_file_atomically(page, after);
      std::cerr << fmt::format("wrote {}\n", page);
    }
  }
  if (json) {
    std::cout << report.json().dump(2) << "\n";
  } else if (page.empty() && plot.empty()) {
    std::cout << report.markdown();
  }
  return 0;
}

}  // namespace reverie
