// The output of the commands when nothing fails.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "drawing/video.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

class CommandLineTest : public ProgramTest {};

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

TEST_F(CommandLineTest, HelpTeaches) {
  const std::vector<std::pair<Arguments, std::vector<std::string>>> helps = {
      {{},
       {"train", "evaluate", "render", "rollout", "collect", "dataset", "list", "config", "bench",
        "--agent ddpg"}},
      {{"--help"}, {"usage", "reverie evaluate runs/first"}},
      {{"train", "--help"},
       {"--env", "--resume", "--gamma", "discount", "(default 0.99)", "[agent]"}},
      {{"train", "--env", "pointmaze-open", "--agent", "ddpg", "-h"}, {"--continuing-task"}},
      {{"evaluate", "--help"},
       {"RUN", "episodes to run (default 100)", "same starts (default 0)", "--json", "--frame-skip",
        "--samples", "RUN, or --env ID, before --help"}},
      {{"render", "--help"}, {"--out", ".mp4", "--size", "--frame-skip", "before --help"}},
      {{"evaluate", "random", "--env", "car-racing", "--help"}, {"--lap-rule"}},
      {{"collect", "--help"}, {"--noise", "--frame-skip", "--policy RUN, before --help"}},
      {{"rollout", "--help"}, {"--from", "--frames-every", "--frame-skip", "--env ID before"}},
      {{"list", "--help"}, {"envs", "agents"}},
      {{"config", "--help"}, {"--agent", "TOML"}},
      {{"bench", "--help"}, {"bench"}},
  };
  for (const auto& [arguments, texts] : helps) {
    SCOPED_TRACE(arguments.empty() ? "no arguments" : arguments[0]);
    const Finished result = good(arguments);
    EXPECT_EQ(result.err, "");
    for (const std::string& text : texts) EXPECT_THAT(result.out, HasSubstr(text));
  }
  EXPECT_THAT(good({"--version"}).out, testing::StartsWith("reverie "));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

// `reverie --help` answers at once because it starts without LibTorch.
TEST_F(CommandLineTest, HelpIsOfAProgramWithoutLibTorch) {
  const std::string launcher = content(REVERIE_BINARY);
  EXPECT_THAT(launcher, HasSubstr("libmujoco"));
  EXPECT_THAT(launcher, Not(HasSubstr("libtorch")));
  EXPECT_THAT(launcher, Not(HasSubstr("libc10")));
}

// What the build has kept is what the program says.
TEST_F(CommandLineTest, KeptAnswersAreThoseOfTheProgramThatIsThere) {
  const fs::path from = fs::path(REVERIE_BINARY).parent_path();
  if (!fs::exists(from / "answers")) GTEST_SKIP() << "builds with sanitizers keep none";
  for (const char* name : {"reverie", "reverie-main", "answers"}) {
    fs::copy(from / name, at(name), fs::copy_options::recursive);
  }
  const auto output_of = [&](const std::string& program, const std::string& arguments) {
    const std::string command =
        "cd '" + folder_.path().string() + "' && ./" + program + " " + arguments + " > out";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return content(at("out"));
  };
  for (const char* question : {"train --help", "config --agent sac", "list worldmodels"}) {
    const fs::path kept = at("answers") / (question + std::string(".txt"));
    EXPECT_EQ(content(kept), output_of("reverie-main", question));
    write(kept, "kept\n");
    EXPECT_EQ(output_of("reverie", question), "kept\n");
    // The program was built again.
    fs::last_write_time(kept, fs::last_write_time(at("reverie-main")) - std::chrono::seconds(1));
    EXPECT_EQ(output_of("reverie", question), output_of("reverie-main", question));
  }
}

// The launcher knows the names of commands, the other program the commands.
TEST_F(CommandLineTest, EveryCommandOfTheHelpExists) {
  std::istringstream help(good({"--help"}).out);
  std::string line;
  std::set<std::string> names;
  while (std::getline(help, line) && !line.starts_with("A first run")) {
    if (line.starts_with("  ")) names.insert(line.substr(2, line.find(' ', 2) - 2));
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"train", "evaluate", "dataset", "bench"}));
  for (const std::string& name : names) {
    EXPECT_THAT(good({name, "--help"}).out, HasSubstr("usage: reverie " + name));
  }
  const Finished unknown = run(folder_.path(), {"no-such-command"});
  EXPECT_EQ(unknown.status, 2);
  for (const std::string& name : names) EXPECT_THAT(unknown.err, HasSubstr(name));
}

