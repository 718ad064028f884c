#include "runs/study_report.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using test::input_error;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Launch kLaunch{.command = "reverie train --env maze --agent ddpg --seed 3 --run runs/m3",
                     .commit = "0123456789abcdef",
                     .machine = {.processor = "Some CPU", .cores = 2}};

Record record(int64_t seed, double mean, const std::string& noise = "0.3") {
  Record out{.run = fmt::format("m{}-{}", seed, noise),
             .env = "maze",
             .agent = "ddpg",
             .seed = seed,
             .step = 1000,
             .wall_time_s = 60.0 + static_cast<double>(seed),
             .training = {kLaunch},
             .evaluation_launch = {.command = "reverie evaluate runs/m --episodes 100",
                                   .commit = "fedcba987654",
                                   .machine = kLaunch.machine},
             .options = {{"training.noise", noise}, {"agent.gamma", "0.99"}}};
  out.evaluation = Json::Object{
      {"return", Json::Object{{"mean", mean}}},
      {"success_rate", 0.5},
      {"metrics", Json::Object{{"steps_to_goal", 10.0 * static_cast<double>(seed)}}},
      {"random", Json::Object{{"return", Json::Object{{"mean", 60.0}}}, {"success_rate", 0.25}}}};
  return out;
}

TEST(StudyReport, HoldsMeansAndIntervalsOverSeedsBesideRandomAndPublished) {
  Study study{.name = "noise",
              .metrics = {"return", "success_rate", "steps_to_goal"},
              .published = {{"maze", "controller", "return", 161.86, "Fu 2020"}}};
  const StudyReport report(
      study, {record(1, 250.0), record(3, 253.6), record(2, 247.0), record(1, 100.0, "0.5")});
  EXPECT_THAT(report.differing_options(), ElementsAre("training.noise"));
  ASSERT_EQ(report.rows().size(), 4U);
  const StudyReport::Row& group = report.rows()[0];
  EXPECT_THAT(group.options, ElementsAre("0.3"));
  EXPECT_EQ(group.values[0]->count, 3);
  EXPECT_NEAR(group.values[0]->mean, 250.2, 1e-9);
  EXPECT_NEAR(group.values[0]->half_width, 8.2089, 1e-4);
  EXPECT_NEAR(group.values[2]->mean, 20.0, 1e-9);
  EXPECT_EQ(report.rows()[1].values[0]->count, 1);
  EXPECT_EQ(report.rows()[2].policy, "random");
  EXPECT_NEAR(report.rows()[2].values[1]->mean, 0.25, 1e-12);
  EXPECT_THAT(
      report.markdown(),
      AllOf(HasSubstr("| environment | policy | `noise` | seeds | return | success | "
                      "steps_to_goal | training |"),
            HasSubstr("| maze | ddpg | 0.3 | 3 | 250.2 ± 8.2 | 0.500 ± 0.000 | "),
            HasSubstr("| 1:01 min .. 1:03 min |"), HasSubstr("| maze | ddpg | 0.5 | 1 | 100.0 | "),
            HasSubstr("| maze | random |  |  | 60.0 | 0.250 |"),
            HasSubstr("| maze | controller (Fu 2020) |  |  | 161.9 |"),
            HasSubstr("| m3-0.3 | 3 | 253.6 | 0.500 | 30.000 | 1:03 min | Some CPU, 2 cores | "
                      "0123456 |"),
            HasSubstr("    reverie train --env maze --agent ddpg --seed S --run RUN\n")));
  const Json json = report.json();
  const Json* rows = json.find("rows");
  ASSERT_NE(rows, nullptr);
  const Json& first = rows->list()->front();
  EXPECT_NEAR(*first.find("metrics")->find("return")->find("ci95")->list()->front().number(),
              250.2 - 8.2089, 1e-3);
  EXPECT_EQ(report.charts().size(), 3U);
}

// The same policy evaluated with other settings is another result, and so is the random one.
TEST(StudyReport, KeepsWaysToEvaluateApart) {
  Record few = record(1, 250.0), many = record(2, 240.0);
  few.options["evaluation.episodes"] = "3";
  many.options["evaluation.episodes"] = "100";
  many.evaluation.set("random", Json::Object{{"return", Json::Object{{"mean", 50.0}}}});
  const StudyReport report({.name = "s", .metrics = {"return"}}, {few, many});
  ASSERT_EQ(report.rows().size(), 4U);
  EXPECT_EQ(report.rows()[0].values[0]->count, 1);
  EXPECT_THAT(report.rows()[2].options, ElementsAre("100"));
  EXPECT_EQ(report.rows()[2].values[0]->mean, 50.0);
  EXPECT_THAT(report.rows()[3].options, ElementsAre("3"));
  EXPECT_EQ(report.rows()[3].values[0]->mean, 60.0);
  EXPECT_THAT(report.markdown(), HasSubstr("| `episodes` |"));
}

