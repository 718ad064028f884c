#include "agents/evaluation.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::HasSubstr;

// Episodes whose length and rewards are a function of their seed alone; the observation is the
// number of steps since the start.
class CountdownEnv final : public Env {
 public:
  CountdownEnv()
      : spec_{.id = "countdown",
              .observation = {{.name = "clock", .shape = {1}}},
              .action = Field{.name = "action", .shape = {1}, .low = {-1}, .high = {1}}} {}

  static int64_t length_of(uint64_t seed) { return 1 + static_cast<int64_t>(seed % 13); }
  static double reward_of(uint64_t seed) { return static_cast<double>(seed % 101) / 8.0; }

  const EnvSpec& spec() const override { return spec_; }
  void reset(uint64_t seed, FieldViews obs) override {
    seed_ = seed;
    clock_ = 0;
    obs[0].as<float>()[0] = 0.0F;
  }
  StepResult step(ConstFieldView action, FieldViews obs) override {
    check_action(spec_.id, spec_.action, action);
    obs[0].as<float>()[0] = static_cast<float>(++clock_);
    return {.reward = reward_of(seed_), .terminated = clock_ == length_of(seed_)};
  }
  std::vector<double> state() const override { return {}; }
  void set_state(std::span<const double> /*state*/) override {}
  void draw(Canvas& /*canvas*/, View /*view*/) const override {}
  Metrics metrics() const override {
    if (seed_ % 2 == 0) return {{"odd_length", 0.0}};
    return {{"odd_length", static_cast<double>(clock_ % 2)}, {"only_sometimes", 1.0}};
  }

 private:
  EnvSpec spec_;
  uint64_t seed_ = 0;
  int64_t clock_ = 0;
};

// Remembers the number of steps it has seen of each environment's episode. It must agree with what
// the environment shows.
class CountingActor final : public Actor {
 public:
  Decision act(const TensorMap& obs) override {
    const at::Tensor clock = obs.at("clock").squeeze(1).clone();
    if (!seen_.defined()) seen_ = at::full_like(clock, -1.0);
    EXPECT_TRUE(at::equal(clock, seen_)) << "episode starts were not told";
    seen_ = seen_ + 1.0;
    return {at::zeros({clock.size(0), 1})};
  }
  void on_episode_start(const at::Tensor& env_mask) override {
    ASSERT_EQ(env_mask.scalar_type(), at::kBool);
    if (!seen_.defined()) seen_ = at::full({env_mask.size(0)}, -1.0F);
    ASSERT_EQ(env_mask.size(0), seen_.size(0));
    seen_.masked_fill_(env_mask, 0.0);
  }

 private:
  at::Tensor seen_;
};

std::unique_ptr<Actor> counting_actor(int64_t /*num_envs*/, uint64_t /*seed*/) {
  return std::make_unique<CountingActor>();
}

TEST(Evaluation, EpisodesHaveTheSeedsThatAreGivenInTheirOrder) {
  // More episodes than run side by side, with different lengths.
  std::vector<uint64_t> seeds;
  for (uint64_t i = 0; i < 300; ++i) seeds.push_back(1000 - i);
  const auto make = [] { return std::make_unique<CountdownEnv>(); };
  const std::vector<Episode> episodes =
      evaluate(counting_actor, make, {.episodes = 300, .episode_seeds = seeds, .threads = 2});
  ASSERT_EQ(episodes.size(), seeds.size());
  for (size_t i = 0; i < seeds.size(); ++i) EXPECT_EQ(episodes[i].seed, seeds[i]);
  seeds.pop_back();
  EXPECT_THAT(test::input_error([&] {
                evaluate(counting_actor, make, {.episodes = 300, .episode_seeds = seeds});
              }),
              HasSubstr("299 seeds of episodes for 300 episodes"));
}

std::vector<Episode> evaluate_countdown(int64_t episodes, uint64_t seed, int threads = 1) {
  return evaluate(counting_actor, [] { return std::make_unique<CountdownEnv>(); },
                  {.episodes = episodes, .seed = seed, .threads = threads});
}

std::vector<uint64_t> seeds_of(const std::vector<Episode>& episodes) {
  std::vector<uint64_t> seeds;
  for (const Episode& episode : episodes) seeds.push_back(episode.seed);
  return seeds;
}

