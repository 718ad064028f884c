// The pages tell readers to run commands. Here they are run, in the order of their page and as they
// are printed, only shorter. What they read and no command of their page makes is made beforehand.
#include "tests/apps/docs_commands.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// A command that no test can run, and why.
struct LeftOutCommand {
  std::string printed;
  std::string reason;
};

const std::vector<LeftOutCommand> kLeftOut = {
    {"bench plan --peers", "the least that it measures, six plans in full size, takes minutes"},
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"bench replay", "its buffers of 2.3 GB take several times as much under a sanitizer"},
    {"bench replay --peers", "likewise"},
#endif
};

// What a command is shortened to. A command that is the first word, and holds all others and not
// `without`, gets the flag, or a smaller value of it.
struct Shortening {
  Arguments words;
  std::string without;
  std::string flag, value;
};

const std::vector<Shortening> kShortenings = {
    {{"train"}, "--dataset", "--steps", "400"},
    {{"train", "--dataset"}, "", "--updates", "4"},
    {{"train", "--dataset", "--steps"}, "", "--steps", "400"},
    // Tests run side by side; threads would wait for each other.
    {{"train"}, "--resume", "--threads", "1"},
    {{"train", "ddpg"}, "", "--learning-starts", "100"},
    {{"train", "ddpg"}, "", "--hidden-sizes", "16,16"},
    {{"train", "td3"}, "", "--learning-starts", "396"},
    {{"train", "td3"}, "", "--minibatch", "8"},
    {{"train", "sac"}, "", "--learning-starts", "396"},
    {{"train", "sac"}, "", "--minibatch", "8"},
    {{"train", "jepa"}, "", "--minibatch", "16"},
    {{"train", "jepa"}, "", "--decoder-updates", "2"},
    {{"train", "jepa"}, "", "--iterations", "2"},  // of a plan
    {{"train", "world-models"}, "", "--learning-starts", "800"},
    {{"train", "world-models"}, "", "--vae-updates", "3"},
    {{"train", "world-models"}, "", "--vae-minibatch", "4"},
    {{"train", "world-models"}, "", "--rnn-updates", "3"},
    {{"train", "world-models"}, "", "--rnn-minibatch", "4"},
    {{"train", "world-models"}, "", "--population", "4"},
    {{"train", "world-models"}, "", "--episodes", "1"},
    {{"evaluate"}, "", "--episodes", "1"},
    {{"evaluate", "--checkpoint"}, "", "--checkpoint", "400"},
    {{"evaluate", "--iterations"}, "", "--iterations", "2"},
    {{"render"}, "", "--max-steps", "20"},
    {{"render"}, "", "--size", "320x240"},
    {{"collect"}, "", "--steps", "3000"},
    // Some of the episodes are to be held out.
    {{"collect", "car-racing"}, "", "--max-steps", "100"},
    {{"collect", "cheetah-run"}, "", "--max-steps", "100"},
    {{"collect", "rnd"}, "", "--learning-starts", "2900"},
    {{"decoder"}, "", "--updates", "2"},
    {{"decoder", "--video"}, "", "--episodes", "1"},
    {{"probe"}, "", "--samples", "200"},
    {{"surprise"}, "", "--episodes", "4"},
    {{"bench"}, "", "--seconds", "0.1"},
    {{"bench"}, "", "--threads", "1"},
};

// Words that stand for what a reader chooses. RUN is more: see PageReader.
const std::map<std::string, std::string> kPlaceholders = {{"ENV", "maze2d-umaze"}, {"S", "1"}};

// What commands read and no earlier one of their page has made, with the command that makes it.
const std::map<std::string, Arguments>& fixtures() {
  const auto dataset = [](const std::string& file, const std::string& seed) {
    return Arguments{"collect", "--env", "maze2d-umaze", "--policy", "waypoint", "--steps",
                     "500",     "--out", file,           "--seed",   seed};
  };
  const auto world_model = [](const std::string& run, const std::string& regulariser) {
    return tiny_world_model(run, 200,
                            {"--num-envs", "2", "--learning-starts", "150", "--updates-per-step",
                             "0.1", "--regulariser", regulariser});
  };
  static const std::map<std::string, Arguments> all = {
      {"RUN", tiny_training("RUN", 200)},
      {"runs/maze2d-umaze-dense-ddpg-s1", tiny_training("runs/maze2d-umaze-dense-ddpg-s1", 200)},
      {"runs/s1", tiny_training("runs/s1", 200)},
      {"runs/a-s1", tiny_training("runs/a-s1", 200)},
      {"runs/a-s2", tiny_training("runs/a-s2", 200, {"--seed", "2"})},
      {"runs/b-s1", tiny_training("runs/b-s1", 200, {"--gamma", "0.9"})},
      {"runs/a", world_model("runs/a", "sigreg")},
      {"runs/b", world_model("runs/b", "none")},
      {"waypoint.h5", dataset("waypoint.h5", "1")},
      {"a.h5", dataset("a.h5", "1")},
      {"b.h5", dataset("b.h5", "2")},
      {"goal.png",
       {"render", "waypoint", "--env", "maze2d-umaze", "--out", "goal.png", "--size", "64x64",
        "--no-overlay"}},
  };
  return all;
}

