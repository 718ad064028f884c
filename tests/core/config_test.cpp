#include "core/config.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::HasSubstr;

struct Sample {
  int64_t steps = 1000;
  double gamma = 0.99;
  bool normalise = false;
  std::string device = "cpu";
  std::vector<int64_t> hidden = {256, 256};

  ConfigFields fields() {
    ConfigFields f;
    f.add("steps", steps, "environment steps", at_least(1));
    f.section("agent");
    f.add("gamma", gamma, "discount per step", {.low = 0, .high = 1, .open_high = true});
    f.add("normalise", normalise, "normalise observations");
    f.add("device", device, "where tensors live", {"cpu", "cuda"});
    f.add("hidden_sizes", hidden, "widths of the hidden layers", between(1, 8192));
    return f;
  }
};

TEST(Config, DumpReadsBackEqual) {
  Sample written{
      .steps = 12, .gamma = 1.0 / 3.0, .normalise = true, .device = "cuda", .hidden = {}};
  Sample read;
  read.fields().load_toml_text(written.fields().to_toml(), "dump");
  EXPECT_EQ(read.steps, 12);
  EXPECT_EQ(read.gamma, 1.0 / 3.0);
  EXPECT_TRUE(read.normalise);
  EXPECT_EQ(read.device, "cuda");
  EXPECT_TRUE(read.hidden.empty());
}

TEST(Config, StringsAreEscapedInTheDump) {
  std::string tricky = "a \"quoted\" \\ path\nwith a line\tand a tab, caf\xc3\xa9";
  ConfigFields f;
  f.add("map", tricky, "path");
  const std::string dump = f.to_toml();
  const std::string expected = tricky;
  tricky.clear();
  f.load_toml_text(dump, "dump");
  EXPECT_EQ(tricky, expected);
}

TEST(Config, OpenBoundsAreOutside) {
  EXPECT_FALSE(above(0).contains(0.0));
  EXPECT_TRUE(above(0).contains(1e-300));
  EXPECT_TRUE(at_least(0).contains(0.0));
  const Range open{.low = 0, .high = 1, .open_low = true, .open_high = true};
  EXPECT_FALSE(open.contains(0.0));
  EXPECT_TRUE(open.contains(0.5));
  EXPECT_FALSE(open.contains(1.0));
  EXPECT_TRUE(between(0, 1).contains(0.0));
  EXPECT_TRUE(between(0, 1).contains(1.0));
}

TEST(Config, FlagsParse) {
  Sample s;
  const ConfigFields f = s.fields();
  f.set("steps", "2e6");
  f.set("gamma", "0.5");
  f.set("hidden_sizes", "64,32");
  EXPECT_EQ(s.steps, 2000000);
  EXPECT_EQ(s.gamma, 0.5);
  EXPECT_EQ(s.hidden, (std::vector<int64_t>{64, 32}));
  f.set("hidden_sizes", "[128, 16,8]");
  EXPECT_EQ(s.hidden, (std::vector<int64_t>{128, 16, 8}));
  f.set("hidden_sizes", "[]");
  EXPECT_TRUE(s.hidden.empty());
  EXPECT_THAT(input_error([&] { f.set("hidden_sizes", ""); }), HasSubstr("hidden_sizes"));
  EXPECT_EQ(f.find("hidden_sizes")->flag(), "--hidden-sizes");
}

TEST(Config, BadFlagsNameFlagValueAndExpectation) {
  Sample s;
  const ConfigFields f = s.fields();
  const auto set = [&](const char* name, const char* text) {
    return input_error([&] { ConfigFields::set(*f.find(name), text, f.find(name)->flag()); });
  };
  EXPECT_THAT(set("gamma", "1.0"), HasSubstr("--gamma: found 1, expected [0, 1)"));
  EXPECT_THAT(set("gamma", "nan"), HasSubstr("--gamma"));
  EXPECT_THAT(set("gamma", "0.9x"), HasSubstr("found '0.9x', expected number"));
  EXPECT_THAT(set("steps", "0"), HasSubstr(">= 1"));
  EXPECT_THAT(set("steps", "1.5"), HasSubstr("expected integer"));
  EXPECT_THAT(set("steps", "99999999999999999999"), HasSubstr("--steps"));
  EXPECT_THAT(set("steps", ""), HasSubstr("expected integer"));
  EXPECT_THAT(set("normalise", "maybe"), HasSubstr("true|false"));
  EXPECT_THAT(set("device", "cudo"), HasSubstr("did you mean 'cuda'?"));
  EXPECT_THAT(set("hidden_sizes", "64,,32"), HasSubstr("--hidden-sizes"));
  EXPECT_THAT(set("hidden_sizes", "[64, 32"), HasSubstr("--hidden-sizes"));
  EXPECT_THAT(set("gamma", "inf"), HasSubstr("--gamma"));
  EXPECT_THAT(input_error([&] { f.set("gamma", "2"); }), HasSubstr("gamma: found 2"));
  EXPECT_THAT(input_error([&] { f.set("gama", "0.5"); }), HasSubstr("unknown option 'gama'"));
  EXPECT_EQ(s.gamma, 0.99);
}

