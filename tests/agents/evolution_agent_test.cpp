#include "agents/evolution/evolution_agent.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/evolution/candidate_policies.h"
#include "agents/evolution/evolution_training.h"
#include "agents/evolution/population_trainer.h"
#include "agents/run_config.h"
#include "nn/noise_source.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

EnvSpec vector_action(int64_t size) {
  return {.id = "vector",
          .observation = {},
          .action = Field{.name = "action", .shape = {size}, .low = {-1.0F}, .high = {1.0F}}};
}

EnvSpec choices(int64_t count) {
  return {.id = "choices", .observation = {}, .action = DiscreteSpace{count}};
}

// The controllers of the paper: 288 inputs and 3 actions of car racing, 867 weights; with 40 hidden
// units behind 32 latent numbers, 1,443 (Ha & Schmidhuber 2018, appendix A.3).
TEST(CandidatePolicies, HaveThePapersNumbersOfWeights) {
  EXPECT_EQ(CandidatePolicies(vector_action(3), 288, {}).size(), 867);
  EXPECT_EQ(CandidatePolicies(vector_action(3), 32, {40}).size(), 1443);
}

TEST(CandidatePolicies, EachActsByItsOwnWeights) {
  const CandidatePolicies policies(vector_action(2), 3, {4});
  at::manual_seed(3);
  const at::Tensor weights = at::randn({5, policies.size()});
  const at::Tensor features = at::randn({5, 6, 3});
  const at::Tensor actions = policies.act(weights, features);
  ASSERT_EQ(actions.sizes(), at::IntArrayRef({5, 6, 2}));
  for (int64_t i = 0; i < 5; ++i) {
    const at::Tensor w = weights[i];
    const at::Tensor hidden =
        at::tanh(at::linear(features[i], w.narrow(0, 0, 12).view({4, 3}), w.narrow(0, 12, 4)));
    const at::Tensor expected =
        at::tanh(at::linear(hidden, w.narrow(0, 16, 8).view({2, 4}), w.narrow(0, 24, 2)));
    EXPECT_LT(max_difference(actions[i], expected), 1e-6) << i;
  }
  const CandidatePolicies discrete(choices(3), 2, {});
  // Choice 1 has the greatest weight of the first feature, choice 2 the greatest bias.
  const at::Tensor of_choices = at::tensor({0.0F, 0.0F, 2.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 1.0F});
  const at::Tensor chosen =
      discrete.act(of_choices.unsqueeze(0), at::tensor({1.0F, 0.0F, 0.1F, 0.0F}).view({1, 2, 2}));
  EXPECT_TRUE(at::equal(chosen, at::tensor({1, 2}, at::kLong).unsqueeze(0)));
}

// Candidates act on any device and read no value there; the strategy itself is on the CPU.
TEST(CandidatePolicies, ReadNoValue) {
  const CandidatePolicies policies(choices(3), 2, {4});
  const at::Tensor chosen =
      policies.act(at::zeros({5, policies.size()}, at::kMeta), at::zeros({5, 6, 2}, at::kMeta));
  EXPECT_EQ(chosen.sizes(), at::IntArrayRef({5, 6}));
}

RunConfig point_run(const std::string& population, const std::string& episodes,
                    const std::string& sigma) {
  RunConfig config;
  config.env = "point";
  config.agent = "evolution";
  config.threads = 1;
  config.steps = 1000000;
  config.env_config = std::make_unique<test::PointConfig>(test::PointOptions{.max_steps = 3});
  config.agent_config = std::make_unique<EvolutionConfig>();
  config.training = std::make_unique<EvolutionTraining>();
  ConfigFields fields;
  config.agent_config->describe(fields);
  fields.set("population", population);
  fields.set("episodes", episodes);
  fields.set("initial_sigma", sigma);
  return config;
}

struct Generation {
  double best, mean;
  int64_t steps;
};

// Plays the next generation.
Generation play(Trainer& trainer) {
  const int64_t before = trainer.counts().updates, steps = trainer.counts().steps;
  while (trainer.counts().updates == before) trainer.turn();
  Generation generation{};
  generation.steps = trainer.counts().steps - steps;
  for (const auto& [name, value] : trainer.metrics().values) {
    if (name == "evolution/best") generation.best = value;
    if (name == "evolution/mean") generation.mean = value;
  }
  return generation;
}

// Candidates that are nearly equal return nearly the same where they play the same episodes, which
// are others in the next generation. How many play side by side makes no difference.
TEST(EvolutionTraining, AllCandidatesPlayTheSameEpisodes) {
  std::vector<double> first;
  for (const auto& [population, episodes, lanes] :
       {std::tuple("6", "4", 24), std::tuple("40", "4", 80), std::tuple("130", "4", 130)}) {
    const RunConfig config = point_run(population, episodes, "1e-9");
    const auto trainer = config.training->make(config, {});
    trainer->start();
    const Generation one = play(*trainer), two = play(*trainer);
    EXPECT_NEAR(one.best, one.mean, 1e-5) << population;
    EXPECT_LT(one.mean, -0.1);
    EXPECT_GT(std::abs(one.mean - two.mean), 1e-3) << population;
    EXPECT_EQ(one.steps, 3 * 4 * std::stoi(population)) << population;
    EXPECT_EQ(one.steps % lanes, 0);
    first.push_back(one.mean);
  }
  EXPECT_NEAR(first[0], first[1], 1e-5);
  EXPECT_NEAR(first[0], first[2], 1e-5);
}