bool holds(const Arguments& arguments, const std::string& word) {
  return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}

// The value of a flag, or "".
std::string value_of(const Arguments& arguments, const std::string& flag) {
  const auto at = std::find(arguments.begin(), arguments.end(), flag);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

std::string as_text(const Arguments& arguments) {
  std::string text = "reverie";
  for (const std::string& argument : arguments) text += " " + argument;
  return text;
}

// Of 320x240 the 320, of a word 0.
double leading_number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

Arguments shortened(Arguments arguments) {
  for (const Shortening& each : kShortenings) {
    const bool applies = !arguments.empty() && arguments.front() == each.words.front() &&
                         std::all_of(each.words.begin() + 1, each.words.end(),
                                     [&](const auto& word) { return holds(arguments, word); });
    if (!applies || holds(arguments, each.without)) continue;
    const auto flag = std::find(arguments.begin(), arguments.end(), each.flag);
    if (flag == arguments.end()) {
      arguments.insert(arguments.end(), {each.flag, each.value});
    } else if (flag + 1 != arguments.end() &&
               leading_number(*(flag + 1)) > leading_number(each.value)) {
      *(flag + 1) = each.value;
    }
  }
  // So short a training evaluates nothing, and has no best checkpoint.
  if (holds(arguments, "evaluate"))
    std::replace(arguments.begin(), arguments.end(), std::string("best"), std::string("latest"));
  // The peers are Python packages, which neither a build nor a test needs.
  if (holds(arguments, "bench")) std::erase(arguments, "--peers");
  return arguments;
}

// The pages, relative to the sources.
std::vector<std::string> pages() {
  const fs::path sources = REVERIE_SOURCE_DIR;
  std::vector<std::string> all = {"README.md", "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(sources / "docs")) {
    if (entry.path().extension() == ".md") all.push_back(entry.path().lexically_relative(sources));
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string text_of(const std::string& page) {
  return content(fs::path(REVERIE_SOURCE_DIR) / page);
}

std::vector<std::string> pages_with_commands() {
  std::vector<std::string> all = pages();
  std::erase_if(all, [](const std::string& page) { return commands_on(text_of(page)).empty(); });
  return all;
}

// Somebody who begins in an empty folder and follows one page.
class PageReader {
 public:
  explicit PageReader(std::string page) : page_(std::move(page)) {
    for (const auto& [name, text] : files_on(text_of(page_))) write(folder_ / name, text);
  }

  void follow(const DocsCommand& command) {
    const bool left_out = std::any_of(kLeftOut.begin(), kLeftOut.end(), [&](const auto& each) {
      return each.printed == command.printed;
    });
    if (left_out) return;
    const Arguments arguments = shortened(with_choices(command.arguments));
    make_what_is_read_by(arguments);
    const Finished result = run(folder_.path(), arguments);
    EXPECT_EQ(result.status, 0) << page_ << ":" << command.line << ": reverie " << command.printed
                                << "\nrun as: " << as_text(arguments) << "\n"
                                << result.err;
    const std::string trained = value_of(arguments, "--run");
    if (!trained.empty()) last_run_ = trained;
  }

 private:
  // RUN is a new folder where it is trained. Before, it is the last run that the page has trained.
  Arguments with_choices(Arguments arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      std::string& word = arguments[i];
      if (const auto choice = kPlaceholders.find(word); choice != kPlaceholders.end()) {
        word = choice->second;
      } else if (word == "RUN" && i > 0 && arguments[i - 1] == "--run") {
        fs::remove_all(folder_ / word);
      } else if (word == "RUN" && !fs::exists(folder_ / word) && !last_run_.empty()) {
        word = last_run_;
      }
    }
    return arguments;
  }

  void make_what_is_read_by(const Arguments& arguments) {
    for (size_t i = 1; i < arguments.size(); ++i) {
      const auto fixture = fixtures().find(arguments[i]);
      const bool is_written = arguments[i - 1] == "--out" || arguments[i - 1] == "--run";
      if (fixture == fixtures().end() || is_written || fs::exists(folder_ / fixture->first)) {
        continue;
      }
      const Finished made = run(folder_.path(), fixture->second);
      EXPECT_EQ(made.status, 0) << as_text(fixture->second) << "\n" << made.err;
    }
    // `report` changes a page that is there already: its own, or one of the reader's.
    const std::string page = value_of(arguments, "--page");
    if (page.empty() || fs::exists(folder_ / page)) return;
    fs::create_directories((folder_ / page).parent_path());
    const std::string study = fs::path(value_of(arguments, "--records")).filename();
    write(folder_ / page,
          fs::exists(fs::path(REVERIE_SOURCE_DIR) / page)
              ? text_of(page)
              : "<!-- report " + study + " -->\n<!-- end of report " + study + " -->\n");
  }

  std::string page_;
  TemporaryFolder folder_;
  std::string last_run_;
};

// docs/maps.md: docs_maps
std::string case_name(const std::string& page) {
  std::string name = page.substr(0, page.rfind('.'));
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class DocsCommands : public testing::TestWithParam<std::string> {};

TEST_P(DocsCommands, Work) {
  PageReader reader(GetParam());
  for (const DocsCommand& command : commands_on(text_of(GetParam()))) reader.follow(command);
}

INSTANTIATE_TEST_SUITE_P(Pages, DocsCommands, testing::ValuesIn(pages_with_commands()),
                         [](const auto& page) { return case_name(page.param); });

TEST(DocsCommandList, IsComplete) {
  std::vector<std::string> printed;
  for (const std::string& page : pages()) {
    for (const DocsCommand& command : commands_on(text_of(page))) {
      printed.push_back(command.printed);
    }
  }
  EXPECT_GE(printed.size(), 90U) << "too few: are the pages no longer read as they are written?";
  for (const LeftOutCommand& each : kLeftOut) {
    EXPECT_THAT(printed, testing::Contains(each.printed)) << "is left out, but on no page";
  }
}

TEST(DocsCommandReader, DividesWordsAsAShellDoes) {
  EXPECT_THAT(shell_words("a  --b='c d' \"e\"f   # g"), ElementsAre("a", "--b=c d", "ef"));
  EXPECT_THAT(shell_words("a; b && c#d ''"), ElementsAre("a", ";", "b", "&&", "c#d", ""));
  EXPECT_THAT(shell_words("   # a"), IsEmpty());
}

std::vector<std::pair<int, std::string>> lines_and_arguments(const std::string& page) {
  std::vector<std::pair<int, std::string>> found;
  for (const DocsCommand& command : commands_on(page)) {
    found.emplace_back(command.line, as_text(command.arguments).substr(sizeof "reverie"));
  }
  return found;
}

TEST(DocsCommandReader, FindsCommandsInCode) {
  EXPECT_THAT(lines_and_arguments("reverie in the text\n"
                                  "\n"
                                  "    ./reverie list envs   # ids\n"
                                  "    reverie train \\\n"
                                  "        --run a &&\n"
                                  "    reverie plot a && ls && reverie list agents\n"
                                  "```sh\n"
                                  "reverie probe a\n"
                                  "```\n"
                                  "reverie in the text\n"),
              ElementsAre(Pair(3, "list envs"), Pair(4, "train --run a"), Pair(6, "plot a"),
                          Pair(6, "list agents"), Pair(8, "probe a")));
}

TEST(DocsCommandReader, PlaysLoops) {
  EXPECT_THAT(lines_and_arguments("    for a in 1 2; do\n"
                                  "      for b in x; do reverie train $b-$a; done\n"
                                  "      reverie plot $a\n"
                                  "    done\n"
                                  "    reverie list envs\n"),
              ElementsAre(Pair(2, "train x-1"), Pair(3, "plot 1"), Pair(2, "train x-2"),
                          Pair(3, "plot 2"), Pair(5, "list envs")));
}

TEST(DocsCommandReader, FindsCommandsInText) {
  EXPECT_THAT(lines_and_arguments("By `reverie list\n"
                                  "factors ENV` and `reverie train --dataset`, but not\n"
                                  "`reverie dataset info, split`\n"
                                  "\n"
                                  "    reverie plot a\n"
                                  "\n"
                                  "`reverie evaluate RUN --seed 1`"),
              ElementsAre(Pair(1, "list factors ENV"), Pair(5, "plot a"),
                          Pair(7, "evaluate RUN --seed 1")));
}

TEST(DocsCommandReader, KeepsSyntaxThatItDoesNotKnow) {
  EXPECT_THAT(lines_and_arguments("    A=1 reverie list envs | head\n"),
              ElementsAre(Pair(1, "A=1 reverie list envs | head")));
}

TEST(DocsCommandReader, FindsFiles) {
  EXPECT_THAT(files_on("    // a.txt: a map\n    ##\n      #\n\n    // of a program\n"),
              ElementsAre(Pair("a.txt", "// a.txt: a map\n##\n  #\n")));
}

TEST(DocsCommandReader, ShortensWhatItKnows) {
  EXPECT_EQ(as_text(shortened({"collect", "--steps", "1e6", "--out", "a"})),
            "reverie collect --steps 3000 --out a");
  EXPECT_EQ(as_text(shortened({"decoder", "a", "--updates", "0"})),
            "reverie decoder a --updates 0");
  EXPECT_EQ(as_text(shortened({"list", "envs", "--new"})), "reverie list envs --new");
  EXPECT_EQ(as_text(shortened({"list", "train"})), "reverie list train");
}

}  // namespace
}  // namespace reverie::test
