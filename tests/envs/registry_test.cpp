#include "envs/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/envs/fake_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

struct FakeConfig final : EnvConfig {
  void describe(ConfigFields& /*fields*/) override {}
  EnvMaker maker() const override {
    return [] { return std::make_unique<test::FakeEnv>(0, test::Sabotage{}); };
  }
};

EnvEntry fake_entry(const std::string& id, const std::string& summary) {
  return {.id = id, .summary = summary, .config = [] { return std::make_unique<FakeConfig>(); }};
}

TEST(EnvRegistry, AProgramAddsItsOwn) {
  EXPECT_THAT(input_error([] { find_env("my-maze"); }), HasSubstr("unknown environment 'my-maze'"));
  add_environment(fake_entry("my-maze", "of the tests"));
  const EnvEntry& found = find_env("my-maze");
  EXPECT_EQ(found.summary, "of the tests");
  // It has wrappers as every other environment.
  const std::unique_ptr<EnvConfig> config = found.config();
  config->set_option("reward_scale", "3");
  EXPECT_NO_THROW(config->maker()());
  EXPECT_THAT(input_error([] { find_env("my-mase"); }), HasSubstr("did you mean 'my-maze'?"));
  EXPECT_THAT(input_error([] { add_environment(fake_entry("my-maze", "")); }),
              HasSubstr("'my-maze' exists already"));
  EXPECT_THAT(input_error([] { add_environment(fake_entry("half-cheetah", "")); }),
              HasSubstr("'half-cheetah' exists already"));
}

TEST(EnvRegistry, SchemesMakeEnvironmentsFromTheirIds) {
  int calls = 0;
  add_environments("copy", [&](std::string_view rest) {
    ++calls;
    return fake_entry("copy:" + std::string(rest), std::string(rest));
  });
  const EnvEntry& first = find_env("copy:runs/one");
  EXPECT_EQ(first.summary, "runs/one");
  EXPECT_EQ(find_env("copy:runs/two").summary, "runs/two");
  EXPECT_EQ(&find_env("copy:runs/one"), &first) << "it is made once and stays";
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(input_error([] { find_env("cpoy:x"); }), HasSubstr("copy:..."));
  EXPECT_THAT(input_error([] { add_environments("copy", {}); }), HasSubstr("exist already"));
}

}  // namespace
}  // namespace reverie