class EvaluateCount : public testing::TestWithParam<int64_t> {};

TEST_P(EvaluateCount, GivesThatManyWholeEpisodesInAnOrderThatTheirLengthsDoNotChange) {
  const std::vector<Episode> episodes = evaluate_countdown(GetParam(), 5);
  ASSERT_EQ(episodes.size(), static_cast<size_t>(GetParam()));
  const auto lanes = static_cast<uint64_t>(std::min<int64_t>(GetParam(), 128));
  for (uint64_t i = 0; i < episodes.size(); ++i) {
    const Episode& episode = episodes[i];
    // The i-th episode is the (i / lanes)-th of simulator i mod lanes, however long the others
    // take.
    const uint64_t seed = mix_seed({5, i % lanes, i / lanes});
    ASSERT_EQ(episode.seed, seed) << i;
    EXPECT_EQ(episode.length, CountdownEnv::length_of(seed)) << i;
    EXPECT_DOUBLE_EQ(episode.episode_return,
                     CountdownEnv::reward_of(seed) * static_cast<double>(episode.length));
    EXPECT_TRUE(episode.terminated);
  }
}

INSTANTIATE_TEST_SUITE_P(, EvaluateCount, testing::Values(1, 2, 127, 128, 129, 300));

TEST(Evaluate, TheSeedDecidesTheStarts) {
  EXPECT_EQ(seeds_of(evaluate_countdown(40, 5)), seeds_of(evaluate_countdown(40, 5)));
  EXPECT_NE(seeds_of(evaluate_countdown(40, 5)), seeds_of(evaluate_countdown(40, 6)));
  // More episodes start with the same ones.
  std::vector<uint64_t> longer = seeds_of(evaluate_countdown(60, 5));
  longer.resize(40);
  EXPECT_EQ(seeds_of(evaluate_countdown(40, 5)), longer);
}

TEST(Evaluate, ThreadsDoNotMatter) {
  const std::vector<Episode> one = evaluate_countdown(300, 9, 1);
  const std::vector<Episode> three = evaluate_countdown(300, 9, 3);
  EXPECT_EQ(seeds_of(one), seeds_of(three));
  EXPECT_EQ(episode_returns(one), episode_returns(three));
}

TEST(Evaluate, ProgressCountsUpToTheEpisodesAskedFor) {
  std::vector<int64_t> told;
  evaluate(counting_actor, [] { return std::make_unique<CountdownEnv>(); },
           {.episodes = 150, .seed = 1, .on_progress = [&](int64_t n) { told.push_back(n); }});
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), 150);
}

TEST(Evaluate, NeedsAnEpisode) {
  for (const int64_t episodes : {0, -1}) {
    EXPECT_THAT(test::input_error([&] { evaluate_countdown(episodes, 0); }),
                HasSubstr(fmt::format("{} episodes", episodes)));
  }
}

TEST(Evaluate, ABadActionIsAnErrorThatNamesTheEnvironment) {
  class NanActor final : public Actor {
    Decision act(const TensorMap& obs) override {
      return {at::full({obs.begin()->second.size(0), 1}, NAN)};
    }
  };
  const ActorMaker nan_actor = [](int64_t, uint64_t) { return std::make_unique<NanActor>(); };
  EXPECT_THAT(test::input_error([&] {
                evaluate(nan_actor, [] { return std::make_unique<CountdownEnv>(); },
                         {.episodes = 2});
              }),
              HasSubstr("countdown"));
}

TEST(Evaluate, MetricsOfEpisodesThatHaveThem) {
  const std::vector<Episode> episodes = evaluate_countdown(50, 5);
  const std::vector<double> sometimes = episode_metric(episodes, "only_sometimes");
  const std::vector<double> never = episode_metric(episodes, "success");
  ASSERT_EQ(sometimes.size(), 50U);
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(std::isnan(sometimes[i]), episodes[i].seed % 2 == 0) << i;
    EXPECT_TRUE(std::isnan(never[i]));
  }
  EXPECT_EQ(mean_of_numbers(sometimes), 1.0);
  EXPECT_TRUE(std::isnan(mean_of_numbers(never)));
  EXPECT_TRUE(std::isnan(mean_of_numbers({})));
  EXPECT_EQ(mean_of_numbers({1.0, std::nan(""), 4.0}), 2.5);
}

}  // namespace
}  // namespace reverie
