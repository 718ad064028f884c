// The contract of training for every agent of the registry that learns.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/tabular/sweep_training.h"
#include "agents/training/transition_trainer.h"
#include "core/random.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/agents/training_run.h"
#include "tests/agents/variants.h"
#include "tests/checkpoints.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::group_of;

std::vector<std::string> learning_agents() {
  std::vector<std::string> names = {
      "ddpg/noise_correlation=0.9",           "iql/extraction=ddpg-bc",
      "iql/extraction=awr-discrete",          "iql/deviation=dependent",
      "bc/policy=binned/autoregressive=true", "bc/bottleneck=0.01"};
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.learns() && entry.acts) names.push_back(entry.name);
  }
  return names;
}

// A run of a few seconds. Options that the agent does not have are left out.
class SmallRun : public test::TrainingRun {
 public:
  explicit SmallRun(const std::string& name) {
    const AgentEntry& entry = find_agent(test::agent_of(name));
    config.agent = entry.name;
    config.threads = 1;
    config.steps = 160;
    config.agent_config = test::config_of(name);
    config.training = entry.training();
    if (auto* transitions = dynamic_cast<TransitionTraining*>(config.training.get())) {
      transitions->imitates =
          false;  // an imitator gathers too: for the run, not for what it learns
    }
    if (entry.reads_pixels) {
      config.env = "maze2d-umaze";
      config.env_config = find_env(config.env).config();
      config.env_config->set_option("observation", "pixels");
      config.env_config->set_option("image_size", "16x16");
      config.env_config->set_option("max_steps", "25");
    } else if (reads_table()) {
      config.env = "gridmaze-umaze";
      config.env_config = find_env(config.env).config();
      config.env_config->set_option("max_steps", "11");
    } else {
      config.env = "point";
      config.env_config = std::make_unique<test::PointConfig>(
          test::PointOptions{.max_steps = 11,
                             .discrete = !plays_continuous_actions(),
                             .pictures = test::asks_for(name, "pictures")});
    }
    for (const auto& [option, value] :
         std::vector<std::pair<std::string, std::string>>{{"num_envs", "4"},
                                                          {"learning_starts", "40"},
                                                          {"updates_per_step", "0.25"},
                                                          {"replay_capacity", "240"},
                                                          {"log_every", "20"},
                                                          {"checkpoint_every", "40"},
                                                          {"keep_checkpoints", "10"},
                                                          {"evaluate_every", "0"},
                                                          {"evaluate_episodes", "7"},
                                                          {"decoder_updates", "20"},
                                                          {"vae_updates", "30"},
                                                          {"rnn_updates", "30"},
                                                          {"checkpoint_minutes", "0"},
                                                          {"rnn_minibatch", "4"},
                                                          {"vae_minibatch", "4"},
                                                          {"minibatch", "8"},
                                                          {"population", "4"},
                                                          {"episodes", "1"},
                                                          {"rollout_steps", "5"},
                                                          {"sequence_length", "5"},
                                                          {"memory_size", "6"},
                                                          {"hidden_sizes", "16"},
                                                          {"latent_size", "4"},
                                                          {"encoder_channels", "4,8"},
                                                          {"predictor_width", "8"},
                                                          {"history", "2"},
                                                          {"slices", "8"},
                                                          {"theta", "0"}}) {
      set(option, value);
    }
  }