// The text of an option in the help, on one line.
std::string option_help(const std::string& help, const std::string& option) {
  const size_t begin = help.find("\n  " + option + " ");
  EXPECT_NE(begin, std::string::npos) << option << " is missing in\n" << help;
  if (begin == std::string::npos) return "";
  std::string text = help.substr(begin + 1, help.find("\n  -", begin + 1) - begin - 1);
  text = std::regex_replace(text.substr(0, text.find("\n\n")), std::regex("\\s+"), " ");
  return text;
}

TEST_F(CommandLineTest, HelpShowsTheDefaultsOfThePair) {
  const auto help = [&](Arguments arguments) {
    arguments.emplace_back("--help");
    return good(arguments).out;
  };
  const Arguments pair = {"train", "--env", "half-cheetah", "--agent", "ppo"};
  const std::string with_preset = help(pair);
  EXPECT_THAT(with_preset, HasSubstr("half-cheetah and ppo, with the defaults of preset "
                                     "half-cheetah-ppo.toml"));
  EXPECT_THAT(option_help(with_preset, "--steps"), HasSubstr("(default 1000000)"));
  const std::string without = help(with(pair, {"--preset", "none"}));
  EXPECT_THAT(option_help(without, "--steps"), HasSubstr("(default 100000)"));
  // One of the two alone selects its options.
  EXPECT_THAT(help({"train", "--agent", "ppo"}), HasSubstr("--target-kl"));
  EXPECT_THAT(help({"train", "--env", "car-racing"}), HasSubstr("--lap-rule"));
  const std::string neither = help({"train"});
  EXPECT_THAT(neither, HasSubstr("maze2d-umaze-dense-ddpg.toml"));
  EXPECT_THAT(option_help(neither, "--env"), HasSubstr("(required)"));
  EXPECT_THAT(option_help(neither, "--agent"), HasSubstr("(required)"));
  // A file or a run decides both.
  write(at("c.toml"), "[run]\nenv = \"maze2d-open\"\nagent = \"ddpg\"\nsteps = 1234\n");
  EXPECT_THAT(option_help(help({"evaluate", "random", "--env", "car-racing"}), "--observation"),
              HasSubstr("(default pixels)"));
  const std::string from_file = help({"train", "--config", "c.toml"});
  EXPECT_THAT(option_help(from_file, "--env"), HasSubstr("(default maze2d-open)"));
  EXPECT_THAT(option_help(from_file, "--steps"), HasSubstr("(default 1234)"));
  // What a preset of collect gives need not be given.
  const std::string collect = help({"collect", "--preset", "maze2d-medium-v1"});
  EXPECT_THAT(option_help(collect, "--env"), HasSubstr("(default maze2d-medium)"));
  EXPECT_THAT(option_help(collect, "--policy"), HasSubstr("(default waypoint)"));
  EXPECT_THAT(option_help(collect, "--steps"), HasSubstr("(default 2000000)"));
  EXPECT_THAT(option_help(collect, "--out"), HasSubstr("(required)"));
  EXPECT_THAT(option_help(help({"collect"}), "--steps"), HasSubstr("(required)"));
}

