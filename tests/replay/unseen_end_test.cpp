// Episodes whose final observation was not recorded: only observed data is drawn.

#include <cmath>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/replay/scripted_envs.h"

namespace reverie {
namespace {

using testing::HasSubstr;

// Buffers in which even episodes, which terminate, hide their ends.
ReplayBuffer hidden_replay(int64_t slots, int64_t lanes, int64_t longest, int64_t steps) {
  ReplayBuffer replay(ScriptedEnvs::spec(1), slots * lanes, lanes, at::kCPU);
  ScriptedEnvs envs(lanes, 1, longest);
  envs.hide_ends();
  replay.start(envs.observations());
  for (int64_t t = 0; t < steps; ++t) envs.step(replay);
  return replay;
}

struct ReadOrigin {
  int64_t lane, episode, step;
};

ReadOrigin read_origin(const at::Tensor& observation) {
  return {observation[0].item<int64_t>(), observation[1].item<int64_t>(),
          observation[2].item<int64_t>()};
}

bool is_hidden(const ScriptedEnvs& envs, const ReadOrigin& at) {
  return at.episode % 2 == 0 && at.step == envs.length(at.lane, at.episode);
}

TEST(UnseenEnd, TransitionsKeepTheRewardAndBootstrapFromNothing) {
  const ScriptedEnvs envs(2, 1, 5);
  for (const int64_t slots : {300, 24}) {  // all of it, and a ring that has wrapped around
    const ReplayBuffer replay = hidden_replay(slots, 2, 5, 200);
    Rng rng(1);
    int64_t last_steps = 0;
    for (const int64_t n_step : {1, 3}) {
      const Batch batch = replay.sample(500, {.n_step = n_step, .gamma = 0.9}, rng);
      for (int64_t i = 0; i < 500; ++i) {
        const ReadOrigin from = read_origin(batch.obs.at("observation")[i]);
        const ReadOrigin to = read_origin(batch.next_obs.at("observation")[i]);
        ASSERT_EQ(to.episode, from.episode);
        ASSERT_FALSE(is_hidden(envs, to));
        const int64_t left = envs.length(from.lane, from.episode) - from.step;
        const bool terminated = batch.discount[i].item<float>() == 0.0F;
        // The newest episode is unfinished, so fewer of its steps may follow.
        const int64_t taken = terminated ? left : to.step - from.step;
        ASSERT_GE(taken, 1);
        ASSERT_LE(taken, std::min(n_step, left));
        double reward = 0.0;
        for (int64_t k = 0; k < taken; ++k) {
          reward += std::pow(0.9, k) * static_cast<double>(from.step + k + 1);
        }
        ASSERT_NEAR(batch.reward[i].item<double>(), reward, 1e-4);
        ASSERT_EQ(terminated, taken == left && from.episode % 2 == 0);
        ASSERT_EQ(to.step, from.step + taken - (terminated ? 1 : 0));
        last_steps += terminated ? 1 : 0;
      }
    }
    EXPECT_GT(last_steps, 50);
  }
}

TEST(UnseenEnd, NoSequenceContainsIt) {
  const ScriptedEnvs envs(2, 1, 5);
  for (const int64_t slots : {300, 24, 5}) {
    for (const int64_t length : {1, 2, 4}) {
      const ReplayBuffer replay = hidden_replay(slots, 2, 5, 200);
      Rng rng(2);
      if (replay.longest_episode() < length) {
        EXPECT_THROW(replay.sample_sequences(1, {.length = length}, rng), Error);
        continue;
      }
      const SequenceBatch batch =
          replay.sample_sequences(400, {.length = length, .burn_in = 1}, rng);
      EXPECT_FALSE(batch.terminated.any().item<bool>());
      std::set<std::tuple<int64_t, int64_t, int64_t>> ends;
      for (int64_t b = 0; b < 400; ++b) {
        const ReadOrigin last = read_origin(batch.obs.at("observation")[b][length + 1]);
        const ReadOrigin before = read_origin(batch.obs.at("observation")[b][length]);
        ASSERT_EQ(last.step, before.step + 1) << "a frame stands in";
        ASSERT_FALSE(is_hidden(envs, last));
        ends.emplace(last.lane, last.episode, last.step);
      }
      // Every other place is drawn.
      size_t places = 0;
      for (const StoredEpisode& episode : replay.episodes()) {
        const int64_t seen = episode.length - (episode.terminated ? 1 : 0);
        places += static_cast<size_t>(std::max<int64_t>(seen - length + 1, 0));
      }
      if (slots < 300) {
        EXPECT_EQ(ends.size(), places);
      }
    }
  }
}

TEST(UnseenEnd, AnEpisodeOfOneStepIsNoSequence) {
  const ScriptedEnvs envs(1, 1, 1);  // every episode has one step
  const ReplayBuffer replay = hidden_replay(20, 1, 1, 1);
  ASSERT_EQ(replay.size(), 1);
  EXPECT_EQ(replay.longest_episode(), 0);
  Rng rng(3);
  EXPECT_THAT(test::input_error([&] { replay.sample_sequences(1, {.length = 1}, rng); }),
              HasSubstr("0 steps"));
  EXPECT_EQ(replay.sample(4, {}, rng).discount.sum().item<float>(), 0.0F);
}

TEST(UnseenEnd, NoGoalIsTakenFromItAndNoneIsReachedThere) {
  const ScriptedEnvs envs(2, 1, 5);
  const ReplayBuffer replay = hidden_replay(300, 2, 5, 200);
  std::set<double> known;
  for (int64_t lane = 0; lane < 2; ++lane) {
    for (int64_t episode = 0; episode < 200; ++episode) {
      for (int64_t step = 0; step <= envs.length(lane, episode); ++step) {
        if (!is_hidden(envs, {lane, episode, step})) {
          known.insert(ScriptedEnvs::goal_of(lane, episode, step));
        }
      }
    }
  }
  bool all_known = true;
  SampleSpec spec{.n_step = 3, .gamma = 0.9};
  spec.goals = GoalSpec{.ratio = 1.0, .geometric_gamma = 0.5};
  spec.goals->outcome = [&](std::span<const double> achieved, std::span<const double> desired,
                            bool) {
    all_known &= known.contains(achieved[0]) && known.contains(desired[0]);
    return GoalOutcome{.reward = -2.0, .terminated = achieved[0] == desired[0]};
  };
  Rng rng(4);
  for (const auto strategy : {GoalStrategy::kFinal, GoalStrategy::kFuture, GoalStrategy::kGeometric,
                              GoalStrategy::kRandom}) {
    spec.goals->strategy = strategy;
    const Batch batch = replay.sample(1000, spec, rng);
    int64_t kept = 0;
    for (int64_t i = 0; i < 1000; ++i) {
      const ReadOrigin from = read_origin(batch.obs.at("observation")[i]);
      const bool last = is_hidden(envs, {from.lane, from.episode, from.step + 1});
      const double goal = batch.obs.at("desired_goal")[i][0].item<double>();
      ASSERT_EQ(goal == -1.0, last) << "the recorded goal stays for the last step alone";
      kept += last ? 1 : 0;
      if (last) {
        ASSERT_EQ(batch.reward[i].item<double>(), static_cast<double>(from.step + 1));
        ASSERT_EQ(batch.discount[i].item<float>(), 0.0F);
      } else {
        ASSERT_LE(batch.reward[i].item<double>(), -2.0);
        ASSERT_FALSE(is_hidden(envs, read_origin(batch.next_obs.at("observation")[i])));
      }
    }
    EXPECT_GT(kept, 50);
  }
  EXPECT_TRUE(all_known);
}

// The last step of such an episode has no future that is known: its own state stands for it.
TEST(UnseenEnd, IsNoFuture) {
  const ScriptedEnvs envs(2, 1, 5);
  const ReplayBuffer replay = hidden_replay(300, 2, 5, 200);
  Rng rng(6);
  const FutureSpec future{.random_share = 0.3, .geometric_gamma = 0.5};
  const Batch batch = replay.sample(2000, {.future = future}, rng);
  int64_t own = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    const ReadOrigin from = read_origin(batch.obs.at("observation")[i]);
    const ReadOrigin later = read_origin(batch.future_obs.at("observation")[i]);
    ASSERT_FALSE(is_hidden(envs, later));
    const bool same =
        from.lane == later.lane && from.episode == later.episode && from.step == later.step;
    if (same) ++own;
    if (same && i % 7 == 0) {
      // Only the last step; a random draw of the very same state is rare.
      EXPECT_TRUE(is_hidden(envs, {from.lane, from.episode, from.step + 1}));
    }
  }
  EXPECT_GT(own, 100);
}

TEST(UnseenEnd, SurvivesSaveAndRestore) {
  const ReplayBuffer replay = hidden_replay(24, 2, 5, 200);
  TensorMap saved;
  replay.save(saved);
  ReplayBuffer restored(ScriptedEnvs::spec(1), 48, 2, at::kCPU);
  restored.restore(MapReader(saved));
  EXPECT_EQ(restored.longest_episode(), replay.longest_episode());
  Rng a(5), b(5);
  const SampleSpec spec{.length = 2};
  EXPECT_TRUE(at::equal(replay.sample_sequences(200, spec, a).obs.at("observation"),
                        restored.sample_sequences(200, spec, b).obs.at("observation")));
}

TEST(UnseenEnd, NeedsAnEpisodeThatTerminated) {
  ReplayBuffer replay(ScriptedEnvs::spec(1), 20, 1, at::kCPU);
  ScriptedEnvs envs(1, 1, 5);
  const FieldViews obs = envs.observations();
  replay.start(obs);
  const Field action = std::get<Field>(ScriptedEnvs::spec(1).action);
  const std::vector<std::byte> zero(action.bytes());
  const double reward = 0.0;
  const uint8_t yes = 1, no = 0;
  const auto add = [&](std::span<const uint8_t> unseen) {
    replay.add({&action, zero.data(), 1}, {obs, obs, {&reward, 1}, {&no, 1}, {&yes, 1}}, unseen);
  };
  EXPECT_THAT(test::input_error([&] { add({&yes, 1}); }), HasSubstr("did not terminate"));
  const uint8_t two[] = {0, 0};
  EXPECT_THAT(test::input_error([&] { add(two); }), HasSubstr("2 flags"));
  EXPECT_EQ(replay.size(), 0) << "a refused step changes nothing";
  add({&no, 1});
  EXPECT_EQ(replay.size(), 1);
}

}  // namespace
}  // namespace reverie