  bool suits(const EnvSpec& spec) const {
    try {
      config.agent_config->make(SpaceAdapter::adapt(spec), at::kCPU, 0);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  bool plays_continuous_actions() const { return suits(test::PointEnv::make_spec({})); }
  bool reads_table() const { return suits(test::table_spec()) && !suits(test::discrete_spec()); }

  // False where neither training nor agent has the option.
  bool set(const std::string& option, const std::string& value) {
    ConfigFields fields;
    config.training->describe(fields);
    fields.section("agent");
    config.agent_config->describe(fields);
    const ConfigField* field = fields.find(option);
    if (field != nullptr) ConfigFields::set(*field, value, option);
    return field != nullptr;
  }
};

// Weights, optimisers, environments, counters and generators.
void expect_same_state(const Checkpoint& a, const Checkpoint& b) {
  for (const char* group : {"model", "optimizer", "environments"}) {
    SCOPED_TRACE(group);
    ASSERT_EQ(a.has_group(group), b.has_group(group));
    if (a.has_group(group)) test::expect_same_bits(group_of(a, group), group_of(b, group));
  }
  EXPECT_EQ(a.texts(), b.texts());
}

// Of all stages.
int64_t updates_of(const Checkpoint& checkpoint) {
  int64_t sum = 0;
  for (const auto& [name, value] : checkpoint.texts()) {
    if (name == "updates" || name.ends_with(".updates")) sum += checkpoint.integer(name);
  }
  return sum;
}

class TrainingContract : public testing::TestWithParam<std::string> {};

TEST_P(TrainingContract, EvaluationByOtherEnvironmentsAndAKillInTheMiddleChangeNothing) {
  SmallRun straight(GetParam()), evaluated(GetParam()), killed(GetParam());
  straight.train();
  const bool evaluates =
      evaluated.set("evaluate_every", "40") && killed.set("evaluate_every", "40");
  evaluated.train();
  expect_same_state(straight.latest(), evaluated.latest());
  if (evaluates) {
    EXPECT_THAT(evaluated.log_lines().front(), testing::HasSubstr("evaluation/return"));
  }
  killed.train();
  killed.forget_after(80);
  ASSERT_EQ(killed.latest().integer("step"), 80);
  EXPECT_GT(updates_of(killed.latest()), 0);
  killed.resume();
  expect_same_state(straight.latest(), killed.latest());
}

// The mean of the values that metrics.csv has in a column; NaN without one.
double logged_mean(const test::TrainingRun& run, const std::string& column) {
  double sum = 0.0;
  int64_t count = 0;
  for (const std::optional<double>& value : run.logged(column)) {
    if (!value) continue;
    sum += *value;
    ++count;
  }
  return sum / static_cast<double>(count);
}

void expect_limit_in_training_alone(const std::string& variant, const char* limit) {
  SmallRun straight(variant), killed(variant);
  const bool is_point = straight.config.env == "point";
  for (SmallRun* run : {&straight, &killed}) {
    if (!run->set(limit, is_point ? "3" : "20")) GTEST_SKIP() << "gathers otherwise";
    run->set("evaluate_every", "40");
  }
  straight.train();
  killed.train();
  killed.forget_after(80);
  killed.resume();
  expect_same_state(straight.latest(), killed.latest());
  const double evaluated = logged_mean(straight, "evaluation/return");
  if (!is_point || std::isnan(evaluated)) return;
  // Episodes of 3 steps against 11, each with a reward below 0.
  EXPECT_LT(evaluated, 1.8 * logged_mean(straight, "env/return"));
}

// No step of the point earns a reward above 0, and few of a maze's.
TEST_P(TrainingContract, StalledEpisodesEndInTrainingAlone) {
  expect_limit_in_training_alone(GetParam(), "stall_limit");
}

TEST_P(TrainingContract, EpisodesBeyondTheLimitEndInTrainingAlone) {
  expect_limit_in_training_alone(GetParam(), "episode_limit");
}

TEST_P(TrainingContract, TheSeedDecidesTheRun) {
  SmallRun one(GetParam()), same(GetParam()), other(GetParam());
  if (dynamic_cast<SweepTraining*>(one.config.training.get()) != nullptr) {
    GTEST_SKIP() << "nothing is drawn";
  }
  other.config.seed = 2;
  one.train();
  same.train();
  other.train();
  expect_same_state(one.latest(), same.latest());
  const TensorMap weights = group_of(one.latest(), "model");
  const TensorMap others = group_of(other.latest(), "model");
  EXPECT_FALSE(at::equal(weights.begin()->second, others.begin()->second));
}

INSTANTIATE_TEST_SUITE_P(
    Registry, TrainingContract,
    testing::ValuesIn(test::with_picture_ones(test::with_recurrent_ones(learning_agents()))),
    test::variant_test_name);

}  // namespace
}  // namespace reverie
