#include "replay/replay_buffer.h"

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/field_numbers.h"
#include "nn/pch.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

// N environments that count: the observation is {episode number, step in the episode}, the action
// is ten times the step, the reward is the step. Episode lengths differ by lane; even episodes
// terminate, odd ones are truncated.
class CountingEnvs {
 public:
  explicit CountingEnvs(int64_t n)
      : n_(static_cast<size_t>(n)), obs_(2 * n), final_(2 * n), episode_(n), step_(n) {
    for (size_t i = 0; i < n_; ++i) write(obs_, i);
  }

  static EnvSpec spec() {
    return {.id = "counting",
            .observation = {{.name = "observation", .shape = {2}, .dtype = DType::kFloat64}},
            .action = Field{.name = "action", .shape = {1}, .low = {-1000}, .high = {1000}}};
  }

  FieldViews observations() { return {&obs_view_, 1}; }

  void step(ReplayBuffer& replay) {
    std::vector<float> action(n_);
    reward_.assign(n_, 0.0);
    terminated_.assign(n_, 0);
    truncated_.assign(n_, 0);
    for (size_t i = 0; i < n_; ++i) {
      action[i] = 10.0F * static_cast<float>(step_[i]);
      reward_[i] = static_cast<double>(step_[i]);
      ++step_[i];
      write(obs_, i);
      if (step_[i] == length(i)) {
        (episode_[i] % 2 == 0 ? terminated_ : truncated_)[i] = 1;
        write(final_, i);
        ++episode_[i];
        step_[i] = 0;
        write(obs_, i);
      }
    }
    const Field field = std::get<Field>(spec().action);
    replay.add(
        {&field, reinterpret_cast<const std::byte*>(action.data()), static_cast<int64_t>(n_)},
        {{&obs_view_, 1}, {&final_view_, 1}, reward_, terminated_, truncated_});
  }

  static int64_t length(size_t lane) { return 5 + 2 * static_cast<int64_t>(lane); }

 private:
  void write(std::vector<double>& out, size_t i) {
    out[2 * i] = 100.0 * static_cast<double>(i) + static_cast<double>(episode_[i]);
    out[2 * i + 1] = static_cast<double>(step_[i]);
  }

  size_t n_;
  std::vector<double> obs_, final_;
  std::vector<int64_t> episode_, step_;
  std::vector<double> reward_;
  std::vector<uint8_t> terminated_, truncated_;
  Field field_ = spec().observation[0];
  FieldView obs_view_{&field_, reinterpret_cast<std::byte*>(obs_.data()), static_cast<int64_t>(n_)};
  FieldView final_view_{&field_, reinterpret_cast<std::byte*>(final_.data()),
                        static_cast<int64_t>(n_)};
};

ReplayBuffer filled(int64_t capacity, int64_t lanes, int64_t steps) {
  ReplayBuffer replay(CountingEnvs::spec(), capacity, lanes, at::kCPU);
  CountingEnvs envs(lanes);
  replay.start(envs.observations());
  for (int64_t t = 0; t < steps; ++t) envs.step(replay);
  return replay;
}

// Every drawn transition happened: same episode, next step, its reward and its end.
void expect_consistent(const Batch& batch, int64_t n_step, double gamma) {
  const auto obs = batch.obs.at("observation").accessor<float, 2>();
  const auto next = batch.next_obs.at("observation").accessor<float, 2>();
  const auto action = batch.action.accessor<float, 2>();
  const auto reward = batch.reward.accessor<float, 1>();
  const auto discount = batch.discount.accessor<float, 1>();
  for (int64_t i = 0; i < batch.reward.size(0); ++i) {
    const auto lane = static_cast<size_t>(obs[i][0]) / 100;
    const auto episode = static_cast<int64_t>(obs[i][0]) % 100;
    const auto step = static_cast<int64_t>(obs[i][1]);
    const int64_t length = CountingEnvs::length(lane);
    ASSERT_LT(step, length);
    EXPECT_EQ(action[i][0], 10.0F * static_cast<float>(step));
    EXPECT_EQ(next[i][0], obs[i][0]) << "a transition crosses episodes";
    const auto taken = static_cast<int64_t>(next[i][1]) - step;
    ASSERT_GE(taken, 1);
    ASSERT_LE(taken, n_step);
    double expected = 0.0;
    for (int64_t k = 0; k < taken; ++k) {
      expected += std::pow(gamma, k) * static_cast<double>(step + k);
    }
    EXPECT_NEAR(reward[i], expected, 1e-4 * (1 + expected));
    const bool at_end = step + taken == length;
    const bool terminated = at_end && episode % 2 == 0;
    EXPECT_NEAR(discount[i], terminated ? 0.0 : std::pow(gamma, taken), 1e-6);
  }
}

TEST(ReplayBuffer, OneStepTransitionsAreThoseThatHappened) {
  const ReplayBuffer replay = filled(300, 3, 60);
  EXPECT_EQ(replay.size(), 180);
  Rng rng(1);
  expect_consistent(replay.sample(2000, {.n_step = 1, .gamma = 0.9}, rng), 1, 0.9);
}