TEST_F(CommandLineTest, ListsWhatThereIs) {
  EXPECT_THAT(good({"list", "envs"}).out,
              AllOf(HasSubstr("maze2d-umaze-dense "), HasSubstr("pointmaze-large "),
                    HasSubstr("PointMaze_UMazeDense-v3\n"), HasSubstr("maze2d-open-v0\n"),
                    HasSubstr("AntMaze_Medium-v5\n"), HasSubstr("CarRacing-v3\n")));
  EXPECT_THAT(good({"list", "agents"}).out, AllOf(HasSubstr("ddpg "), HasSubstr("random ")));
  EXPECT_THAT(good({"list", "worldmodels"}).out,
              AllOf(HasSubstr("jepa-small "), HasSubstr("lewm ")));
}

TEST_F(CommandLineTest, EnvironmentsGoByTheirNamesElsewhereToo) {
  const std::string ours = good({"config", "--agent", "ddpg", "--env", "half-cheetah"}).out;
  EXPECT_EQ(good({"config", "--agent", "ddpg", "--env", "HalfCheetah-v5"}).out, ours);
  EXPECT_EQ(good({"config", "--agent", "ddpg", "--env=HalfCheetah-v5"}).out, ours);
  Arguments train = tiny_training("r", 100);
  *std::find(train.begin(), train.end(), "maze2d-umaze") = "maze2d-umaze-v1";
  good(train);
  EXPECT_THAT(content(at("r/config.toml")), HasSubstr("env = \"maze2d-umaze\""));
  write(at("c.toml"), "[run]\nenv = \"maze2d-open-v0\"\nagent = \"ddpg\"\n");
  good({"train", "--config", "c.toml", "--run", "b", "--steps", "100"});
  EXPECT_THAT(content(at("b/config.toml")), HasSubstr("env = \"maze2d-open\""));
  good({"evaluate", "r", "--env", "maze2d-open-v0", "--episodes", "2"});
}

TEST_F(CommandLineTest, PrintedConfigTrains) {
  write(at("c.toml"), good({"config", "--agent", "ddpg", "--env", "maze2d-open"}).out);
  good({"train", "--config", "c.toml", "--run", "a", "--steps", "100", "--agent.gamma", "0.5"});
  EXPECT_THAT(content(at("a/config.toml")),
              AllOf(HasSubstr("env = \"maze2d-open\" "), HasSubstr("gamma = 0.5 ")));
}

void expect_report(const json& report, bool has_score) {
  EXPECT_THAT(keys(report["return"]), UnorderedElementsAre("mean", "std", "iqm", "ci95"));
  const double mean = report["return"]["mean"];
  ASSERT_EQ(report["return"]["ci95"].size(), 2U);
  EXPECT_LE(report["return"]["ci95"][0], mean);
  EXPECT_GE(report["return"]["ci95"][1], mean);
  EXPECT_GE(report["return"]["std"], 0.0);
  EXPECT_THAT(keys(report["length"]), UnorderedElementsAre("mean"));
  EXPECT_GE(report["success_rate"], 0.0);
  EXPECT_LE(report["success_rate"], 1.0);
  EXPECT_EQ(report["normalized_score"].is_number(), has_score);
  EXPECT_EQ(report["normalized_score"].is_null(), !has_score);
  EXPECT_EQ(report["metrics"]["success"], report["success_rate"]);
  EXPECT_GT(report["metrics"]["optimum_bound"], 0.0);
  const json& steps = report["steps_to_goal"];
  EXPECT_EQ(steps.is_null(), report["success_rate"] == 0.0);
  if (steps.is_null()) return;
  EXPECT_THAT(keys(steps), UnorderedElementsAre("episodes", "policy", "optimum", "is_bound"));
  EXPECT_EQ(steps["policy"], report["metrics"]["time_to_goal"]);
  EXPECT_GE(steps["policy"], steps["optimum"]);
  EXPECT_EQ(steps["is_bound"], true);
}