// A study grows from day to day, while the program gets options.
TEST(StudyReport, AnOptionThatAnOlderProgramDidNotHaveIsNoDifference) {
  Record older = record(1, 250.0), newer = record(2, 240.0);
  older.env = newer.env = "maze2d-umaze";
  const auto report = [&] {
    return StudyReport({.name = "s", .metrics = {"return"}}, {older, newer});
  };
  newer.options["training.episode_limit"] = "0";
  EXPECT_THAT(report().differing_options(), testing::IsEmpty());
  EXPECT_EQ(report().rows()[0].values[0]->count, 2);
  newer.seed = 1;
  EXPECT_THAT(input_error(report), HasSubstr("the same run with the same seed 1"));
  newer.options["training.episode_limit"] = "5";
  EXPECT_THAT(report().differing_options(), ElementsAre("training.episode_limit"));
  EXPECT_EQ(report().rows()[0].values[0]->count, 1);
}

TEST(StudyReport, BestCheckpointsHaveARowAndTheRandomPolicyDoesNot) {
  Record best = record(1, 250.0);
  best.run = "m1-0.3-best";
  best.options["evaluation.checkpoint"] = "best";
  const StudyReport report({.name = "s", .metrics = {"return"}}, {record(1, 240.0), best});
  EXPECT_THAT(report.differing_options(), ElementsAre("evaluation.checkpoint"));
  ASSERT_EQ(report.rows().size(), 3U) << "one of the random policy";
  EXPECT_EQ(report.rows()[2].policy, "random");
}

TEST(StudyReport, NamesWhatNothingHas) {
  EXPECT_THAT(
      input_error([] { StudyReport({.name = "s", .metrics = {"success_rat"}}, {record(1, 2.0)}); }),
      AllOf(HasSubstr("success_rat"), HasSubstr("did you mean 'success_rate'")));
  const Study other{
      .name = "s", .metrics = {"return"}, .published = {{"maez", "x", "return", 1.0, "y"}}};
  EXPECT_THAT(input_error([&] { StudyReport(other, {record(1, 2.0)}); }),
              AllOf(HasSubstr("maez"), HasSubstr("did you mean 'maze'")));
  Record odd = record(1, 2.0);
  odd.run = "a|b <c>";
  EXPECT_THAT(StudyReport({.name = "s"}, {odd}).markdown(), HasSubstr("| a\\|b &lt;c> |"));
}

TEST(StudyReport, CountsNothingTwiceAndNothingInPart) {
  EXPECT_THAT(input_error([] {
                StudyReport({.name = "s"}, {record(1, 2.0), record(1, 3.0)});
              }),
              AllOf(HasSubstr("same seed 1"), HasSubstr("twice")));
  Record renamed = record(1, 3.0);
  renamed.run = "another name";
  EXPECT_THAT(input_error([&] {
                StudyReport({.name = "s"}, {record(1, 2.0), renamed});
              }),
              HasSubstr("twice"));
  EXPECT_THAT(input_error([] { StudyReport({.name = "s"}, {}); }), HasSubstr("no record"));
  Record lacks = record(2, 3.0);
  lacks.evaluation = Json::Object{{"success_rate", 0.5}};
  const StudyReport report({.name = "s", .metrics = {"return", "success_rate"}},
                           {record(1, 2.0), lacks});
  EXPECT_FALSE(report.rows()[0].values[0].has_value()) << "a mean over one of two runs";
  EXPECT_EQ(report.rows()[0].values[1]->count, 2);
  const Study unknown{
      .name = "s", .metrics = {"return"}, .published = {{"maze", "x", "retrun", 1.0, "y"}}};
  EXPECT_THAT(input_error([&] { StudyReport(unknown, {record(1, 2.0)}); }),
              AllOf(HasSubstr("retrun"), HasSubstr("return")));
}

TEST(StudyReport, StandsBetweenItsMarkers) {
  const std::string page = "a\n<!-- report s -->\nold\n<!-- end of report s -->\nb\n";
  EXPECT_EQ(with_report(page, "s", "new\n", "p.md"),
            "a\n<!-- report s -->\n\nnew\n\n<!-- end of report s -->\nb\n");
  for (const std::string& wrong :
       {std::string("a\n"), std::string("<!-- end of report s -->\n<!-- report s -->\n"),
        page + page}) {
    EXPECT_THAT(input_error([&] { with_report(wrong, "s", "new\n", "p.md"); }),
                HasSubstr("p.md: expected the lines '<!-- report s -->'"));
  }
}

TEST(StudyReport, ShowsProcessorTimeWhereItIsKnown) {
  const Study study{.name = "noise", .metrics = {"return"}};
  Record known = record(1, 250.0);
  EXPECT_THAT(StudyReport(study, {known}).markdown(), Not(HasSubstr("processor time")));
  known.processor_time_s = 3723.0;
  EXPECT_THAT(StudyReport(study, {known, record(2, 251.0)}).markdown(),
              AllOf(HasSubstr("| training | processor time |"),
                    HasSubstr("| 1:01 min | 1:02:03 h |"), HasSubstr("| 1:02 min |  |")));
}

