#include "runs/evaluation_report.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

Episode episode(double episode_return, int64_t length, Metrics metrics) {
  Episode out;
  out.episode_return = episode_return;
  out.length = length;
  out.metrics = std::move(metrics);
  return out;
}

TEST(EvaluationReport, SummarisesEpisodes) {
  EnvSpec spec;
  spec.reference = ReferenceReturns{.random = 10.0, .expert = 30.0};
  const std::vector<Episode> episodes = {
      episode(10.0, 100, {{"success", 0.0}, {"distance", NAN}, {"laps", NAN}}),
      episode(40.0, 50, {{"success", 1.0}, {"distance", 3.0}, {"laps", NAN}})};
  const EvaluationReport report = evaluation_report(episodes, spec, 0);
  EXPECT_EQ(report.returns.mean, 25.0);
  EXPECT_EQ(report.returns.std, 15.0);
  EXPECT_EQ(report.mean_length, 75.0);
  EXPECT_EQ(report.normalized_score, 75.0);
  EXPECT_EQ(report.success_rate(), 0.5);
  EXPECT_EQ(report.metric("distance"), 3.0) << "of the episodes that have it";
  EXPECT_EQ(report.metric("laps"), std::nullopt);
  EXPECT_EQ(report.metric("absent"), std::nullopt);
  ASSERT_EQ(report.metrics.size(), 3U);
  EXPECT_EQ(report.metrics[1].first, "distance");
}

TEST(EvaluationReport, HasNoScoreWithoutReference) {
  const EvaluationReport report = evaluation_report({episode(1.0, 1, {})}, EnvSpec(), 0);
  EXPECT_EQ(report.normalized_score, std::nullopt);
  EXPECT_EQ(report.success_rate(), std::nullopt);
  EXPECT_THAT(input_error([] { evaluation_report({}, EnvSpec(), 0); }), HasSubstr("value"));
}

TEST(EvaluationReport, ComparesStepsWithTheOptimumOfTheSameEpisodes) {
  const std::vector<Episode> episodes = {
      episode(-8.0, 8, {{"time_to_goal", 8.0}, {"optimum", 6.0}}),
      episode(-90.0, 90, {{"time_to_goal", NAN}, {"optimum", 50.0}}),
      episode(-3.0, 3, {{"time_to_goal", 3.0}, {"optimum", 3.0}})};
  const auto steps = evaluation_report(episodes, EnvSpec(), 0).steps_to_goal;
  ASSERT_TRUE(steps.has_value());
  EXPECT_EQ(steps->episodes, 2);
  EXPECT_EQ(steps->policy, 5.5);
  EXPECT_EQ(steps->optimum, 4.5) << "not of the episode that missed its goal";
  EXPECT_FALSE(steps->is_bound);
}

TEST(EvaluationReport, SaysWhenTheOptimumIsABound) {
  const auto of = [](Metrics metrics) {
    return evaluation_report({episode(1.0, 9, std::move(metrics))}, EnvSpec(), 0).steps_to_goal;
  };
  const auto bound = of({{"time_to_goal", 9.0}, {"optimum_bound", 7.0}});
  ASSERT_TRUE(bound.has_value());
  EXPECT_EQ(bound->optimum, 7.0);
  EXPECT_TRUE(bound->is_bound);
  EXPECT_FALSE(of({{"time_to_goal", 9.0}, {"shortest_path", 7.0}}).has_value());
  EXPECT_FALSE(of({{"time_to_goal", 9.0}, {"optimum_bound", NAN}}).has_value());
  EXPECT_FALSE(of({{"time_to_goal", NAN}, {"optimum", 7.0}}).has_value());
}

}  // namespace
}  // namespace reverie::test