TEST_F(CommandLineTest, EvaluateJsonIsTheContract) {
  good(tiny_training("a", 200));
  fs::copy(at("a"), at("b\xff"), fs::copy_options::recursive);  // no UTF-8
  struct Case {
    Arguments arguments;
    std::string env;
    bool has_score;
  };
  const std::vector<Case> cases = {
      {{"evaluate", "a"}, "maze2d-umaze", false},  // 50 steps: no reference
      {{"evaluate", "a", "--env", "maze2d-open"}, "maze2d-open", true},
      {{"evaluate", "b\xff"}, "maze2d-umaze", false},
      {{"evaluate", "random", "--env", "maze2d-umaze-dense"}, "maze2d-umaze-dense", true},
      {{"evaluate", "random", "--env", "pointmaze-open"}, "pointmaze-open", false},
  };
  for (const Case& each : cases) {
    Arguments arguments = each.arguments;
    SCOPED_TRACE(arguments[1]);
    arguments.insert(arguments.end(), {"--episodes", "3", "--seed", "4", "--json"});
    const Finished result = good(arguments);
    const json report = json::parse(result.out);  // one object and nothing else, or it throws
    EXPECT_THAT(keys(report),
                UnorderedElementsAre("env", "run", "seed", "step", "episodes", "return", "length",
                                     "success_rate", "normalized_score", "steps_to_goal", "random",
                                     "metrics"));
    EXPECT_THAT(keys(report["random"]),
                UnorderedElementsAre("return", "length", "success_rate", "normalized_score",
                                     "steps_to_goal", "metrics"));
    EXPECT_EQ(report["env"], each.env);
    EXPECT_EQ(report["seed"], 4);
    EXPECT_EQ(report["episodes"], 3);
    EXPECT_EQ(report["step"], arguments[1] == "random" ? 0 : 200);
    expect_report(report, each.has_score);
    expect_report(report["random"], each.has_score);
  }
  const Arguments again = {"evaluate", "a", "--episodes", "5", "--json"};
  const std::string first = good(again).out;
  EXPECT_EQ(good(again).out, first);
  EXPECT_EQ(json::parse(first)["length"]["mean"], 50.0);
  Arguments other = again;
  other.insert(other.end(), {"--seed", "1"});
  EXPECT_NE(json::parse(good(other).out)["random"], json::parse(first)["random"]);
}