TEST(ReplayBuffer, NStepSumsEqualBruteForceAndStopAtEpisodeEnds) {
  const ReplayBuffer replay = filled(300, 3, 60);
  Rng rng(2);
  expect_consistent(replay.sample(4000, {.n_step = 4, .gamma = 0.9}, rng), 4, 0.9);
}

// The action at a transition's next observation {episode, step} is ten times that step, unless the
// episode ended there or nothing was done yet.
TEST(ReplayBuffer, NextActionsAreThoseOfTheNextObservation) {
  const ReplayBuffer replay = filled(400, 2, 103);  // both lanes are in the middle of an episode
  for (const int64_t n_step : {1, 3}) {
    Rng rng(4);
    const Batch batch = replay.sample(3000, {.n_step = n_step, .next_action = true}, rng);
    ASSERT_EQ(batch.next_action.sizes(), batch.action.sizes());
    const at::Tensor& next = batch.next_obs.at("observation");
    int64_t without = 0;
    for (int64_t i = 0; i < 3000; ++i) {
      const float lane_episode = next[i][0].item<float>(), step = next[i][1].item<float>();
      const size_t lane = lane_episode >= 100.0F ? 1 : 0;
      const bool ended = static_cast<int64_t>(step) == CountingEnvs::length(lane);
      const float newest = lane == 0 ? 103 % 5 : 103 % 7;
      const bool is_newest = lane_episode == (lane == 0 ? 20.0F : 114.0F) && step == newest;
      const float expected = ended || is_newest ? batch.action[i][0].item<float>() : 10.0F * step;
      EXPECT_EQ(batch.has_next_action[i].item<float>(), ended || is_newest ? 0.0F : 1.0F) << i;
      EXPECT_EQ(batch.next_action[i][0].item<float>(), expected) << i;
      if (is_newest) ++without;
    }
    EXPECT_GT(without, 0) << "the newest observation must be among them";
  }
  Rng rng(4);
  EXPECT_FALSE(replay.sample(5, {}, rng).next_action.defined());
}

TEST(ReplayBuffer, TheRingForgetsTheOldestAndStaysConsistent) {
  for (int64_t capacity : {9, 10, 33, 64, 90}) {
    ReplayBuffer replay(CountingEnvs::spec(), capacity, 3, at::kCPU);
    CountingEnvs envs(3);
    replay.start(envs.observations());
    Rng rng(3);
    for (int t = 0; t < 200; ++t) {
      envs.step(replay);
      ASSERT_GT(replay.size(), 0);
      ASSERT_LE(replay.size(), replay.capacity());
      expect_consistent(replay.sample(64, {.n_step = 3, .gamma = 0.5}, rng), 3, 0.5);
    }
  }
}

TEST(ReplayBuffer, EveryStoredTransitionIsDrawnEquallyOften) {
  const ReplayBuffer replay = filled(300, 3, 40);
  Rng rng(4);
  std::map<int64_t, int> counts;
  constexpr int kDraws = 120000;
  const at::Tensor index = replay.sample(kDraws, {}, rng).index;
  for (int64_t i = 0; i < kDraws; ++i) ++counts[index[i].item<int64_t>()];
  EXPECT_EQ(counts.size(), 120U);
  for (const auto& [slot, count] : counts) EXPECT_NEAR(count, 1000, 6 * std::sqrt(1000.0));
}

TEST(ReplayBuffer, SameGeneratorSameBatchAfterSaveAndRestore) {
  for (int64_t steps : {10, 200}) {  // young, and wrapped around
    const ReplayBuffer replay = filled(150, 3, steps);
    TensorMap saved;
    replay.save(saved);
    ReplayBuffer restored = filled(150, 3, 77);  // what it held before goes
    restored.restore(MapReader(saved));
    EXPECT_EQ(restored.size(), replay.size());
    Rng a(5);
    Rng b(5);
    const Batch first = replay.sample(500, {.n_step = 2}, a);
    const Batch second = restored.sample(500, {.n_step = 2}, b);
    EXPECT_TRUE(first.index.equal(second.index));
    EXPECT_TRUE(first.reward.equal(second.reward));
    EXPECT_TRUE(first.next_obs.at("observation").equal(second.next_obs.at("observation")));
  }
}

// A checkpoint of a buffer in files must not load it into memory.
TEST(ReplayBuffer, SavingHandsOutItsOwnMemory) {
  const test::TemporaryFolder folder;
  const ReplayOptions in_files{.memory_budget = 0, .disk_folder = folder.path()};
  for (const ReplayOptions& options : {ReplayOptions{}, in_files}) {
    for (const int64_t steps : {10, 200}) {  // young, and wrapped around
      ReplayBuffer replay(CountingEnvs::spec(), 150, 3, at::kCPU, options);
      CountingEnvs envs(3);
      replay.start(envs.observations());
      for (int64_t t = 0; t < steps; ++t) envs.step(replay);
      TensorMap first, second;
      replay.save(first);
      replay.save(second);
      int columns = 0;
      for (const auto& [name, tensor] : first) {
        if (name == "replay.written") continue;  // a number a lane
        EXPECT_EQ(tensor.const_data_ptr(), second.at(name).const_data_ptr()) << name;
        ++columns;
      }
      EXPECT_EQ(columns, 7);
    }
  }
}

