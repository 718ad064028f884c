// The parser of command lines by itself.
#include "apps/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One target of every kind.
struct Targets {
  std::string run;
  std::vector<std::string> more;
  int64_t steps = 100;
  double speed = 1.5;
  std::string renderer = "canvas";
  bool json = false;
  bool simulator = true;
  ImageSize size = {640, 480};
  std::optional<double> noise;
  std::optional<ImageSize> frame;
  std::vector<int64_t> threads = {1, 2};
  std::vector<double> goal;
  std::vector<std::string> policies, metrics;
};

struct Fields {
  bool overlap = true;
  double gamma = 0.99;
  std::vector<std::string> vary;
  std::vector<int64_t> sizes = {8, 8};
  std::string look = "plain";

  ConfigFields all() {
    ConfigFields fields;
    fields.section("agent");
    fields.add("overlap", overlap, "while learning");
    fields.add("gamma", gamma, "discount", between(0, 1));
    fields.add("vary", vary, "factors");
    fields.add("sizes", sizes, "of layers", at_least(1));
    fields.add("look", look, "of the floor");
    return fields;
  }
};

class CommandLineOptions : public testing::Test {
 protected:
  CommandLineOptions() {
    line_.add("RUN", to_.run, {.help = "a folder", .required = true});
    line_.add("MORE", to_.more, {.help = "more of them"});
    line_.add("--steps", to_.steps, {.help = "to gather", .range = at_least(1)});
    line_.add("--speed", to_.speed, {.help = "of the film", .range = above(0)});
    line_.add("--renderer", to_.renderer, {.help = "draws", .choices = {"canvas", "mujoco"}});
    line_.add("--json", to_.json, {.help = "an object"});
    line_.add("--no-simulator", to_.simulator, {.help = "without it", .heading = "Goals"});
    line_.add("--size", to_.size, {.help = "of the film"});
    line_.add("--noise", to_.noise, {.help = "on actions", .fallback = "none"});
    line_.add("--frame", to_.frame, {.help = "of a frame"});
    line_.add("--threads", to_.threads, {.help = "counts", .range = between(1, 8)});
    line_.add("--goal", to_.goal, {.help = "a place"});
    line_.add("--policy", to_.policies, {.help = "who acts"});
    line_.add("--metric", to_.metrics, {.help = "columns", .commas = true});
    line_.add_fields(fields_.all());
  }

  void parse(const Arguments& arguments) {
    EXPECT_TRUE(line_.parse(arguments));
    line_.apply(fields_.all());
  }
  void refuses(const Arguments& arguments, const std::vector<std::string>& messages) {
    const std::string message = input_error([&] { line_.parse(arguments); });
    for (const std::string& text : messages) EXPECT_THAT(message, HasSubstr(text));
  }

  Targets to_;
  Fields fields_;
  CommandLine line_{"film", "Films a run."};
};

TEST_F(CommandLineOptions, LeavesDefaultsWhereNothingIsGiven) {
  parse({"runs/a"});
  EXPECT_EQ(to_.steps, 100);
  EXPECT_EQ(to_.noise, std::nullopt);
  EXPECT_EQ(to_.frame, std::nullopt);
  EXPECT_FALSE(to_.json);
  EXPECT_TRUE(to_.simulator);
  EXPECT_THAT(to_.threads, ElementsAre(1, 2));
  EXPECT_THAT(to_.more, IsEmpty());
  EXPECT_TRUE(fields_.overlap);
}

