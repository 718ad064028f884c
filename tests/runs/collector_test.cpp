// Collecting through the library with a learner: what it sees, and what remains if it fails while
// environments step.

#include "runs/collector.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/ddpg/ddpg.h"
#include "agents/space_adapter.h"
#include "agents/training/transition_learner.h"
#include "nn/checkpoint.h"
#include "nn/pch.h"
#include "nn/state_list.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::HasSubstr;

constexpr int64_t kLanes = 2;

// Signals between the environments and the learner. The learner fails in the second round, after
// one environment has finished its step and while the other is stepping.
struct Stage {
  std::atomic<int> steps = 0;   // begun
  std::atomic<int> inside = 0;  // under way
  std::atomic<bool> fails = false;
};

// One number, which is goal and achieved goal; every episode has one step.
class StagedEnv final : public Env {
 public:
  explicit StagedEnv(Stage& stage) : stage_(stage) {
    for (const char* name : {"observation", "achieved_goal", "desired_goal"}) {
      spec_.observation.push_back({.name = name, .shape = {2}});
    }
    spec_.id = "staged";
    spec_.action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}};
    spec_.max_steps = 1;
  }

  const EnvSpec& spec() const override { return spec_; }
  void reset(uint64_t /*seed*/, FieldViews obs) override { observe(obs); }
  StepResult step(ConstFieldView /*action*/, FieldViews obs) override {
    ++stage_.inside;
    if (++stage_.steps == 2 * kLanes) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    observe(obs);
    --stage_.inside;
    return {.reward = 1.0, .truncated = true};
  }
  std::vector<double> state() const override { return {}; }
  void set_state(std::span<const double> /*state*/) override {}
  void draw(Canvas& /*canvas*/, View /*view*/) const override {}
  PhysicsState* physics() override { return &physics_; }

 private:
  class Physics final : public PhysicsState {
   public:
    explicit Physics(Stage& stage) : stage_(stage) {}
    std::vector<Part> parts() const override { return {}; }
    void get(std::string_view /*part*/, std::span<double> /*out*/) const override {}
    void set(std::string_view /*part*/, std::span<const double> /*values*/) override {}
    void observe(FieldViews /*obs*/) const override {}

    // Called while the learner draws its batch.
    std::optional<StepResult> outcome(std::span<const double> /*achieved*/,
                                      std::span<const double> /*desired*/) const override {
      if (!stage_.fails) return StepResult{};
      while (stage_.steps < 2 * kLanes) std::this_thread::yield();
      fail_input("the learner fails");
    }

   private:
    Stage& stage_;
  };

  static void observe(FieldViews obs) {
    for (const FieldView& view : obs) {
      for (float& value : view.as<float>()) value = 0.0F;
    }
  }

  Stage& stage_;
  EnvSpec spec_;
  Physics physics_{stage_};
};

class StagedConfig final : public EnvConfig {
 public:
  explicit StagedConfig(Stage& stage) : stage_(stage) {}
  void describe(ConfigFields& /*fields*/) override {}
  EnvMaker maker() const override {
    return [&stage = stage_] { return std::make_unique<StagedEnv>(stage); };
  }

 private:
  Stage& stage_;
};

// Counts episodes, and checks whether environments step while they are written.
class WatchingWriter final : public DatasetWriter {
 public:
  WatchingWriter(const DatasetSchema& schema, const Stage& stage)
      : DatasetWriter(schema), stage_(stage) {}
  void append(const EpisodeData& episode) override {
    check(episode);
    races_ += stage_.inside > 0 ? 1 : 0;
    steps_ += episode.length();
    ++episodes_;
    std::vector<float> actions(episode.action.size() / sizeof(float));
    std::memcpy(actions.data(), episode.action.data(), episode.action.size());
    actions_.insert(actions.begin(), actions.end());
  }
  void commit() override {}
  int races() const { return races_; }
  const std::set<float>& actions() const { return actions_; }

 private:
  const Stage& stage_;
  int races_ = 0;
  std::set<float> actions_;
};

// A learner in staged environments. It begins to learn after so many steps.
struct StagedLearner {
  StagedLearner(Stage& stage, int64_t learning_starts) {
    config.env_config = std::make_unique<StagedConfig>(stage);
    training.gathering.num_envs = kLanes;
    training.gathering.learning_starts = learning_starts;
    training.replay.replay_capacity = 100;
    config.agent_config = std::make_unique<DdpgConfig>();
  }
  EnvMaker maker() const { return config.env_config->maker(); }
  TransitionLearner make() const {
    return {config, training, SpaceAdapter::adapt(maker()()->spec()), kLanes};
  }

  RunConfig config;
  TransitionTraining training;
};

TEST(Collector, ALearnerSeesTheActionsWithTheirNoise) {
  Stage stage;
  const StagedLearner staged(stage, /*learning_starts=*/1000);
  TransitionLearner learner = staged.make();
  CollectOptions options{.steps = 20, .threads = 1, .noise = 0.4, .lanes = kLanes};
  options.learner = &learner;
  Collector collector(staged.maker(), nullptr, options);
  WatchingWriter writer(collector.schema(), stage);
  const std::atomic<bool> stop = false;
  ASSERT_FALSE(collector.run(writer, stop, [](const EpisodeData&) {}));
  StateList list;
  learner.state(list, /*with_replay=*/true);
  Checkpoint checkpoint;
  list.save(checkpoint);
  const at::Tensor stored = checkpoint.reader("replay").read("replay.action").flatten();
  std::set<float> seen;
  for (int64_t i = 0; i < stored.numel(); ++i) seen.insert(stored[i].item<float>());
  EXPECT_GE(writer.actions().size(), 10U);
  for (const float action : writer.actions()) EXPECT_TRUE(seen.contains(action)) << action;
}

TEST(Collector, WaitsForTheEnvironmentsWhenTheLearnerFails) {
  Stage stage;
  StagedLearner staged(stage, /*learning_starts=*/0);
  staged.training.replay.prefetch = false;
  staged.training.hindsight = {.goal_strategy = "final", .goal_ratio = 1.0};
  auto agent = std::make_unique<DdpgConfig>();
  agent->hidden_sizes = {4};
  agent->minibatch = 2;
  staged.config.agent_config = std::move(agent);
  TransitionLearner learner = staged.make();
  CollectOptions options{.steps = 100, .threads = 2, .lanes = kLanes};
  options.learner = &learner;
  Collector collector(staged.maker(), nullptr, options);
  WatchingWriter writer(collector.schema(), stage);
  stage.fails = true;
  const std::atomic<bool> stop = false;
  const std::exception_ptr failure = collector.run(writer, stop, [](const EpisodeData&) {});
  ASSERT_TRUE(failure);
  EXPECT_THAT(test::input_error([&] { std::rethrow_exception(failure); }),
              HasSubstr("the learner fails"));
  EXPECT_EQ(writer.races(), 0) << "an environment stepped while its episodes were written";
  EXPECT_EQ(writer.episodes(), 2 * kLanes) << "the round under way was made";
}

}  // namespace
}  // namespace reverie