TEST(Config, BadTomlNamesLineKeyAndNearest) {
  Sample s;
  const auto load = [&](const char* text) {
    return input_error([&] { s.fields().load_toml_text(text, "x.toml"); });
  };
  EXPECT_THAT(load("[agent]\ngama = 0.5\n"),
              HasSubstr("x.toml:2: unknown key 'agent.gama'; did you mean 'agent.gamma'?"));
  EXPECT_THAT(load("gamma = 0.5\n"), HasSubstr("x.toml:1: unknown key"));
  EXPECT_THAT(load("[agnt]\ngamma = 0.5\n"), HasSubstr("did you mean 'agent'?"));
  EXPECT_THAT(load("[agent]\ngamma = \"x\"\n"),
              HasSubstr("agent.gamma: found 'x', expected number"));
  EXPECT_THAT(load("steps = 1.5\n"), HasSubstr("expected integer"));
  EXPECT_THAT(load("steps = \n"), HasSubstr("x.toml:1"));
  EXPECT_THAT(load("[agent]\nhidden_sizes = [1, \"a\"]\n"), HasSubstr("hidden_sizes"));
  EXPECT_THAT(load("[agent]\nhidden_sizes = [0]\n"), HasSubstr("[1, 8192]"));
  // Nothing is assigned when a later line is wrong.
  EXPECT_THAT(load("steps = 5\n[agent]\ngamma = 7\n"), HasSubstr("found 7"));
  EXPECT_EQ(s.steps, 1000);
}

TEST(Config, OneNameOnceAcrossSections) {
  Sample s;
  ConfigFields f = s.fields();
  f.section("other");
  EXPECT_THROW(f.add("gamma", s.gamma, "again"), Error);
}

// A short name gives way to a field that is called so, whichever is described first.
TEST(Config, ShortNamesGiveWayToWholeOnes) {
  double dream = 1.0, planner = 2.0;
  ConfigFields alone;
  alone.add("dream_temperature", dream, "of dreams");
  alone.set_short_name("dream_temperature", "temperature");
  alone.set("temperature", "1.15");
  EXPECT_EQ(dream, 1.15);
  EXPECT_EQ(alone.find("dream_temperature")->short_flag(), "--temperature");
  EXPECT_THAT(alone.to_toml(), AllOf(HasSubstr("dream_temperature = 1.15"),
                                     testing::Not(HasSubstr("\ntemperature"))));

  ConfigFields before = alone, after;
  before.add("temperature", planner, "of a planner");
  after.add("temperature", planner, "of a planner");
  after.add("dream_temperature", dream, "of dreams");
  after.set_short_name("dream_temperature", "temperature");
  for (const ConfigFields* both : {&before, &after}) {
    dream = planner = 1.0;
    both->set("temperature", "3");
    EXPECT_EQ(planner, 3.0);
    EXPECT_EQ(dream, 1.0);
    EXPECT_EQ(both->find("dream_temperature")->short_flag(), "");
  }
  EXPECT_THROW(after.set_short_name("no_such", "x"), Error);
}

TEST(Config, MissingFileIsNamed) {
  Sample s;
  EXPECT_THAT(input_error([&] { s.fields().load_toml("/nonexistent/run.toml"); }),
              HasSubstr("/nonexistent/run.toml: no such file"));
}

TEST(Config, OneStringIsReadWithoutCheckingTheRest) {
  const std::string file = testing::TempDir() + "/toml_string_test.toml";
  std::ofstream(file) << "other = 3\n[run]\nenv = \"maze\"\nsteps = 4\n";
  EXPECT_EQ(toml_string(file, "run.env"), "maze");
  EXPECT_EQ(toml_string(file, "run.agent"), "");
  EXPECT_EQ(toml_string(file, "other.env"), "");
  EXPECT_THAT(input_error([&] { toml_string(file, "run.steps"); }), HasSubstr(":4: run.steps"));
}

TEST(Config, MarksFieldsThatARunKeeps) {
  int64_t lanes = 1, rate = 2;
  ConfigFields fields;
  fields.add("lanes", lanes, "shape");
  fields.add("rate", rate, "speed");
  fields.set_lifelong({"lanes"});
  EXPECT_TRUE(fields.find("lanes")->is_lifelong);
  EXPECT_FALSE(fields.find("rate")->is_lifelong);
  EXPECT_THROW(fields.set_lifelong({"lane"}), Error);
}

}  // namespace
}  // namespace reverie
