#include "agents/run_config.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/training/transition_trainer.h"
#include "core/file.h"
#include "envs/registry.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

template <typename Visit>
void for_each_pair(const Visit& visit) {
  for (const EnvEntry& env : env_registry()) {
    for (const AgentEntry& agent : agent_registry()) {
      SCOPED_TRACE(env.id + " " + agent.name);
      visit(env.id, agent.name);
    }
  }
}

// Gives every field another valid value.
void change_everything(const ConfigFields& fields) {
  for (const ConfigField& field : fields.all()) {
    if (field.name == "env" || field.name == "agent") continue;
    std::visit(
        [&](auto* value) {
          using T = std::remove_pointer_t<decltype(value)>;
          if constexpr (std::is_same_v<T, bool>) {
            *value = !*value;
          } else if constexpr (std::is_same_v<T, int64_t>) {
            *value += field.range.contains(static_cast<double>(*value + 1)) ? 1 : -1;
          } else if constexpr (std::is_same_v<T, double>) {
            const double smaller = *value * 0.7 + 0.1;
            if (field.range.contains(smaller)) *value = smaller;
          } else if constexpr (std::is_same_v<T, std::string>) {
            *value = field.choices.empty() ? "a \"quoted\"\ttext" : field.choices.back();
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            value->push_back("another \"text\"");
          } else {
            value->push_back(7);
          }
        },
        field.value);
  }
}

TEST(RunConfig, EveryPairDumpsAndLoadsBackEqual) {
  for_each_pair([](const std::string& env, const std::string& agent) {
    const auto config = make_run_config(env, agent);
    const ConfigFields fields = config->fields();  // throws where two sections share a name
    const std::string defaults = fields.to_toml();
    change_everything(fields);
    const std::string changed = fields.to_toml();
    EXPECT_NE(changed, defaults);
    const auto loaded = make_run_config(env, agent);
    const ConfigFields loaded_fields = loaded->fields();
    EXPECT_EQ(loaded_fields.to_toml(), defaults);
    loaded_fields.load_toml_text(changed, "changed");
    EXPECT_EQ(loaded_fields.to_toml(), changed);
    loaded_fields.load_toml_text(defaults, "defaults");
    EXPECT_EQ(loaded_fields.to_toml(), defaults);
  });
}

TEST(RunConfig, EveryFieldSaysWhatItIs) {
  for_each_pair([](const std::string& env, const std::string& agent) {
    const auto config = make_run_config(env, agent);
    const ConfigFields fields = config->fields();
    std::set<std::string> flags;
    for (const ConfigField& field : fields.all()) {
      EXPECT_FALSE(field.help.empty()) << field.name;
      EXPECT_TRUE(flags.insert(field.flag()).second) << field.flag();
    }
  });
}

class RunConfigFile : public testing::Test {
 protected:
  fs::path write(const std::string& text) const {
    write_file_atomically(folder_ / "config.toml", text);
    return folder_ / "config.toml";
  }

  test::TemporaryFolder folder_;
  std::string env_ = env_registry().front().id;
};

TEST_F(RunConfigFile, NamesItsOwnEnvironmentAndAgent) {
  const auto config = make_run_config(env_, "ddpg");
  config->seed = 41;
  dynamic_cast<TransitionTraining&>(*config->training).gathering.num_envs = 3;
  const fs::path file = write(config->fields().to_toml());
  EXPECT_EQ(peek_run_config(file), (std::pair<std::string, std::string>(env_, "ddpg")));
  const auto loaded = load_run_config(file);
  EXPECT_EQ(loaded->env, env_);
  EXPECT_EQ(loaded->agent, "ddpg");
  EXPECT_EQ(loaded->seed, 41);
  EXPECT_EQ(dynamic_cast<TransitionTraining&>(*loaded->training).gathering.num_envs, 3);
  EXPECT_EQ(loaded->fields().to_toml(), config->fields().to_toml());
}

TEST_F(RunConfigFile, ErrorsNameTheFileAndTheNearestName) {
  const auto load_error = [&](const std::string& text) {
    const fs::path file = write(text);
    return input_error([&] { load_run_config(file); });
  };
  const std::string head = fmt::format("[run]\nenv = \"{}\"\nagent = \"ddpg\"\n", env_);
  EXPECT_THAT(load_error("[run]\nagent = \"ddpg\"\n"),
              AllOf(HasSubstr("config.toml"), HasSubstr("`env`")));
  EXPECT_THAT(load_error(fmt::format("[run]\nenv = \"{}\"\n", env_)), HasSubstr("`agent`"));
  EXPECT_THAT(load_error(fmt::format("[run]\nenv = \"{}\"\nagent = \"dpdg\"\n", env_)),
              HasSubstr("did you mean 'ddpg'?"));
  EXPECT_THAT(load_error(fmt::format("[run]\nenv = \"{}x\"\nagent = \"ddpg\"\n", env_)),
              HasSubstr(fmt::format("did you mean '{}'?", env_)));
  EXPECT_THAT(load_error(head + "[agent]\ngama = 0.9\n"),
              AllOf(HasSubstr("config.toml"), HasSubstr("gamma")));
  EXPECT_THAT(load_error(head + "[training]\ngamma = 0.9\n"), HasSubstr("gamma"));
  EXPECT_THAT(load_error(head + "[agent]\ngamma = 1.5\n"), HasSubstr("1.5"));
  EXPECT_THAT(load_error(head + "seed = -1\n"), HasSubstr("seed"));
  EXPECT_THAT(input_error([&] { load_run_config(folder_ / "absent.toml"); }),
              HasSubstr("absent.toml"));
}

TEST(RunConfig, PurposesHaveSeedsOfTheirOwn) {
  RunConfig config;
  std::set<uint64_t> seeds;
  size_t made = 0;
  for (config.seed = 0; config.seed < 50; ++config.seed) {
    for (const char* purpose :
         {"agent", "warm-up", "sampling", "environments", "evaluation", "", "a", "b"}) {
      seeds.insert(config.seed_for(purpose));
      EXPECT_EQ(config.seed_for(purpose), config.seed_for(purpose));
      ++made;
    }
  }
  EXPECT_EQ(seeds.size(), made);
}

TEST(Presets, EveryFileLoadsForThePairItsNameSays) {
  const fs::path folder = fs::path(REVERIE_SOURCE_DIR) / "assets" / "presets";
  std::set<fs::path> named;
  for_each_pair([&](const std::string& env, const std::string& agent) {
    const fs::path file = find_preset(env, agent);
    const fs::path expected = folder / fmt::format("{}-{}.toml", env, agent);
    EXPECT_EQ(!file.empty(), fs::exists(expected));
    if (file.empty()) return;
    named.insert(file.filename());
    const auto config = make_run_config(env, agent);
    config->fields().load_toml(file);
    EXPECT_EQ(config->env, env) << file;
    EXPECT_EQ(config->agent, agent) << file;
    // Its options fit together: the agent can be made for the environment.
    if (find_agent(agent).reads_pixels) {
      config->env_config->set_option("observation", "pixels");
    }
    const EnvSpec spec = SpaceAdapter::adapt(config->env_config->spec());
    EXPECT_NE(config->agent_config->make(spec, at::kCPU, 0), nullptr) << file;
  });
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    EXPECT_TRUE(named.contains(entry.path().filename()))
        << entry.path() << " is named after no environment and agent";
  }
}

TEST(Presets, NoneIsNoError) {
  EXPECT_EQ(find_preset(env_registry().front().id, "no-such-agent"), fs::path());
}

}  // namespace
}  // namespace reverie
