// Stacks of frames, sequences and episodes of the replay buffer.

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "replay/replay_buffer.h"
#include "scripted_envs.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::HasSubstr;

struct Origin {
  int64_t lane, episode, step;
  auto operator<=>(const Origin&) const = default;
};

Origin origin_of(const at::Tensor& observation) {
  const auto numbers = observation.accessor<float, 1>();
  return {static_cast<int64_t>(numbers[0]), static_cast<int64_t>(numbers[1]),
          static_cast<int64_t>(numbers[2])};
}

void expect_stack(const at::Tensor& pixels, const Origin& from) {
  const int64_t stack = pixels.size(0);
  for (int64_t k = 0; k < stack; ++k) {
    const std::vector<uint8_t> expected =
        ScriptedEnvs::frame(from.lane, from.episode, from.step, stack, k);
    ASSERT_EQ(std::memcmp(pixels[k].const_data_ptr(), expected.data(), 4), 0)
        << "frame " << k << " of step " << from.step << ", episode " << from.episode;
  }
}

void expect_stacks(const TensorMap& obs) {
  for (int64_t i = 0; i < obs.at("observation").size(0); ++i) {
    expect_stack(obs.at("pixels")[i], origin_of(obs.at("observation")[i]));
  }
}

TEST(ReplayStacks, EqualThoseOfTheEnvironmentWhereverTheRingIs) {
  for (int64_t stack : {2, 3, 4}) {
    for (int64_t slots : {stack + 2, stack + 3, int64_t{11}, int64_t{40}}) {
      ReplayBuffer replay(ScriptedEnvs::spec(stack), 2 * slots, 2, at::kCPU);
      ScriptedEnvs envs(2, stack, 9);
      replay.start(envs.observations());
      Rng rng(1);
      for (int t = 0; t < 100; ++t) {
        envs.step(replay);
        ASSERT_GT(replay.size(), 0) << slots << " slots, stack " << stack << ", step " << t;
        const Batch batch = replay.sample(16, {.n_step = 2}, rng);
        expect_stacks(batch.obs);
        expect_stacks(batch.next_obs);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(ReplayStacks, TakeTheMemoryOfOneFrame) {
  EnvSpec spec = ScriptedEnvs::spec(4);
  spec.observation = {
      {.name = "pixels", .shape = {4, 84, 84, 1}, .dtype = DType::kUInt8, .stacked = 4}};
  const ReplayBuffer replay(spec, 100, 1, at::kCPU);
  EXPECT_LE(static_cast<double>(replay.bytes_per_transition()), 1.05 * 84 * 84);
}

TEST(ReplayStacks, FramesThatDoNotRepeatTheFirstAreRefused) {
  ReplayBuffer replay(ScriptedEnvs::spec(3), 20, 1, at::kCPU);
  ScriptedEnvs envs(1, 3, 5);
  const FieldView& pixels = envs.observations()[1];
  pixels.data[4] ^= std::byte{1};
  EXPECT_THROW(replay.start(envs.observations()), Error);
  EnvSpec wrong = ScriptedEnvs::spec(3);
  wrong.observation[1].stacked = 2;
  EXPECT_THROW(ReplayBuffer(wrong, 20, 1, at::kCPU), Error);
  EXPECT_THROW(ReplayBuffer(ScriptedEnvs::spec(3), 4, 1, at::kCPU), Error);
}

// The contract of SequenceBatch, compared with the environments.
void expect_sequences(const SequenceBatch& batch, const ScriptedEnvs& envs, int64_t burn_in) {
  const int64_t steps = batch.reward.size(1);
  for (int64_t b = 0; b < batch.reward.size(0); ++b) {
    const at::Tensor observation = batch.obs.at("observation")[b];
    const Origin start = origin_of(observation[0]);
    Origin now = start;
    for (int64_t t = 0; t < steps; ++t) {
      ASSERT_EQ(origin_of(observation[t]), now) << "observation " << t;
      expect_stack(batch.obs.at("pixels")[b][t], now);
      const bool valid = batch.valid[b][t].item<bool>();
      const float reward = batch.reward[b][t].item<float>();
      const float action = batch.action[b][t][0].item<float>();
      if (!valid) {
        ASSERT_LT(t, burn_in);
        ASSERT_EQ(now, start) << "padding between steps";
        ASSERT_EQ(reward, 0.0F);
        ASSERT_EQ(action, 0.0F);
        continue;
      }
      ASSERT_EQ(reward, 1.0F + static_cast<float>(now.step));
      ASSERT_EQ(action, 10.0F * static_cast<float>(now.step));
      ++now.step;
      const bool ends = now.step == envs.length(now.lane, now.episode);
      ASSERT_TRUE(!ends || t == steps - 1) << "a sequence crosses episodes";
      ASSERT_EQ(batch.terminated[b][t].item<bool>(), ends && now.episode % 2 == 0);
      ASSERT_EQ(batch.truncated[b][t].item<bool>(), ends && now.episode % 2 == 1);
    }
    ASSERT_EQ(origin_of(observation[steps]), now) << "the observation after the last step";
    expect_stack(batch.obs.at("pixels")[b][steps], now);
  }
}

TEST(ReplaySequences, AreRunsOfOneEpisodeWhereverTheRingIs) {
  Rng rng(2);
  int64_t drawn = 0;
  for (int64_t stack : {1, 3}) {
    for (int64_t slots : {stack + 4, int64_t{13}, int64_t{40}}) {
      ReplayBuffer replay(ScriptedEnvs::spec(stack), 2 * slots, 2, at::kCPU);
      ScriptedEnvs envs(2, stack, 9);
      replay.start(envs.observations());
      for (int t = 0; t < 80; ++t) {
        envs.step(replay);
        int64_t longest = 0;
        for (const StoredEpisode& episode : replay.episodes()) {
          longest = std::max(longest, episode.length);
        }
        for (int64_t burn_in : {0, 2}) {
          if (longest < 3) {
            EXPECT_THROW(replay.sample_sequences(4, {.length = 3}, rng), Error);
            continue;
          }
          ++drawn;
          const SampleSpec spec{.length = 3, .burn_in = burn_in};
          expect_sequences(replay.sample_sequences(4, spec, rng), envs, burn_in);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
  EXPECT_GT(drawn, 300);
}

TEST(ReplaySequences, BurnInIsPaddedOnlyBeforeTheFirstStep) {
  const ReplayBuffer replay = scripted_replay(200, 1, 1, 20, 150);
  Rng rng(3);
  const SequenceBatch batch = replay.sample_sequences(500, {.length = 2, .burn_in = 3}, rng);
  EXPECT_EQ(batch.obs.at("pixels").sizes(), (std::vector<int64_t>{500, 6, 1, 2, 2, 1}));
  EXPECT_EQ(batch.action.sizes(), (std::vector<int64_t>{500, 5, 1}));
  const at::Tensor padding = (~batch.valid).sum(1);
  for (int64_t b = 0; b < 500; ++b) {
    const int64_t first = origin_of(batch.obs.at("observation")[b][0]).step;
    if (padding[b].item<int64_t>() > 0) {
      EXPECT_EQ(first, 0);
    }
  }
  EXPECT_GT((padding == 3).sum().item<int64_t>(), 0);
  EXPECT_GT((padding == 0).sum().item<int64_t>(), 0);
}

TEST(ReplaySequences, AStrideLeavesOutObservationsAndNothingElse) {
  for (int64_t stack : {1, 3}) {
    // Lanes of 31 slots have wrapped around, and padding is no multiple of the stride.
    const ReplayBuffer replay = scripted_replay(31, 2, stack, 20, 200);
    for (int64_t burn_in : {0, 4}) {
      for (int64_t stride : {1, 2, 4}) {
        Rng a(7);
        Rng b(7);
        SampleSpec spec{.length = 4, .burn_in = burn_in};
        const SequenceBatch whole = replay.sample_sequences(200, spec, a);
        spec.observation_stride = stride;
        const SequenceBatch strided = replay.sample_sequences(200, spec, b);
        for (const auto& [name, tensor] : whole.obs) {
          const at::Tensor expected = tensor.slice(1, 0, burn_in + 5, stride);
          EXPECT_TRUE(at::equal(strided.obs.at(name), expected))
              << name << ", stride " << stride << ", stack " << stack << ", burn-in " << burn_in;
        }
        EXPECT_TRUE(at::equal(strided.action, whole.action));
        EXPECT_TRUE(at::equal(strided.reward, whole.reward));
        EXPECT_TRUE(at::equal(strided.terminated, whole.terminated));
        EXPECT_TRUE(at::equal(strided.truncated, whole.truncated));
        EXPECT_TRUE(at::equal(strided.valid, whole.valid));
        EXPECT_EQ(a.state(), b.state());
      }
    }
  }
}

TEST(ReplaySequences, AStrideDividesLengthAndBurnIn) {
  const ReplayBuffer replay = scripted_replay(100, 2, 1, 9, 60);
  Rng rng(5);
  const auto draw = [&](const SampleSpec& spec) { replay.sample_sequences(4, spec, rng); };
  for (const int64_t stride : {-2, 0, 3, 8}) {
    EXPECT_THROW(draw({.length = 4, .observation_stride = stride}), Error) << stride;
  }
  try {
    draw({.length = 4, .burn_in = 3, .observation_stride = 2});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("stride of 2 for sequences of 4 steps after a burn-in of 3"));
  }
}

TEST(ReplaySequences, EveryPlaceIsDrawnEquallyOften) {
  // Long sequences among short episodes: most guesses are rejected, so places are counted.
  const ReplayBuffer replay = scripted_replay(400, 1, 1, 12, 300);
  for (int64_t length : {4, 12}) {
    int64_t places = 0;
    for (const StoredEpisode& episode : replay.episodes()) {
      places += std::max<int64_t>(episode.length - length + 1, 0);
    }
    ASSERT_GT(places, 0);
    Rng rng(4);
    const int64_t draws = 200 * places;
    const at::Tensor first =
        replay.sample_sequences(draws, {.length = length}, rng).obs.at("observation").select(1, 0);
    std::map<Origin, int> counts;
    for (int64_t i = 0; i < draws; ++i) ++counts[origin_of(first[i])];
    EXPECT_EQ(counts.size(), static_cast<size_t>(places));
    double chi_square = 0.0;
    for (const auto& [place, count] : counts) chi_square += std::pow(count - 200.0, 2) / 200.0;
    const auto freedom = static_cast<double>(places - 1);
    EXPECT_LT(chi_square, freedom + 5.0 * std::sqrt(2.0 * freedom) + 10.0) << "length " << length;
  }
}

TEST(ReplaySequences, EpisodesAreWhatHappened) {
  const ReplayBuffer replay = scripted_replay(500, 2, 1, 9, 100);
  const ScriptedEnvs envs(2, 1, 9);
  int64_t total = 0;
  int64_t number = 0;
  bool second_lane = false;
  for (const StoredEpisode& episode : replay.episodes()) {
    if (episode.first == 500) {
      second_lane = true;
      number = 0;
    }
    if (episode.ended) {
      EXPECT_EQ(episode.length, envs.length(second_lane ? 1 : 0, number));
    }
    EXPECT_EQ(episode.terminated, episode.ended && number % 2 == 0);
    EXPECT_EQ(episode.truncated, episode.ended && number % 2 == 1);
    total += episode.length;
    ++number;
  }
  EXPECT_EQ(total, replay.size());
}

TEST(ReplaySequences, TooLongOnesAreRefusedWithBothLengths) {
  const ReplayBuffer replay = scripted_replay(100, 2, 1, 9, 60);
  int64_t longest = 0;
  for (const auto& episode : replay.episodes()) longest = std::max(longest, episode.length);
  Rng rng(5);
  for (int64_t length : {int64_t{10}, int64_t{1} << 62}) {
    try {
      replay.sample_sequences(4, {.length = length}, rng);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("sequences of {} steps", length)));
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("has {} steps", longest)));
    }
  }
  EXPECT_THROW(replay.sample_sequences(4, {.length = 0}, rng), Error);
  EXPECT_THROW(replay.sample_sequences(0, {.length = 1}, rng), Error);
  EXPECT_THROW(replay.sample_sequences(4, {.length = 2, .burn_in = -1}, rng), Error);
  EXPECT_THROW(replay.sample_sequences(4, {.length = 2, .burn_in = 1000}, rng), Error);
}

TEST(ReplaySequences, StacksAndSequencesSurviveSaveAndRestore) {
  for (int64_t steps : {7, 150}) {
    const ReplayBuffer replay = scripted_replay(30, 2, 3, 9, steps);
    TensorMap saved;
    replay.save(saved);
    ReplayBuffer restored = scripted_replay(30, 2, 3, 9, 91);
    restored.restore(MapReader(saved));
    EXPECT_EQ(restored.size(), replay.size());
    EXPECT_EQ(restored.episodes().size(), replay.episodes().size());
    Rng a(6);
    Rng b(6);
    const SequenceBatch first = replay.sample_sequences(50, {.length = 2, .burn_in = 2}, a);
    const SequenceBatch second = restored.sample_sequences(50, {.length = 2, .burn_in = 2}, b);
    EXPECT_TRUE(first.obs.at("pixels").equal(second.obs.at("pixels")));
    EXPECT_TRUE(first.reward.equal(second.reward));
    EXPECT_TRUE(first.truncated.equal(second.truncated));
  }
}

// What a VAE does to pictures: other fields, everything else as before.
class EncodedReplay : public testing::Test {
 protected:
  static EnvSpec spec() {
    EnvSpec spec = ScriptedEnvs::spec(1);
    spec.observation = {{.name = "code", .shape = {2}}};
    return spec;
  }
  // The lane and step, and a mark.
  static TensorMap code(const TensorMap& obs) {
    const at::Tensor origin = obs.at("observation");
    return {{"code", at::stack({origin.select(1, 0), 1000.0 + origin.select(1, 2)}, 1)}};
  }
};

TEST_F(EncodedReplay, HoldsTheSameStepsWithOtherObservations) {
  for (const int64_t steps : {5, 300}) {  // before and after the ring is full
    const ReplayBuffer source = scripted_replay(150, 3, 1, 9, steps);
    ReplayBuffer encoded(spec(), source.capacity(), source.lanes(), at::kCPU);
    encoded.encode(source, code);
    ASSERT_EQ(encoded.size(), source.size());
    Rng one(1), two(1);
    const Batch a = source.sample(64, {.n_step = 2}, one),
                b = encoded.sample(64, {.n_step = 2}, two);
    for (const at::Tensor Batch::*column :
         {&Batch::index, &Batch::action, &Batch::reward, &Batch::discount}) {
      EXPECT_TRUE(at::equal(a.*column, b.*column));
    }
    EXPECT_TRUE(at::equal(code(a.obs).at("code"), b.obs.at("code")));
    EXPECT_TRUE(at::equal(code(a.next_obs).at("code"), b.next_obs.at("code")));
    const SequenceBatch c = source.sample_sequences(16, {.length = 4}, one),
                        d = encoded.sample_sequences(16, {.length = 4}, two);
    EXPECT_TRUE(at::equal(c.terminated, d.terminated));
    EXPECT_TRUE(at::equal(code({{"observation", c.obs.at("observation").flatten(0, 1)}}).at("code"),
                          d.obs.at("code").flatten(0, 1)));
  }
}

TEST_F(EncodedReplay, RefusesWhatDoesNotFit) {
  const ReplayBuffer source = scripted_replay(20, 2, 1, 9, 30);
  ReplayBuffer other(spec(), 22, 2, at::kCPU);
  EXPECT_THAT(test::input_error([&] { other.encode(source, code); }), HasSubstr("2 lanes of 11"));
  ReplayBuffer fits(spec(), source.capacity(), 2, at::kCPU);
  EXPECT_THAT(test::input_error([&] {
                fits.encode(source, [](const TensorMap& obs) {
                  return TensorMap{{"code", obs.at("observation")}};
                });
              }),
              HasSubstr("'code'"));
  EXPECT_EQ(fits.size(), 0);
}

TEST(ReplayBuffer, KnowsTheFirstObservationsOfEpisodes) {
  const ReplayBuffer replay = scripted_replay(400, 2, 1, 9, 300);
  const at::Tensor first = replay.first_observations().at("observation");
  int64_t begun = 0;
  for (const StoredEpisode& episode : replay.episodes()) begun += episode.length > 0 ? 1 : 0;
  // Those of both lanes that have only begun have no step yet.
  EXPECT_GE(first.size(0), begun);
  EXPECT_LE(first.size(0), begun + 2);
  EXPECT_EQ(first.select(1, 2).abs().max().item<double>(), 0.0);
}

}  // namespace
}  // namespace reverie