TEST_F(CommandLineOptions, ReadsEveryKindOfValue) {
  parse({"--steps",  "2e3",       "runs/a",     "--speed=0.25", "--size", "64x32",
         "--noise",  "-1",        "b",          "--json",       "c",      "--no-simulator",
         "--frame",  "16x8192",   "--renderer", "mujoco",       "--goal", "-1.5,2",
         "--goal=3", "--threads", "4"});
  EXPECT_EQ(to_.run, "runs/a");
  EXPECT_THAT(to_.more, ElementsAre("b", "c"));
  EXPECT_EQ(to_.steps, 2000);
  EXPECT_EQ(to_.speed, 0.25);
  EXPECT_EQ(to_.renderer, "mujoco");
  EXPECT_EQ(to_.size, (ImageSize{64, 32}));
  EXPECT_EQ(to_.noise, -1.0);
  EXPECT_EQ(to_.frame, (ImageSize{16, 8192}));
  EXPECT_THAT(to_.threads, ElementsAre(4));
  EXPECT_THAT(to_.goal, ElementsAre(-1.5, 2.0, 3.0));
  EXPECT_TRUE(to_.json);
  EXPECT_FALSE(to_.simulator);
}

TEST_F(CommandLineOptions, CommasDivideOnlyWhereTheOptionSaysSo) {
  parse({"a", "--policy", "x,y", "--policy=z", "--metric", "x,y", "--metric=z"});
  EXPECT_THAT(to_.policies, ElementsAre("x,y", "z"));
  EXPECT_THAT(to_.metrics, ElementsAre("x", "y", "z"));
}

TEST_F(CommandLineOptions, SwitchesTakeAValueWhereNothingElseCan) {
  parse({"--overlap", "false", "--json=false", "a"});
  EXPECT_FALSE(fields_.overlap);
  EXPECT_FALSE(to_.json);
}

TEST_F(CommandLineOptions, AssignsConfigFields) {
  parse({"--overlap", "a", "--agent.gamma", "0.5", "--vary", "zoom", "--vary=color"});
  EXPECT_TRUE(fields_.overlap);
  EXPECT_EQ(to_.run, "a");
  EXPECT_EQ(fields_.gamma, 0.5);
  EXPECT_THAT(fields_.vary, ElementsAre("zoom", "color"));
}

TEST_F(CommandLineOptions, TakesEverythingBehindTwoDashesAsItIs) {
  parse({"--json", "--", "--steps", "-h2"});
  EXPECT_EQ(to_.run, "--steps");
  EXPECT_THAT(to_.more, ElementsAre("-h2"));
}

TEST_F(CommandLineOptions, SaysWhatWasFoundAndWhatWasExpected) {
  refuses({}, {"film: RUN is required", "reverie film --help"});
  refuses({"a", "--setps", "3"}, {"unknown flag '--setps'", "did you mean '--steps'?"});
  refuses({"--setps=3"}, {"unknown flag '--setps'"});
  refuses({"a", "-s", "3"}, {"unknown flag '-s'"});
  refuses({"a", "--steps"}, {"--steps", "value is missing", "integer >= 1", "to gather"});
  refuses({"a", "--renderer", "--json"}, {"--renderer", "value is missing", "canvas|mujoco"});
  refuses({"a", "--steps", "soon"}, {"--steps: found 'soon'", "integer >= 1", "to gather"});
  refuses({"a", "--steps="}, {"--steps: found ''", "integer >= 1"});
  refuses({"a", "--steps", "1.5"}, {"--steps: found '1.5'", "integer"});
  refuses({"a", "--steps", "0"}, {"--steps: found 0", ">= 1", "to gather"});
  refuses({"a", "--speed", "nan"}, {"--speed: found nan", "> 0"});
  refuses({"a", "--renderer", "opengl"}, {"--renderer", "'opengl'", "canvas, mujoco"});
  refuses({"a", "--size", "5x5"}, {"--size", "'5x5'", "640x480"});
  refuses({"a", "--size", "64"}, {"--size", "'64'", "WIDTHxHEIGHT"});
  refuses({"a", "--threads", "1,9"}, {"--threads: found 9", "[1, 8]"});
  refuses({"a", "--goal", "1,"}, {"--goal: found ''", "number"});
  refuses({"a", "--json=maybe"}, {"--json: found 'maybe'", "true|false"});
  refuses({"a", "--overlap", "--gamma"}, {"--gamma", "value is missing", "number [0, 1]"});
}

