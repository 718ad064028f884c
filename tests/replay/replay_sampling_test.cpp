// Priorities, relabelled goals and storage on disk of the replay buffer.

#include <cmath>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "replay/prefetcher.h"
#include "replay/replay_buffer.h"
#include "scripted_envs.h"

namespace reverie {
namespace {

using testing::HasSubstr;

const ReplayOptions kPrioritized{.priority_exponent = 0.6};

// Stored slots, in order.
std::vector<int64_t> slots_of(const ReplayBuffer& replay) {
  Rng rng(99);
  const at::Tensor index = std::get<0>(at::_unique(replay.sample(20000, {}, rng).index));
  return {index.const_data_ptr<int64_t>(), index.const_data_ptr<int64_t>() + index.numel()};
}

at::Tensor tensor_of(const std::vector<int64_t>& values) { return copy_to_tensor<int64_t>(values); }

TEST(ReplayPriorities, FrequenciesAndWeightsFollowTheFormulas) {
  ReplayBuffer replay = scripted_replay(60, 2, 1, 9, 40, kPrioritized);
  const std::vector<int64_t> slots = slots_of(replay);
  const auto n = static_cast<double>(slots.size());
  ASSERT_EQ(static_cast<int64_t>(slots.size()), replay.size());
  std::vector<double> priority;
  std::map<int64_t, double> mass;
  double total = 0.0;
  for (size_t i = 0; i < slots.size(); ++i) {
    priority.push_back(0.1 + static_cast<double>(i % 7));
    mass[slots[i]] = std::pow(priority.back(), 0.6);
    total += mass[slots[i]];
  }
  replay.update_priorities(tensor_of(slots), copy_to_tensor<double>(priority));
  constexpr int64_t kDraws = 32;  // few enough that the largest weight differs between batches
  constexpr int kBatches = 4000;
  std::map<int64_t, double> counts;
  Rng rng(1);
  for (int k = 0; k < kBatches; ++k) {
    const Batch batch = replay.sample(kDraws, {.prioritized = true, .beta = 0.5}, rng);
    double largest = 0.0;
    std::vector<double> weights;
    for (int64_t i = 0; i < kDraws; ++i) {
      const int64_t slot = batch.index[i].item<int64_t>();
      ++counts[slot];
      weights.push_back(std::pow(n * mass.at(slot) / total, -0.5));
      largest = std::max(largest, weights.back());
    }
    for (int64_t i = 0; k < 20 && i < kDraws; ++i) {
      EXPECT_NEAR(batch.weight[i].item<double>(), weights[static_cast<size_t>(i)] / largest, 1e-6);
    }
  }
  double chi_square = 0.0;
  for (const int64_t slot : slots) {
    const double expected = static_cast<double>(kDraws * kBatches) * mass[slot] / total;
    chi_square += std::pow(counts[slot] - expected, 2) / expected;
  }
  // Strata make the frequencies more even than independent draws, so the bound is generous.
  EXPECT_LT(chi_square, n - 1 + 5.0 * std::sqrt(2.0 * n));
}

// Of equal priorities, as many strata as transitions hold one transition each.
TEST(ReplayPriorities, EachStratumGivesOneDraw) {
  const ReplayBuffer replay = scripted_replay(60, 2, 1, 9, 40, kPrioritized);
  const std::vector<int64_t> slots = slots_of(replay);
  Rng rng(4);
  const Batch batch =
      replay.sample(static_cast<int64_t>(slots.size()), {.prioritized = true, .beta = 1.0}, rng);
  EXPECT_TRUE(std::get<0>(batch.index.sort()).equal(tensor_of(slots)));
}

TEST(ReplayPriorities, TheLargestIsThatOfAllTimes) {
  ReplayBuffer replay(ScriptedEnvs::spec(1), 12, 1, at::kCPU, kPrioritized);
  ScriptedEnvs envs(1, 1, 9);
  replay.start(envs.observations());
  envs.step(replay);
  replay.update_priorities(tensor_of({0}), at::full({1}, 50.0));
  replay.update_priorities(tensor_of({0}), at::full({1}, 2.0));
  envs.step(replay);
  Rng rng(2);
  const Batch batch = replay.sample(64, {.prioritized = true, .beta = 1.0}, rng);
  const at::Tensor is_first = batch.index.eq(0);
  ASSERT_TRUE(is_first.any().item<bool>());
  EXPECT_TRUE(at::allclose(batch.weight.masked_select(is_first), at::ones({1})));
  EXPECT_TRUE(at::allclose(batch.weight.masked_select(is_first.logical_not()),
                           at::full({1}, std::pow(2.0 / 50.0, 0.6)).to(at::kFloat)));
}

TEST(ReplayPriorities, NewTransitionsGetTheLargestAndOverwrittenOnesAreGone) {
  ReplayBuffer replay(ScriptedEnvs::spec(1), 12, 1, at::kCPU, kPrioritized);
  ScriptedEnvs envs(1, 1, 5);
  replay.start(envs.observations());
  envs.step(replay);
  replay.update_priorities(tensor_of({0}), at::full({1}, 50.0));
  Rng rng(2);
  for (int t = 0; t < 100; ++t) {
    envs.step(replay);
    const Batch batch = replay.sample(64, {.prioritized = true, .beta = 1.0}, rng);
    // All steps have the largest priority, so weights are 1 and only stored steps are drawn.
    EXPECT_TRUE(batch.weight.equal(at::ones({64})));
    EXPECT_EQ(batch.obs.at("observation").select(1, 2).mul(10).equal(batch.action.select(1, 0)),
              true);
    // Ends and the pending slot have no priority.
    replay.update_priorities(at::arange(12), at::full({12}, 50.0));
  }
}

TEST(ReplayPriorities, SurviveSaveAndRestore) {
  ReplayBuffer replay = scripted_replay(30, 2, 1, 9, 100, kPrioritized);
  replay.update_priorities(at::arange(60), at::arange(60).to(at::kFloat) + 1.0);
  TensorMap saved;
  replay.save(saved);
  ReplayBuffer restored = scripted_replay(30, 2, 1, 9, 7, kPrioritized);
  restored.restore(MapReader(saved));
  Rng a(3);
  Rng b(3);
  const Batch first = replay.sample(100, {.prioritized = true}, a);
  const Batch second = restored.sample(100, {.prioritized = true}, b);
  EXPECT_TRUE(first.index.equal(second.index));
  EXPECT_TRUE(first.weight.equal(second.weight));
  TensorMap again;
  restored.save(again);
  EXPECT_TRUE(again.at("replay.max_priority").equal(saved.at("replay.max_priority")));
  EXPECT_GT(saved.at("replay.max_priority").item<double>(), 1.5);
  saved.at("replay.priority").fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(restored.restore(MapReader(saved)), Error);
  EXPECT_EQ(restored.size(), 0);
}

TEST(ReplayPriorities, WrongOnesAreRefused) {
  ReplayBuffer replay = scripted_replay(30, 1, 1, 9, 20, kPrioritized);
  const at::Tensor index = tensor_of({0, 1});
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(replay.update_priorities(index, at::full({2}, bad, at::kDouble)), Error) << bad;
  }
  EXPECT_THROW(replay.update_priorities(tensor_of({0, 30}), at::ones({2})), Error);
  EXPECT_THROW(replay.update_priorities(tensor_of({-1, 3}), at::ones({2})), Error);
  EXPECT_THROW(replay.update_priorities(index, at::ones({3})), Error);
  EXPECT_THROW(replay.update_priorities(at::ones({2}), at::ones({2})), Error);
  Rng rng(4);
  EXPECT_THROW(replay.sample(2, {.prioritized = true, .beta = 2.0}, rng), Error);
  ReplayBuffer uniform = scripted_replay(30, 1, 1, 9, 20);
  EXPECT_THROW(uniform.update_priorities(index, at::ones({2})), Error);
  EXPECT_THROW(uniform.sample(2, {.prioritized = true}, rng), Error);
  EXPECT_FALSE(uniform.sample(2, {}, rng).weight.defined());
}

GoalOutcome reached(std::span<const double> achieved, std::span<const double> desired, bool) {
  const double distance = std::abs(achieved[0] - desired[0]);
  return {.reward = -distance, .terminated = distance == 0.0};
}

SampleSpec relabelled(GoalStrategy strategy, double ratio = 1.0) {
  SampleSpec spec{.gamma = 0.9};
  spec.goals =
      GoalSpec{.strategy = strategy, .ratio = ratio, .geometric_gamma = 0.5, .outcome = reached};
  return spec;
}

TEST(ReplayGoals, ComeFromWhereTheStrategySaysAndRewardsFollow) {
  const ReplayBuffer replay = scripted_replay(300, 2, 1, 9, 100);
  const ScriptedEnvs envs(2, 1, 9);
  constexpr int64_t kComplete = 11;  // episodes of at most 9 steps that ended within 100
  Rng rng(5);
  for (const auto strategy : {GoalStrategy::kFinal, GoalStrategy::kFuture, GoalStrategy::kGeometric,
                              GoalStrategy::kRandom}) {
    for (int64_t n_step : {1, 3}) {
      SampleSpec spec = relabelled(strategy);
      spec.n_step = n_step;
      const Batch batch = replay.sample(1000, spec, rng);
      EXPECT_TRUE(batch.obs.at("desired_goal").equal(batch.next_obs.at("desired_goal")));
      int64_t elsewhere = 0, of_other_lane = 0, last = 0;
      for (int64_t i = 0; i < 1000; ++i) {
        const auto from = batch.obs.at("observation")[i];
        const auto lane = from[0].item<int64_t>();
        const auto episode = from[1].item<int64_t>();
        const auto step = from[2].item<int64_t>();
        const double start = ScriptedEnvs::goal_of(lane, episode, 0);
        const double goal = batch.obs.at("desired_goal")[i][0].item<double>();
        const double goal_step = goal - start;
        const int64_t length = envs.length(lane, episode);
        const bool complete = episode < kComplete;
        if (strategy == GoalStrategy::kFinal && complete) {
          ASSERT_EQ(goal_step, length);
        } else if (strategy != GoalStrategy::kRandom) {
          ASSERT_GT(goal_step, static_cast<double>(step));
          ASSERT_LE(goal_step, static_cast<double>(length));
        }
        if (goal_step < 0 || goal_step > static_cast<double>(length)) ++elsewhere;
        if (complete && goal_step == static_cast<double>(length)) ++last;
        if ((goal >= ScriptedEnvs::goal_of(1, 0, 0)) != (lane == 1)) ++of_other_lane;
        double reward = 0.0;
        double discount = 1.0;
        int64_t now = step;
        for (int64_t k = 0; k < n_step && now < length && discount > 0.0; ++k) {
          ++now;
          const double distance = std::abs(static_cast<double>(now) - goal_step);
          reward -= discount * distance;
          discount *= distance == 0.0 ? 0.0 : 0.9;
          if (now == batch.next_obs.at("observation")[i][2].item<int64_t>()) break;
        }
        ASSERT_EQ(now, batch.next_obs.at("observation")[i][2].item<int64_t>());
        ASSERT_NEAR(batch.reward[i].item<double>(), reward, 1e-3 + 1e-6 * std::abs(reward));
        ASSERT_NEAR(batch.discount[i].item<double>(), discount, 1e-6);
      }
      EXPECT_EQ(elsewhere > 500, strategy == GoalStrategy::kRandom) << elsewhere;
      EXPECT_TRUE(strategy != GoalStrategy::kFuture || last > 160) << last << " last ones";
      EXPECT_NEAR(static_cast<double>(of_other_lane),
                  strategy == GoalStrategy::kRandom ? 500.0 : 0.0, 80.0);
    }
  }
}

TEST(ReplayGoals, AShareOfThemIsOfAnyEpisode) {
  const ReplayBuffer replay = scripted_replay(300, 2, 1, 9, 100);
  Rng rng(8);
  SampleSpec spec = relabelled(GoalStrategy::kFuture);
  const auto of_other_lane = [&](double share) {
    spec.goals->random_share = share;
    const Batch batch = replay.sample(4000, spec, rng);
    const at::Tensor lane = batch.obs.at("observation").select(1, 0);
    const at::Tensor goal = batch.obs.at("desired_goal").select(1, 0);
    const at::Tensor is_of_second = (goal >= ScriptedEnvs::goal_of(1, 0, 0)).to(at::kFloat);
    return (is_of_second != lane).to(at::kFloat).mean().item<double>();
  };
  EXPECT_EQ(of_other_lane(0.0), 0.0);
  EXPECT_NEAR(of_other_lane(0.4), 0.2, 0.03);  // half of the random ones
  EXPECT_NEAR(of_other_lane(1.0), 0.5, 0.03);
}

TEST(ReplayGoals, DistancesFollowTheirDistributions) {
  const ReplayBuffer replay = scripted_replay(3000, 1, 1, 1000, 2000);
  const ScriptedEnvs envs(1, 1, 1000);
  Rng rng(6);
  const Batch batch = replay.sample(20000, relabelled(GoalStrategy::kGeometric), rng);
  const at::Tensor distance =
      (batch.obs.at("desired_goal") - batch.obs.at("achieved_goal")).select(1, 0);
  // P(d) = 0.5^d, cut off by episode ends that are far away for nearly all.
  for (int d = 1; d <= 4; ++d) {
    const double share = (distance == d).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(share, std::pow(0.5, d), 0.02) << d;
  }
}

TEST(ReplayGoals, TheRatioSaysHowManyAndTheOthersStay) {
  const ReplayBuffer replay = scripted_replay(300, 2, 1, 9, 100);
  Rng rng(7);
  const Batch batch = replay.sample(10000, relabelled(GoalStrategy::kFinal, 0.3), rng);
  const at::Tensor recorded = batch.obs.at("desired_goal").select(1, 0) == -1.0;
  EXPECT_NEAR(recorded.to(at::kDouble).mean().item<double>(), 0.7, 0.03);
  const at::Tensor step = batch.obs.at("observation").select(1, 2);
  EXPECT_TRUE(batch.reward.masked_select(recorded).equal((step + 1).masked_select(recorded)));
}

TEST(ReplayGoals, WrongSpecsAreRefused) {
  const ReplayBuffer replay = scripted_replay(30, 1, 2, 9, 20);
  Rng rng(8);
  SampleSpec spec = relabelled(GoalStrategy::kFuture, 1.5);
  EXPECT_THROW(replay.sample(4, spec, rng), Error);
  spec = relabelled(GoalStrategy::kFuture);
  spec.goals->outcome = nullptr;
  EXPECT_THROW(replay.sample(4, spec, rng), Error);
  spec = relabelled(GoalStrategy::kGeometric);
  spec.goals->geometric_gamma = 1.0;
  EXPECT_THROW(replay.sample(4, spec, rng), Error);
  spec = relabelled(GoalStrategy::kFuture);
  EXPECT_THROW(replay.sample_sequences(4, spec, rng), Error);
  for (const char* name : {"pixels", "observation", "achieved"}) {
    spec.goals->achieved = name;
    EXPECT_THROW(replay.sample(4, spec, rng), Error) << name;
  }
}

TEST(ReplayFutures, AreLaterStatesOfTheEpisodeAndChangeNothingElse) {
  const ReplayBuffer replay = scripted_replay(300, 2, 2, 9, 100);
  Rng rng(11), same(11);
  const Batch batch = replay.sample(2000, {.future = FutureSpec{.geometric_gamma = 0.5}}, rng);
  EXPECT_TRUE(batch.obs.at("pixels").equal(replay.sample(2000, {}, same).obs.at("pixels")));
  const at::Tensor now = batch.obs.at("observation"), later = batch.future_obs.at("observation");
  EXPECT_TRUE(now.narrow(1, 0, 2).equal(later.narrow(1, 0, 2))) << "lane and episode";
  const at::Tensor distance = (later - now).select(1, 2);
  EXPECT_GE(distance.min().item<double>(), 1.0);
  EXPECT_GT(distance.max().item<double>(), 3.0);
  // The newest frame of the stack is that of the step.
  const at::Tensor frame = batch.future_obs.at("pixels").select(1, 1).flatten(1).select(1, 2);
  EXPECT_TRUE(frame.to(at::kFloat).equal(later.select(1, 2)));
  EXPECT_EQ(replay.sample(2, {}, rng).future_obs.size(), 0U);
}

TEST(ReplayFutures, DistancesAreGeometricAndAShareIsOfAnyEpisode) {
  const ReplayBuffer replay = scripted_replay(3000, 2, 1, 1000, 2000);
  Rng rng(12);
  const auto draw = [&](double share) {
    const FutureSpec future{.random_share = share, .geometric_gamma = 0.5};
    return replay.sample(20000, {.future = future}, rng);
  };
  const Batch near = draw(0.0);
  const at::Tensor distance =
      (near.future_obs.at("observation") - near.obs.at("observation")).select(1, 2);
  for (int d = 1; d <= 4; ++d) {
    const double share = (distance == d).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(share, std::pow(0.5, d), 0.02) << d;
  }
  const Batch mixed = draw(0.4);
  const at::Tensor other =
      mixed.future_obs.at("observation").select(1, 0) != mixed.obs.at("observation").select(1, 0);
  EXPECT_NEAR(other.to(at::kDouble).mean().item<double>(), 0.2, 0.02) << "half of the random ones";
}

TEST(ReplayFutures, WrongSpecsAreRefused) {
  const ReplayBuffer replay = scripted_replay(30, 1, 1, 9, 20);
  Rng rng(13);
  EXPECT_THROW(replay.sample(4, {.future = FutureSpec{.random_share = 1.5}}, rng), Error);
  EXPECT_THROW(replay.sample(4, {.future = FutureSpec{.geometric_gamma = 1.0}}, rng), Error);
}

TEST(ReplayDisk, EqualsMemoryBitForBit) {
  const ReplayOptions on_disk{.memory_budget = 0, .disk_folder = testing::TempDir()};
  const ReplayBuffer memory = scripted_replay(50, 2, 3, 9, 200);
  const ReplayBuffer disk = scripted_replay(50, 2, 3, 9, 200, on_disk);
  EXPECT_FALSE(memory.on_disk());
  EXPECT_TRUE(disk.on_disk());
  TensorMap a;
  TensorMap b;
  memory.save(a);
  disk.save(b);
  for (const auto& [name, tensor] : a) EXPECT_TRUE(tensor.equal(b.at(name))) << name;
  ReplayBuffer restored = scripted_replay(50, 2, 3, 9, 3, on_disk);
  restored.restore(MapReader(a));
  Rng first(9);
  Rng second(9);
  const Batch expected = memory.sample(200, {.n_step = 3}, first);
  const Batch got = restored.sample(200, {.n_step = 3}, second);
  EXPECT_TRUE(expected.index.equal(got.index));
  EXPECT_TRUE(expected.reward.equal(got.reward));
  for (const auto& [name, tensor] : expected.next_obs) {
    EXPECT_TRUE(tensor.equal(got.next_obs.at(name))) << name;
  }
}

TEST(ReplayDisk, LacksAreNamed) {
  const auto message = [](int64_t capacity, const ReplayOptions& options) -> std::string {
    try {
      const ReplayBuffer replay(ScriptedEnvs::spec(1), capacity, 1, at::kCPU, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message(1000000, {.memory_budget = 1000000}), HasSubstr("28.0 MB"));
  EXPECT_THAT(message(100, {.memory_budget = 0, .disk_folder = "/no/such/folder"}),
              HasSubstr("No such file"));
  EXPECT_THAT(message(int64_t{1} << 46, {.memory_budget = 0, .disk_folder = testing::TempDir()}),
              HasSubstr("MB free"));
  EXPECT_THAT(message(int64_t{1} << 61, {.memory_budget = 0, .disk_folder = testing::TempDir()}),
              HasSubstr("more bytes than"));
}

TEST(ReplayPrefetch, EqualsDirectSampling) {
  const ReplayBuffer replay = scripted_replay(50, 2, 3, 9, 200);
  Prefetcher<Batch> batches([&](Rng& rng) { return replay.sample(32, {.n_step = 2}, rng); },
                            Rng(10));
  batches.request(20);
  Rng direct(10);
  for (int i = 0; i < 20; ++i) {
    const Batch expected = replay.sample(32, {.n_step = 2}, direct);
    const Batch got = batches.next();
    EXPECT_TRUE(expected.index.equal(got.index));
    EXPECT_TRUE(expected.obs.at("pixels").equal(got.obs.at("pixels")));
  }
  EXPECT_EQ(batches.rng().state(), direct.state());
}

}  // namespace
}  // namespace reverie
