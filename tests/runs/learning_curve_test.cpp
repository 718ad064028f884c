#include "runs/learning_curve.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runs/run_group.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using testing::ElementsAre;

std::vector<double> heights(const std::vector<Point>& points) {
  std::vector<double> out;
  for (const Point& point : points) out.push_back(point.y);
  return out;
}

class LearningCurves : public testing::Test {
 protected:
  MetricsTable table(const std::string& name, const std::string& text) {
    const std::filesystem::path run = folder_ / name;
    std::filesystem::create_directories(run / "checkpoints" / "step_000000000");
    std::ofstream(run / "config.toml") << "";
    std::ofstream(run / "latest") << "step_000000000\n";
    std::ofstream(run / "metrics.csv") << text;
    return MetricsTable::read(run);
  }

  test::TemporaryFolder folder_;
};

TEST_F(LearningCurves, LeaveOutRowsWithoutTheMetricAndSmoothWithinTheRun) {
  const MetricsTable run = table("a", "step,x,empty\n1,10,\n2,,\n3,20,\n4,60,\n5,30,\n6,0,\n");
  EXPECT_THAT(heights(learning_curve(run, "x", 1)), ElementsAre(10, 20, 60, 30, 0));
  EXPECT_DOUBLE_EQ(learning_curve(run, "x", 1)[1].x, 3.0);
  // The neighbours on both sides; at the ends only the existing ones.
  EXPECT_THAT(heights(learning_curve(run, "x", 3)), ElementsAre(15, 30, 110.0 / 3, 30, 15));
  // With an even window the extra value lies ahead.
  EXPECT_THAT(heights(learning_curve(run, "x", 2)), ElementsAre(15, 40, 45, 15, 0));
  EXPECT_TRUE(run.has("x"));
  EXPECT_FALSE(run.has("empty"));
  EXPECT_FALSE(run.has("y"));
}

TEST_F(LearningCurves, TheMeanOfSeedsHasTheIntervalOfStudentsT) {
  const std::vector<std::vector<Point>> curves = {
      {{0, 1}, {10, 2}, {20, 3}, {30, 9}},
      {{0, 3}, {20, 7}},           // 5 at step 10, between its points; never at step 30
      {{5, 0}, {15, 10}, {30, 4}}  // 5 at step 10, 8 at step 20; not yet at step 0
  };
  const LearningCurve mean = mean_curve("m", curves);
  ASSERT_EQ(mean.points.size(), 2U);
  EXPECT_DOUBLE_EQ(mean.points[0].x, 10.0);
  EXPECT_DOUBLE_EQ(mean.points[0].y, 4.0);  // of 2, 5, 5
  EXPECT_DOUBLE_EQ(mean.points[1].x, 20.0);
  EXPECT_DOUBLE_EQ(mean.points[1].y, 6.0);  // of 3, 7, 8
  // t = 4.302653 for 2 degrees of freedom at 97.5 %; standard deviations sqrt(3) and sqrt(7).
  ASSERT_EQ(mean.band.size(), 2U);
  EXPECT_NEAR(mean.band[0].high, 4.0 + 4.302653, 1e-5);
  EXPECT_NEAR(mean.band[1].low, 6.0 - 4.302653 * std::sqrt(7.0 / 3.0), 1e-5);

  const LearningCurve single = mean_curve("s", {curves[0]});
  EXPECT_EQ(single.points.size(), 4U);
  EXPECT_TRUE(single.band.empty());
}

TEST_F(LearningCurves, UsualMetricsAreThoseThatAllRunsHave) {
  const MetricsTable a = table("a", "step,env/return,env/success,loss/critic\n1,2,1,3\n");
  const MetricsTable b = table("b", "step,env/return,env/success,loss/critic\n1,2,,3\n");
  EXPECT_THAT(usual_metrics({a}), ElementsAre("env/return", "env/success", "loss/critic"));
  EXPECT_THAT(usual_metrics({a, b}), ElementsAre("env/return", "loss/critic"));
  const MetricsTable none = table("c", "step,other\n1,2\n");
  EXPECT_THROW(usual_metrics({a, none}), Error);
}

TEST(RunGroup, NamesOfRecordsAndGroups) {
  EXPECT_EQ(record_name("runs/td3"), "td3");
  EXPECT_EQ(record_name("runs/td3/seed_2"), "td3-s2");
  EXPECT_EQ(record_name("runs/td3/seed_2/"), "td3-s2");
  EXPECT_EQ(record_name("runs/td3/seed_02"), "seed_02");
  EXPECT_EQ(group_name({"r/ddpg-s1", "r/ddpg-s2"}, {0, 1}), "ddpg, 2 seeds");
  EXPECT_EQ(group_name({"r/ddpg/seed_1", "r/ddpg/seed_12"}, {0, 1}), "ddpg, 2 seeds");
  EXPECT_EQ(group_name({"a", "r/ddpg/seed_3"}, {1}), "ddpg-s3");
}

TEST(RunGroup, IsTheFoldersOfSeedsInTheirOrder) {
  const test::TemporaryFolder folder;
  for (const char* name : {"seed_10", "seed_2", "seed_x", "seed_02", "other", "seed_7"}) {
    std::filesystem::create_directories(folder / name);
    if (std::string(name) != "seed_7") std::ofstream(folder / name / "config.toml") << "";
  }
  const std::string path = folder.path().string();
  EXPECT_THAT(runs_of_group(path), ElementsAre(path + "/seed_2", path + "/seed_10"));
  EXPECT_THAT(runs_of_group(path + "/other"), testing::IsEmpty());
  EXPECT_THAT(runs_of_group(path + "/missing"), testing::IsEmpty());
  EXPECT_THAT(with_groups_expanded({"a", path}),
              ElementsAre("a", path + "/seed_2", path + "/seed_10"));
}

}  // namespace
}  // namespace reverie
