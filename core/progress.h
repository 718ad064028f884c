#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include <unistd.h>

#include "core/error.h"
#include "core/spec.h"

namespace reverie {

// "0:24", "12:03", "1:02:03", "2d 01:02:03" for seconds, rounded down; "--:--" when not finite or
// negative.
std::string format_duration(double seconds);

// Three significant digits with a suffix from a thousand on: "0.123", "42", "12.3k", "1.5M", "2G",
// "3T". Also "nan", "inf" and "-inf".
std::string format_count(double value);

// Terminal columns that UTF-8 text takes: 0 for combining marks, 2 for East Asian wide letters and
// emoji. Bytes that are not UTF-8 count 1 each.
int display_width(std::string_view text);

struct ProgressOptions {
  std::string label = {};      // what is running, "maze2d-umaze ddpg"
  int64_t first_step = 0;      // where the count starts: the checkpoint's step of a resumed run
  std::string unit = "steps";  // what is counted
  bool quiet = false;          // no progress, only messages
  bool stops_itself = false;   // the loop checks stop_requested() itself
  int fd = STDERR_FILENO;      // where to draw; not owned
  std::function<double()> clock = {};  // [s] never goes back; empty = the steady clock
};

// Turns progress off from now on, whatever the options of a bar say: the program was called with
// --quiet.
void silence_progress();

// Shows how far a run is:
//
//   ddpg  ━━━━━━━━━━━━━╸──────────────────  42%  ETA 1:02:03  1.23k/s  return 12.3  21k/50k
//
// On a terminal it is one line, redrawn in place at most 10 times a second and fitted to the width:
// parts that do not fit are left out. It has colours unless NO_COLOR is set, and is ASCII when the
// locale is C or POSIX. Elsewhere (a file, a pipe, TERM=dumb) it prints plain lines, one every 10 s
// and one at each 10 % of the run. Failures to write are ignored: they must not end a run. Safe to
// use from several threads.
class ProgressBar {
 public:
  // total_steps: the step at which the run is done; 0 = not known. Throws Error(kInput) when it is
  // negative.
  explicit ProgressBar(int64_t total_steps, ProgressOptions options = {});
  ~ProgressBar();  // finish()
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // The run has reached `step`; cheap enough for every step. `values` replace those shown before.
  // Both throw Interrupted when the program is to stop (core/interrupt.h), unless the loop does
  // that itself.
  void update(int64_t step);
  void update(int64_t step, const Metrics& values);

  // Prints a line of text above the bar.
  void message(std::string_view text);

  // Draws the last state with the time taken and the mean rate, and ends the line; later calls do
  // nothing.
  void finish();

 private:
  void refresh();
  void measure_rate(double now);
  void draw();
  void print_line();
  std::string terminal_line(int columns) const;
  std::string bar(int columns) const;
  std::string time_text() const;
  std::string rate_text() const;
  int done_of(int parts) const;
  void write(std::string_view text) const;

  std::mutex mutex_;
  const int64_t total_;
  const ProgressOptions options_;
  const bool terminal_;
  const bool colour_;
  const bool unicode_;
  const double start_;  // [s] clock
  int64_t step_;
  Metrics values_;
  int shown_tenth_ = 0;  // plain lines: tenths of the run reported so far
  double last_shown_;    // [s] clock
  int64_t rate_step_;    // the step and time of the last rate measurement
  double rate_time_;
  double recent_steps_ = 0.0;  // exponentially decaying sums: their ratio is the rate
  double recent_seconds_ = 0.0;
  bool finished_ = false;
};

}  // namespace reverie
