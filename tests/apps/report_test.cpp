// From training to the table of a study, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ReportCommand, LeadsFromRunsToTheTableOfAPage) {
  const TemporaryFolder folder;
  const auto good = [&](const Arguments& arguments) {
    Finished result = run(folder.path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  };
  for (const char* seed : {"1", "2"}) {
    good(tiny_training(std::string("s") + seed, 100, {"--seed", seed}));
    good({"evaluate", std::string("s") + seed, "--episodes", "3", "--record", "records/tiny"});
  }
  const std::string record = content(folder / "records/tiny/s1.json");
  EXPECT_THAT(record, AllOf(HasSubstr("reverie train"), HasSubstr("\"commit\""),
                            HasSubstr("\"wall_time_s\""), HasSubstr("\"random\""),
                            Not(HasSubstr(folder.path().string()))));
  const Finished table = good({"report", "--records", "records/tiny"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("| seeds |"), HasSubstr("| s2 | 2 |"), HasSubstr("±"),
                               HasSubstr("--seed S")));

  write(folder / "page.md", "# A\n<!-- report tiny -->\n<!-- end of report tiny -->\nb\n");
  expect_refusal(folder.path(),
                 {"report", "--records", "records/tiny", "--page", "page.md", "--check"},
                 {"page.md: does not agree with records/tiny", "reverie report"}, 1);
  good({"report", "--records", "records/tiny", "--page", "page.md", "--plot", "plot.png"});
  EXPECT_THAT(content(folder / "page.md"), HasSubstr(table.out));
  EXPECT_TRUE(fs::exists(folder / "plot.png"));
  good({"report", "--records", "records/tiny", "--page", "page.md", "--check"});
  EXPECT_THAT(good({"report", "--records", "records/tiny", "--json"}).out,
              HasSubstr("\"study\": \"tiny\""));

  // An evaluation with other settings is not another seed of the same study, and is refused before
  // it runs.
  expect_refusal(folder.path(), {"evaluate", "s1", "--episodes", "4", "--record", "records/tiny"},
                 {"s1.json: is the record of another run or evaluation"});
  good({"evaluate", "s1", "--env", "maze2d-medium", "--max-steps", "20", "--episodes", "2",
        "--record", "records/other"});
  EXPECT_THAT(content(folder / "records/other/s1.json"),
              AllOf(HasSubstr("\"env\": \"maze2d-medium\""),
                    HasSubstr("\"evaluation.trained_in\": \"maze2d-umaze\""),
                    HasSubstr("\"evaluation.max_steps\": \"20\"")));
  EXPECT_THAT(record, Not(HasSubstr("checkpoint_every")));

  // An unfinished run is not a result.
  good({"train", "--resume", "s1", "--steps", "200", "--quiet"});
  EXPECT_THAT(content(folder / "s1/history.json"), HasSubstr("--resume"));
  edit(folder / "s1/config.toml", "steps = 200", "steps = 900");
  expect_refusal(folder.path(), {"evaluate", "s1", "--episodes", "3", "--record", "records/tiny"},
                 {"s1: is at step 200 of 900", "only finished runs"});
  expect_refusal(folder.path(),
                 {"evaluate", "random", "--env", "maze2d-umaze", "--record", "records/tiny"},
                 {"random", "nothing to record"});
  fs::remove(folder / "s2/history.json");
  expect_refusal(folder.path(), {"evaluate", "s2", "--record", "records/tiny"},
                 {"s2: has no history.json"});
  expect_refusal(folder.path(), {"report", "--records", "nowhere"}, {"nowhere: no such folder"});
  expect_refusal(folder.path(), {"report", "--records", "records/tiny", "--check"}, {"--page"});
}

}  // namespace
}  // namespace reverie::test