TEST_F(CommandLineTest, TheBestPolicyAndEarlierOnesCanBeEvaluated) {
  Arguments train =
      tiny_training("r", 600, {"--checkpoint-every", "200", "--keep-checkpoints", "5"});
  *(std::find(train.begin(), train.end(), "--evaluate-every") + 1) = "100";
  good(train);
  std::map<std::string, double> returns;  // of the evaluations, by step
  std::istringstream table(content(at("r/metrics.csv")));
  std::string line, cell;
  std::getline(table, line);
  std::vector<std::string> names;
  for (std::istringstream header(line); std::getline(header, cell, ',');) names.push_back(cell);
  const auto column = std::find(names.begin(), names.end(), "evaluation/return") - names.begin();
  while (std::getline(table, line)) {
    std::vector<std::string> cells;
    for (std::istringstream row(line); std::getline(row, cell, ',');) cells.push_back(cell);
    const auto at_column = static_cast<size_t>(column);
    if (cells.size() > at_column && !cells[at_column].empty()) {
      returns[cells[0]] = std::stod(cells[at_column]);
    }
  }
  ASSERT_EQ(returns.size(), 6U);
  const auto best =
      std::max_element(returns.begin(), returns.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto step_of = [&](const std::string& which) {
    return json::parse(
               good({"evaluate", "r", "--checkpoint", which, "--episodes", "2", "--json"}).out)
        .at("step")
        .get<int64_t>();
  };
  EXPECT_EQ(std::to_string(step_of("best")), best->first);
  EXPECT_EQ(step_of("200"), 200);
  EXPECT_EQ(step_of("latest"), 600);
  expect_refusal(folder_.path(), {"evaluate", "r", "--checkpoint", "300"},
                 {"r: unknown checkpoint '300'", "latest, best, 0, 200, 400, 600"});
  for (const char* which : {"best", "latest", "400"}) {
    good({"evaluate", "r", "--checkpoint", which, "--episodes", "2", "--record", "study"});
  }
  const json record = json::parse(content(folder_ / "study/r-best.json"));
  EXPECT_EQ(std::to_string(record.at("step").get<int64_t>()), best->first);
  EXPECT_EQ(record.at("options").at("evaluation.checkpoint"), "best");
  const std::string report = good({"report", "--records", "study"}).out;
  EXPECT_THAT(report, AllOf(HasSubstr("| r-best |"), HasSubstr("| r |"), HasSubstr("| r-400 |"),
                            HasSubstr("evaluate RUN --checkpoint best")));
  const json early = json::parse(content(folder_ / "study/r-400.json"));
  EXPECT_EQ(early.at("step"), 400);
  EXPECT_LT(early.at("wall_time_s"), record.at("wall_time_s"));
  // On one thread, beside whatever else runs; waiting is not counted.
  EXPECT_GT(early.at("processor_time_s").get<double>(), 0.0);
  EXPECT_LT(early.at("processor_time_s"), record.at("processor_time_s"));
}

TEST_F(CommandLineTest, PlotsSeedsAsOneLineWithABand) {
  for (const char* seed : {"1", "2"}) {
    Arguments train =
        tiny_training(std::string("a-s") + seed, 400, {"--seed", seed, "--log-every", "50"});
    good(train);
  }
  good({"plot", "a-s1", "a-s2", "--out", "mean.png"});
  good({"plot", "a-s1", "a-s2", "--out", "each.png", "--each"});
  good({"plot", "a-s1", "a-s2", "--out", "smooth.png", "--smooth", "3"});
  EXPECT_EQ(content(at("mean.png")).substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_NE(content(at("mean.png")), content(at("each.png")));
  EXPECT_NE(content(at("mean.png")), content(at("smooth.png")));
}

TEST_F(CommandLineTest, BenchMeasuresBothInterfacesOfEnvironments) {
  const json out = json::parse(good({"bench", "envs", "maze2d-open", "--async", "2", "--num-envs",
                                     "4", "--seconds", "0.1", "--threads", "1", "--json"})
                                   .out);
  std::vector<std::string> names;
  for (const json& result : out.at("results")) {
    names.push_back(result.at("name"));
    EXPECT_GT(result.at("value").get<double>(), 0.0);
  }
  EXPECT_EQ(names, std::vector<std::string>({"maze2d-open", "maze2d-open, 2 at a time"}));
}

TEST_F(CommandLineTest, EvaluatePrintsATableForPeople) {
  const Finished result = good({"evaluate", "random", "--env", "maze2d-open", "--episodes", "2"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("2 episodes"), HasSubstr("policy"), HasSubstr("random"),
                                HasSubstr("return, mean"), HasSubstr("normalised score"),
                                HasSubstr("distance_to_goal")));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("nan")));
}

TEST_F(CommandLineTest, OutputThatCannotBeWrittenIsAFailure) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  Program program({"list", "envs"}, {.folder = folder_.path(), .standard_output = "/dev/full"});
  const Finished result = program.finish();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("standard output"));
}

TEST_F(CommandLineTest, TheOverlayHidesNothing) {
  constexpr int kWidth = 320, kHeight = 240, kStrip = 16;
  const Arguments film = {"render", "random", "--env", "antmaze-umaze", "--max-steps", "1"};
  good(with(film, {"--size", "320x240", "--out", "film/"}));
  good(with(film, {"--size", "320x224", "--out", "scene/", "--no-overlay"}));
  const auto whole = read_png(at("film/frame_00000.png"), kWidth, kHeight);
  const auto scene = read_png(at("scene/frame_00000.png"), kWidth, kHeight - kStrip);
  EXPECT_TRUE(std::equal(scene.begin(), scene.end(), whole.begin() + 3 * kWidth * kStrip));
  const std::set<uint8_t> strip(whole.begin(), whole.begin() + 3 * kWidth * kStrip);
  EXPECT_GT(strip.size(), 10U) << "no text in the strip";
}