// All candidates return the same: nothing can be learnt.
TEST(EvolutionTraining, EndsWhereNothingCanBeLearnt) {
  RunConfig config = point_run("4", "1", "0.5");
  config.env_config = std::make_unique<test::PointConfig>(test::PointOptions{
      .max_steps = 3, .hook = [](int64_t /*lifetime*/, double /*reward*/) { return 1.0; }});
  const auto trainer = config.training->make(config, {});
  trainer->start();
  while (!trainer->counts().is_done && trainer->counts().steps < 6000) trainer->turn();
  EXPECT_TRUE(trainer->counts().is_done);
  EXPECT_GT(trainer->counts().updates, 20);
}

// Episodes of unequal length: a candidate's steps behind its last episode do not count.
TEST(EvolutionTraining, CountsOnlyStepsOfTheCandidatesEpisodes) {
  RunConfig config = point_run("8", "2", "2.0");
  config.env_config =
      std::make_unique<test::PointConfig>(test::PointOptions{.max_steps = 40, .goal_radius = 0.5});
  const auto trainer = config.training->make(config, {});
  trainer->start();
  while (trainer->counts().updates == 0) trainer->turn();
  int64_t played = 0;
  for (const auto& [name, tensor] : tensors_of(trainer->agent())) {
    if (name.ends_with("count")) played = static_cast<int64_t>(tensor.item<double>());
  }
  EXPECT_EQ(trainer->counts().steps, played);
  EXPECT_LT(played, 8 * 2 * 40);
}

// Notes the environments that it is told are idle, and acts at random.
class IdleNotes final : public PopulationAgent {
 public:
  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t /*seed*/) override {
    return nullptr;
  }
  std::unique_ptr<Actor> begin_generation(int64_t num_envs) override {
    idle = at::zeros({num_envs}, at::kBool);
    strategy_->ask();
    return std::make_unique<Player>(*this);
  }
  void end_generation(const std::vector<double>& returns) override { strategy_->tell(returns); }
  const EvolutionStrategy& strategy() const override { return *strategy_; }
  int64_t episodes() const override { return 2; }
  void state(StateList& /*list*/) override {}

  int64_t idle_count() const { return idle.defined() ? idle.sum().item<int64_t>() : 0; }

  at::Tensor idle;

 private:
  class Player final : public Actor {
   public:
    explicit Player(IdleNotes& agent) : agent_(agent), noise_(at::kCPU, 3) {}
    Decision act(const TensorMap& obs) override {
      return {at::tanh(noise_.normal({obs.at("position").size(0), 2}))};
    }
    void on_episode_start(const at::Tensor& mask) override {
      agent_.idle = agent_.idle.logical_and(mask.logical_not());
    }
    void on_idle(const at::Tensor& mask) override { agent_.idle = agent_.idle.logical_or(mask); }

   private:
    IdleNotes& agent_;
    NoiseSource noise_;
  };

  std::unique_ptr<EvolutionStrategy> strategy_ =
      make_evolution_strategy({.population = 4}, at::zeros({2}), 1);
};

// Environments whose candidates have played their episodes do not count as steps, and the actor
// knows them: episodes here end at the goal, at different times.
TEST(PopulationTrainer, SaysWhichEnvironmentsAreIdle) {
  IdleNotes agent;
  RunConfig config;
  config.threads = 1;
  config.env_config =
      std::make_unique<test::PointConfig>(test::PointOptions{.max_steps = 40, .goal_radius = 0.5});
  PopulationTrainer trainer(agent, config.env_config->spec(), population_task(config, {}, 1000));
  int64_t most = 0;
  while (trainer.counts().updates == 0) {
    const int64_t idle = agent.idle_count(), before = trainer.counts().steps;
    trainer.turn();
    EXPECT_EQ(trainer.counts().steps - before, 8 - idle);
    most = std::max(most, idle);
  }
  EXPECT_GT(most, 0);
}

// The mean of the distribution acts, not a candidate.
TEST(EvolutionTraining, EvaluationActsWithTheMean) {
  const RunConfig config = point_run("6", "2", "0.5");
  const auto trainer = config.training->make(config, {});
  trainer->start();
  const TensorMap obs{{"position", at::full({1, 2}, 0.5)}, {"clock", at::zeros({1})}};
  const auto actor = trainer->agent().actor(1, {}, 1);
  EXPECT_EQ(actor->act(obs).action.abs().max().item<double>(), 0.0);
  play(*trainer);
  auto& agent = dynamic_cast<EvolutionAgent&>(trainer->agent());
  const at::Tensor mean = agent.strategy().mean().to(at::kFloat).unsqueeze(0);
  EXPECT_GT(actor->act(obs).action.abs().max().item<double>(), 0.0);
  EXPECT_EQ(max_difference(actor->act(obs).action, agent.act(mean, obs)), 0.0);
}

TEST(EvolutionTraining, ARunEndsWithAWholeGeneration) {
  RunConfig config = point_run("6", "2", "0.5");
  config.steps = 40;  // a generation has 36
  const auto trainer = config.training->make(config, {});
  trainer->start();
  while (trainer->counts().position < config.steps) trainer->turn();
  EXPECT_EQ(trainer->counts().position, 72);
  EXPECT_EQ(trainer->counts().updates, 2);
}

TEST(EvolutionConfig, RefusesPicturesAlone) {
  const EnvSpec spec = test::PointEnv::make_spec({.pictures = true});
  EXPECT_THAT(test::input_error([&] { EvolutionConfig().make(spec, at::kCPU, 1); }),
              testing::HasSubstr("point-pixels"));
}

}  // namespace
}  // namespace reverie