TEST(Records, AreReadAsTheyWereWrittenAndReplacedByTheirOwnRunAlone) {
  const TemporaryFolder folder;
  const Record one = record(1, 250.0);
  const std::filesystem::path file = write_record(folder / "study", one);
  const Record read = read_record(file);
  EXPECT_EQ(read.run, one.run);
  EXPECT_EQ(read.options, one.options);
  EXPECT_EQ(read.training, one.training);
  Json evaluation = one.evaluation;
  evaluation.set("run", one.run);
  EXPECT_EQ(read.evaluation, evaluation);
  EXPECT_EQ(read.wall_time_s, one.wall_time_s);
  EXPECT_FALSE(read.processor_time_s.has_value());
  EXPECT_EQ(*read.value("return", "random"), 60.0);
  EXPECT_FALSE(read.value("return", "simulator").has_value());

  Record again = one;
  again.step = 2000;
  again.processor_time_s = 40.5;
  write_record(folder / "study", again);
  EXPECT_EQ(read_record(file).step, 2000);
  EXPECT_EQ(read_record(file).processor_time_s, 40.5);
  Record other = one;
  other.options["agent.gamma"] = "0.9";
  EXPECT_THAT(input_error([&] { write_record(folder / "study", other); }),
              HasSubstr("is the record of another run"));
  EXPECT_EQ(read_record(file).options.at("agent.gamma"), "0.99");

  write_file_atomically(folder / "study/study.json", std::string_view("{\"metrics\": [\"a\"]}"));
  EXPECT_EQ(read_records(folder / "study").size(), 1U);
  EXPECT_THAT(Study::read(folder / "study/").metrics, ElementsAre("a"));
  EXPECT_EQ(Study::read(folder / "study/").name, "study");
}

TEST(Records, SayWhatIsWrongWithThem) {
  const TemporaryFolder folder;
  const std::filesystem::path good = write_record(folder.path(), record(1, 250.0));
  const std::string text = read_file(good, 1 << 20);
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    write_file_atomically(good, changed);
    return input_error([&] { read_record(good); });
  };
  EXPECT_THAT(refusal("\"seed\": 1", "\"seed\": \"1\""),
              AllOf(HasSubstr(good.string()), HasSubstr("'seed'"), HasSubstr("whole number")));
  EXPECT_THAT(refusal("\"format\": 1", "\"format\": 2"), HasSubstr("format 2"));
  EXPECT_THAT(refusal("\"commit\"", "\"comit\""), HasSubstr("'commit'"));
  EXPECT_THAT(refusal("\"run\": \"m1", "\"run\": \"m2"), HasSubstr("name of its file"));
  EXPECT_THAT(refusal("{", "["), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("\"wall_time_s\": 61.0", "\"wall_time_s\": 1e300"), HasSubstr("wall_time_s"));
  EXPECT_THAT(refusal("\"mean\": 250.0", "\"mean\": \"x\""), HasSubstr("'return' 'mean'"));
  write_file_atomically(folder / "study.json", std::string_view("{\"metric\": []}"));
  EXPECT_THAT(input_error([&] { Study::read(folder.path()); }),
              AllOf(HasSubstr("study.json"), HasSubstr("metrics")));
  EXPECT_THAT(input_error([&] { read_records(folder / "none"); }), HasSubstr("--record"));
}

TEST(Commands, AreQuotedAndNameNoFolders) {
  EXPECT_EQ(command_text({"reverie", "train", "--dataset", "/data/a/u.h5", "--run=/tmp/r 1",
                          "runs/x", "it's"}),
            "reverie train --dataset u.h5 '--run=r 1' runs/x 'it'\\''s'");
}

// The tables on the pages of results agree with their records.
TEST(ResultsPages, AgreeWithTheRecords) {
  const std::filesystem::path results = std::filesystem::path(REVERIE_SOURCE_DIR) / "docs/results";
  std::string pages;
  for (const auto& entry : std::filesystem::directory_iterator(results)) {
    if (entry.path().extension() == ".md") pages += read_file(entry.path(), 1 << 24);
  }
  if (!std::filesystem::exists(results / "records")) return;
  for (const auto& entry : std::filesystem::directory_iterator(results / "records")) {
    SCOPED_TRACE(entry.path());
    const StudyReport report(Study::read(entry.path()), read_records(entry.path()));
    EXPECT_EQ(with_report(pages, report.study().name, report.markdown(), "docs/results/*.md"),
              pages)
        << "reverie report --records docs/results/records/" << report.study().name << " --page ...";
  }
}

}  // namespace
}  // namespace reverie