TEST_F(CommandLineTest, RenderWritesVideosAndFrames) {
  good(tiny_training("a", 200));
  const auto render = [&](const std::string& out, const Arguments& more = {}) {
    Arguments arguments = {"render", "a", "--out", out, "--speed", "10"};
    if (more.empty() || !more[0].starts_with("--size")) arguments.push_back("--size=96x72");
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_THAT(good(arguments).err, HasSubstr("wrote " + out));
  };
  render("v.mp4", {"--episodes", "2"});
  const std::string mp4 = content(at("v.mp4"));
  ASSERT_GT(mp4.size(), 500U);
  EXPECT_EQ(mp4.substr(4, 4), "ftyp");
  EXPECT_THAT(mp4, AllOf(HasSubstr("moov"), HasSubstr("avc1")));

  expect_refusal(folder_.path(), {"render", "a", "--out", "v.mp4"},
                 {"--out v.mp4", "already exists", "--overwrite"});
  render("v.mp4", {"--overwrite"});
  EXPECT_LT(content(at("v.mp4")).size(), mp4.size()) << "one episode in place of two";

  render("v.gif");
  const std::string gif = content(at("v.gif"));
  EXPECT_EQ(gif.substr(0, 6), "GIF89a");
  EXPECT_EQ(gif.substr(6, 4), std::string("\x60\x00\x48\x00", 4)) << "96 x 72";

  // 0.5 simulated seconds at ten times the speed, 50 frames a second: 3, and the last state.
  render("frames/");
  const size_t frames = static_cast<size_t>(
      std::distance(fs::directory_iterator(at("frames")), fs::directory_iterator()));
  EXPECT_GE(frames, 3U);
  EXPECT_LE(frames, 5U);
  const std::string png = content(at("frames/frame_00000.png"));
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(png.substr(16, 8), std::string("\0\0\0\x60\0\0\0\x48", 8)) << "96 x 72";

  render("plain/", {"--no-overlay"});
  render("start.png");
  EXPECT_TRUE(content(at("start.png")) == content(at("plain/frame_00000.png")));

  expect_refusal(folder_.path(), {"render", "a", "--out", "odd.mp4", "--size", "97x72"},
                 {"--size 97x72", "even", "98x72"});
  render("odd.gif", {"--size=97x71"});

  render("again/");
  for (const auto& entry : fs::directory_iterator(at("frames"))) {
    EXPECT_TRUE(content(entry.path()) == content(at("again") / entry.path().filename()))
        << "the same seed, another picture: " << entry.path();
  }
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".reverie")) << entry.path();
  }
}

TEST_F(CommandLineTest, ListsWhatARewardCanName) {
  const std::string out = good({"list", "rewards", "cheetah-run"}).out;
  EXPECT_THAT(out, AllOf(HasSubstr("speed"), HasSubstr("qpos_0 .. qpos_8"),
                         HasSubstr("action_0 .. action_5"), HasSubstr("[m/s]"),
                         HasSubstr("clip(speed / 2, 0, 1)"), Not(HasSubstr("qpos_3"))));
  EXPECT_THAT(good({"list", "rewards", "car-racing"}).out,
              AllOf(HasSubstr("hull_angular_velocity"), HasSubstr("wheel_omega_0 .. wheel_omega_3"),
                    Not(HasSubstr("formula\n\nreward"))));
  expect_refusal(folder_.path(), {"list", "rewards"}, {"no environment given"});
  expect_refusal(folder_.path(), {"list", "rewards", "gridmaze-umaze"}, {"no state"});
}

}  // namespace
}  // namespace reverie::test