TEST_F(CommandLineOptions, NumbersOfAListNeedCommas) {
  refuses({"a", "--threads", "1", "2", "3"}, {"--threads 1 2 3", "commas", "--threads 1,2,3"});
  refuses({"--goal", "1.0", "-3.1", "a"}, {"--goal 1.0 -3.1", "--goal 1.0,-3.1"});
  refuses({"--goal=1.0", "3.1", "a"}, {"--goal 1.0,3.1"});
  refuses({"a", "--sizes", "64", "64"}, {"--sizes 64,64"});  // a config field
  parse({"--goal", "1,2", "3", "--threads", "4", "b"});
  EXPECT_EQ(to_.run, "3") << "a run may have a number for its name";
  EXPECT_THAT(to_.more, ElementsAre("b"));
}

TEST_F(CommandLineOptions, RefusesASecondValue) {
  refuses({"a", "--steps", "3", "--steps=4"}, {"--steps", "given twice", "'3'", "'4'"});
}

TEST(CommandLine, RefusesWhatHasNoPlace) {
  std::string env;
  CommandLine line("list", "Lists.");
  line.add("ENV", env, {.help = "which"});
  int64_t seed = 0;
  line.add("--seed", seed, {.help = "of the start"});
  EXPECT_THAT(input_error([&] { line.parse({"a", "b"}); }), HasSubstr("unexpected argument 'b' ("));
  EXPECT_THAT(input_error([&] {
                line.parse({"a", "--seed", "1", "2"});
              }),
              HasSubstr("unexpected argument '2' after --seed 1 ("));
  EXPECT_THAT(input_error([&] { line.parse({"a", "-2"}); }), HasSubstr("unexpected argument '-2'"));
  EXPECT_THAT(input_error([&] { line.add("ENV", env, {.help = "again"}); }),
              HasSubstr("described twice"));
}

TEST_F(CommandLineOptions, HelpShowsTypesAndDefaults) {
  const std::string help = line_.help();
  for (const char* text :
       {"Films a run.", "usage: reverie film RUN [MORE...] [OPTIONS]", "--steps integer >= 1 ",
        "to gather (default 100)", "--renderer canvas|mujoco ", "draws (default canvas)",
        "--size WIDTHxHEIGHT ", "of the film (default 640x480)", "on actions (default none)",
        "--threads integer [1, 8],... ", "counts (default 1,2)", "\nGoals:\n  --no-simulator ",
        "\nOptions of [agent]:\n  --overlap true|false ", "discount (default 0.99)",
        "of layers (default [8, 8])", "of the floor (default plain)\n", "factors\n"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
}

TEST_F(CommandLineOptions, HelpFollowsWhatElseDecidesAnOption) {
  int64_t count = 0;
  line_.add("--count", count, {.help = "of films", .required = true});
  EXPECT_THAT(line_.help(), HasSubstr("of films (required)"));
  line_.set_default("--count", "12");  // as a preset does
  EXPECT_THAT(line_.help(), HasSubstr("of films (default 12)"));
  parse({"a"});
  line_.require("--steps");
  EXPECT_THAT(line_.help(), HasSubstr("to gather (required)"));
  refuses({"a"}, {"--steps is required"});
  line_.add_note("More appears with RUN.");
  EXPECT_THAT(line_.help(), testing::EndsWith("\n\nMore appears with RUN.\n"));
  EXPECT_TRUE(line_.has("--sizes"));
  EXPECT_FALSE(line_.has("--size-of"));
  EXPECT_THAT(input_error([&] { line_.set_default("--stps", "3"); }), HasSubstr("--stps"));
}

TEST(CommandLine, HelpBreaksLongTextsBetweenWords) {
  std::string out, words;
  for (int i = 0; i < 40; ++i) words += "word ";
  CommandLine line("film", "Films a run.");
  line.add("--out", out, {.help = words + "end", .required = true});
  const std::string help = line.help();
  EXPECT_THAT(help, HasSubstr("end (required)"));
  size_t begin = 0;
  for (size_t end; (end = help.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LE(end - begin, 100U) << help;
  }
}

}  // namespace
}  // namespace reverie::test
