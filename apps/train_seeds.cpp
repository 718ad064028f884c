#include "apps/train_seeds.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/interrupt.h"

namespace reverie {
namespace {

constexpr int kPollTime = 200;  // [ms]
constexpr int kExecFailed = 127;

// A running process, whose standard error is read line by line.
class SeedProcess {
 public:
  explicit SeedProcess(const SeedRun& run) : name_(run.name) {
    std::vector<std::string> words = {"reverie", "train"};
    words.insert(words.end(), run.arguments.begin(), run.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::array<int, 2> ends{};
    REVERIE_CHECK_RUN(pipe2(ends.data(), O_CLOEXEC) == 0, "{}: cannot make a pipe: {}", name_,
                      std::strerror(errno));
    const pid_t parent = getpid();
    process_ = fork();
    if (process_ == 0) {  // only calls that are safe between fork and exec
      setpgid(0, 0);      // Ctrl-C reaches the parent alone, which passes it on
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (getppid() != parent) _exit(kExecFailed);  // it died before that
      dup2(ends[1], STDERR_FILENO);
      execv("/proc/self/exe", argv.data());
      _exit(kExecFailed);
    }
    close(ends[1]);
    output_ = ends[0];
    if (process_ < 0) close(output_);
    REVERIE_CHECK_RUN(process_ > 0, "{}: cannot start a process: {}", name_, std::strerror(errno));
  }
  SeedProcess(const SeedProcess&) = delete;
  SeedProcess& operator=(const SeedProcess&) = delete;
  ~SeedProcess() {
    if (output_ >= 0) close(output_);
    if (process_ > 0) kill(process_, SIGTERM);
  }

  int output() const { return output_; }

  void stop() const { kill(process_, SIGTERM); }

  // Prints what has arrived. Returns whether more may come.
  bool read_output() {
    std::array<char, 4096> buffer;
    const ssize_t count = read(output_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return true;
    if (count > 0) pending_.append(buffer.data(), static_cast<size_t>(count));
    for (size_t end; (end = pending_.find('\n')) != std::string::npos;) {
      std::cerr << name_ << ": " << pending_.substr(0, end + 1);
      pending_.erase(0, end + 1);
    }
    if (count > 0) return true;
    if (!pending_.empty()) std::cerr << name_ << ": " << pending_ << "\n";
    return false;
  }

  // Waits for its end and returns its exit status.
  int wait() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = 0;
    constexpr int kBySignal = 128;  // as shells report it
    return WIFEXITED(status) ? WEXITSTATUS(status) : kBySignal + WTERMSIG(status);
  }

 private:
  std::string name_;
  pid_t process_ = 0;
  int output_ = -1;
  std::string pending_;  // a line that has not ended
};

// Reads from all processes until the output of one of them has ended; returns its place, or -1
// after kPollTime.
int read_outputs(std::vector<std::unique_ptr<SeedProcess>>& running) {
  std::vector<pollfd> watched;
  for (const auto& process : running) watched.push_back({process->output(), POLLIN, 0});
  if (poll(watched.data(), watched.size(), kPollTime) <= 0) return -1;
  for (size_t i = 0; i < running.size(); ++i) {
    if (watched[i].revents != 0 && !running[i]->read_output()) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

int train_seeds(const std::vector<SeedRun>& runs, int64_t parallel) {
  std::vector<std::unique_ptr<SeedProcess>> running;
  size_t next = 0;
  int failure = 0;
  bool is_told_to_stop = false;
  while (true) {
    if (stop_requested() && !is_told_to_stop) {
      is_told_to_stop = true;
      for (const auto& process : running) process->stop();
    }
    const bool starts = failure == 0 && !is_told_to_stop && next < runs.size();
    if (starts && static_cast<int64_t>(running.size()) < parallel) {
      running.push_back(std::make_unique<SeedProcess>(runs[next++]));
      continue;
    }
    if (running.empty()) break;
    const int ended = read_outputs(running);
    if (ended < 0) continue;
    const int status = running[static_cast<size_t>(ended)]->wait();
    running.erase(running.begin() + ended);
    if (status != 0 && failure == 0) failure = status;
  }
  return is_told_to_stop ? kInterruptedStatus : failure;
}

Arguments without_flags(const Arguments& arguments, const std::vector<std::string>& flags) {
  Arguments kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const auto is_flag = [&](const std::string& flag) { return argument == flag; };
    const auto holds_value = [&](const std::string& flag) {
      return argument.starts_with(flag + "=");
    };
    if (std::any_of(flags.begin(), flags.end(), is_flag)) {
      ++i;  // its value
    } else if (std::none_of(flags.begin(), flags.end(), holds_value)) {
      kept.push_back(argument);
    }
  }
  return kept;
}

}  // namespace reverie
