#include "tests/apps/program.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(2);

// In the child, after fork(): only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, const ProgramOptions& options, const char* out,
                         const char* err) {
  const auto redirect = [](const char* file, int fd) {
    const int opened = ::open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (opened < 0 || ::dup2(opened, fd) < 0) ::_exit(126);
    ::close(opened);
  };
  // A shell that starts the tests in the background has them ignore Ctrl-C, and so their children.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  redirect(out, STDOUT_FILENO);
  redirect(err, STDERR_FILENO);
  if (options.max_file_bytes >= 0) {
    const auto bytes = static_cast<rlim_t>(options.max_file_bytes);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
    ::signal(SIGXFSZ, SIG_IGN);
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
  }
  if (::chdir(options.folder.c_str()) != 0) ::_exit(126);
  ::execv(arguments[0], arguments);
  ::_exit(126);
}

}  // namespace

Program::Program(const Arguments& arguments, const ProgramOptions& options) : options_(options) {
  std::string notes = (fs::temp_directory_path() / "reverie_program_XXXXXX").string();
  if (mkdtemp(notes.data()) == nullptr) throw std::runtime_error("cannot make " + notes);
  notes_ = notes;
  std::vector<std::string> texts = {REVERIE_BINARY};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const std::string out =
      options.standard_output.empty() ? notes + "/out" : options.standard_output.string();
  const std::string err = notes + "/err";
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) become(pointers.data(), options, out.c_str(), err.c_str());
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(notes_, ignored);
}

void Program::send(int signal) const { ::kill(pid_, signal); }

Finished Program::finish() {
  const auto deadline = Clock::now() + std::chrono::minutes(2);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "still running after two minutes: " << content(notes_ / "err");
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
      break;
    }
    std::this_thread::sleep_for(kPoll);
  }
  pid_ = -1;
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = options_.standard_output.empty() ? content(notes_ / "out") : "",
          .err = content(notes_ / "err")};
}

Finished run(const fs::path& folder, const Arguments& arguments) {
  return Program(arguments, {.folder = folder}).finish();
}

double ProgramTest::logged(const std::string& run, const std::string& column) const {
  std::istringstream rows(content(at(run + "/metrics.csv")));
  std::string head, line;
  std::getline(rows, head);
  std::string last;
  while (std::getline(rows, line)) {
    std::istringstream names(head), values(line);
    for (std::string name, value; std::getline(names, name, ',');) {
      std::getline(values, value, ',');
      if (name == column && !value.empty()) last = value;
    }
  }
  if (!last.empty()) return std::stod(last);
  ADD_FAILURE() << run << ": no value of " << column;
  return 0.0;
}

Finished ProgramTest::good(const Arguments& arguments) const {
  Finished result = run(folder_.path(), arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return result;
}

void expect_refusal(const std::filesystem::path& folder, const Arguments& arguments,
                    const std::vector<std::string>& messages, int status) {
  std::string line;
  for (const std::string& argument : arguments) line += " " + argument;
  SCOPED_TRACE(line);
  const std::string before = everything_below(folder);
  const Finished result = run(folder, arguments);
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.starts_with("reverie: ") ||
              result.err.find("\nreverie: ") != std::string::npos)
      << result.err;
  for (const std::string& message : messages) {
    EXPECT_THAT(result.err, testing::HasSubstr(message));
  }
  EXPECT_TRUE(everything_below(folder) == before) << "something changed on disk";
}

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Arguments tiny_training(const std::string& run, int64_t steps, const Arguments& more) {
  Arguments all = {"train",
                   "--env",
                   "maze2d-umaze",
                   "--agent",
                   "ddpg",
                   "--preset",
                   "none",
                   "--run",
                   run,
                   "--steps",
                   std::to_string(steps),
                   "--num-envs",
                   "2",
                   "--hidden-sizes",
                   "16,16",
                   "--minibatch",
                   "16",
                   "--max-steps",
                   "50",
                   "--evaluate-every",
                   "0"};
  const auto unless_given = [&](const std::string& flag, const std::string& value) {
    if (std::find(more.begin(), more.end(), flag) != more.end()) return;
    all.insert(all.end(), {flag, value});
  };
  unless_given("--learning-starts", "100");
  unless_given("--replay-capacity", "1000");
  unless_given("--threads", "1");
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Arguments tiny_world_model(const std::string& run, int64_t length, const Arguments& more) {
  const bool learns_from_data = std::find(more.begin(), more.end(), "--dataset") != more.end();
  Arguments all = {"train",
                   "--env",
                   "maze2d-umaze",
                   "--agent",
                   "jepa",
                   "--preset",
                   "none",
                   "--quiet",
                   "--run",
                   run,
                   learns_from_data ? "--updates" : "--steps",
                   std::to_string(length)};
  const std::map<std::string, std::string> defaults = {
      {"--action-block", "2"},    {"--elites", "4"},          {"--encoder-channels", "4,8"},
      {"--horizon", "3"},         {"--image-size", "16x16"},  {"--iterations", "2"},
      {"--latent-size", "8"},     {"--max-steps", "60"},      {"--minibatch", "4"},
      {"--predictor-depth", "1"}, {"--predictor-width", "8"}, {"--replan-every", "2"},
      {"--samples", "8"},         {"--slices", "8"},          {"--threads", "1"}};
  for (const auto& [flag, value] : defaults) {
    if (std::find(more.begin(), more.end(), flag) == more.end()) {
      all.insert(all.end(), {flag, value});
    }
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << "cannot read " << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

void edit(const fs::path& file, const std::string& pattern, const std::string& text) {
  const std::string before = content(file);
  const std::string after = std::regex_replace(before, std::regex(pattern), text,
                                               std::regex_constants::format_first_only);
  EXPECT_NE(before, after) << pattern << " is not in " << file;
  write(file, after);
}

std::string everything_below(const fs::path& folder) {
  std::vector<std::string> entries;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == ".lock") continue;
    entries.push_back(entry.path().string() + "\n" +
                      (entry.is_regular_file() ? content(entry.path()) : "") + "\n");
  }
  std::sort(entries.begin(), entries.end());
  std::string all;
  for (const std::string& entry : entries) all += entry;
  return all;
}

fs::path latest_checkpoint(const fs::path& run) {
  if (!fs::exists(run / "latest")) return {};
  std::string name = content(run / "latest");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return run / "checkpoints" / name;
}

void wait_for_checkpoint(const fs::path& run, int64_t step) {
  const auto deadline = Clock::now() + std::chrono::minutes(1);
  const std::string beyond = fmt::format("step_{:09}", step);
  while (latest_checkpoint(run).filename().string() <= beyond) {
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "no checkpoint beyond step " << step << " in " << run;
      return;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace reverie::test