TEST(ReplayBuffer, DamagedStatesAreRefused) {
  const ReplayBuffer replay = filled(150, 3, 20);
  TensorMap saved;
  replay.save(saved);
  ReplayBuffer other(CountingEnvs::spec(), 150, 5, at::kCPU);
  EXPECT_THROW(other.restore(MapReader(saved)), Error);  // another number of environments
  for (const char* name : {"replay.written", "replay.step", "replay.kind"}) {
    TensorMap damaged;
    for (const auto& [key, tensor] : saved) damaged.add(key, tensor.clone());
    damaged.at(name).fill_(100);
    ReplayBuffer target(CountingEnvs::spec(), 150, 3, at::kCPU);
    EXPECT_THROW(target.restore(MapReader(damaged)), Error) << name;
    damaged.at(name).fill_(-1);
    EXPECT_THROW(target.restore(MapReader(damaged)), Error) << name;
  }
}

// A buffer of half-cheetah's fields: 17 float64, and an action of the dtype.
struct Doubles {
  explicit Doubles(DType action_dtype, const ReplayOptions& options = {})
      : spec{.id = "doubles",
             .observation = {{.name = "observation", .shape = {17}, .dtype = DType::kFloat64}},
             .action = Field{.name = "action", .shape = {6}, .dtype = action_dtype}},
        replay(spec, 50, 1, at::kCPU, options) {
    const Field action = action_field(spec.action);
    std::vector<std::byte> action_bytes(action.bytes());
    const auto row = [&](double* numbers) {
      return FieldView{&spec.observation[0], reinterpret_cast<std::byte*>(numbers), 1};
    };
    values.resize(17 * 41);
    Rng rng(1);
    for (double& value : values) value = rng.uniform(-1.0, 1.0) / 3.0;
    const FieldView first[] = {row(values.data())};
    replay.start(first);
    for (size_t t = 0; t < 40; ++t) {
      const std::span<const double> taken = std::span(values).subspan(17 * t, 6);
      write_numbers({&action, action_bytes.data(), 1}, taken);
      const FieldView obs[] = {row(values.data() + 17 * (t + 1))};
      const double reward = static_cast<double>(t);
      const uint8_t no = 0;
      replay.add({&action, action_bytes.data(), 1}, {obs, obs, {&reward, 1}, {&no, 1}, {&no, 1}});
    }
  }

  EnvSpec spec;
  ReplayBuffer replay;
  std::vector<double> values;  // [41, 17] all that was observed
};

TEST(ReplayBuffer, DoublesAreStoredAsTheFloatsThatLearnersSee) {
  const test::TemporaryFolder folder;
  const ReplayOptions in_files{.memory_budget = 0, .disk_folder = folder.path()};
  for (const ReplayOptions& options : {ReplayOptions{}, in_files}) {
    for (const DType action : {DType::kFloat32, DType::kFloat64}) {
      const Doubles doubles(action, options);
      EXPECT_EQ(doubles.replay.bytes_per_transition(), (17 + 6) * sizeof(float) + 16);
      Rng rng(2);
      const Batch batch = doubles.replay.sample(300, {}, rng);
      const SequenceBatch runs = doubles.replay.sample_sequences(10, {.length = 3}, rng);
      const auto expected = [&](int64_t step, int64_t i) {
        return static_cast<float>(doubles.values[static_cast<size_t>(17 * step + i)]);
      };
      for (int64_t b = 0; b < 300; ++b) {
        const auto step = static_cast<int64_t>(batch.reward[b].item<float>());
        for (int64_t i = 0; i < 17; ++i) {
          ASSERT_EQ(batch.obs.at("observation")[b][i].item<float>(), expected(step, i));
          ASSERT_EQ(batch.next_obs.at("observation")[b][i].item<float>(), expected(step + 1, i));
        }
        for (int64_t i = 0; i < 6; ++i) {
          ASSERT_EQ(batch.action[b][i].item<float>(), expected(step, i));
        }
      }
      for (int64_t b = 0; b < 10; ++b) {
        const auto step = static_cast<int64_t>(runs.reward[b][0].item<float>());
        for (int64_t t = 0; t <= 3; ++t) {
          ASSERT_EQ(runs.obs.at("observation")[b][t][16].item<float>(), expected(step + t, 16));
        }
      }
    }
  }
}

TEST(ReplayBuffer, MisuseIsNamed) {
  ReplayBuffer replay(CountingEnvs::spec(), 30, 3, at::kCPU);
  Rng rng(6);
  EXPECT_THROW(replay.sample(1, {}, rng), Error);
  CountingEnvs envs(3);
  EXPECT_THROW(envs.step(replay), Error);  // add() before start()
  EXPECT_THROW(ReplayBuffer(CountingEnvs::spec(), 8, 3, at::kCPU), Error);
  EXPECT_THROW(ReplayBuffer(CountingEnvs::spec(), 8, 0, at::kCPU), Error);
}

}  // namespace
}  // namespace reverie
