#include "core/progress.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include <sys/ioctl.h>

#include "core/clock.h"
#include "core/interrupt.h"

namespace reverie {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 10.0;
constexpr double kRateSeconds = 10.0;  // time constant of the rate's decay
constexpr int kMaxBarColumns = 40;
constexpr int kMinBarColumns = 10;
constexpr int kNarrowColumns = 40;  // a narrower terminal shows numbers without a bar
constexpr int kUnknownColumns = 80;
constexpr std::string_view kGap = "  ";

std::atomic<bool> is_silent{false};

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_terminal(int fd) { return ::isatty(fd) == 1 && environment("TERM") != "dumb"; }

// A container often sets no locale although the terminal reads UTF-8, so only an explicit C or
// POSIX locale selects ASCII.
bool wants_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view locale = environment(name);
    if (!locale.empty()) return locale != "C" && locale != "POSIX";
  }
  return true;
}

int terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUnknownColumns;
}

struct Glyph {
  char32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// The first code point of non-empty text; a malformed one is a single invalid byte.
Glyph decode(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0xffU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0U) != 0x80) return {};
    code = (code << 6) | (next & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, bytes, true};
}

// The relevant ranges of Unicode's East Asian width and of zero-width marks.
int columns_of(char32_t code) {
  const auto in = [code](char32_t low, char32_t high) { return code >= low && code <= high; };
  if (in(0x300, 0x36f) || in(0x200b, 0x200f) || in(0xfe00, 0xfe0f) || in(0x20d0, 0x20ff)) return 0;
  if (in(0x1100, 0x115f) || in(0x2e80, 0xa4cf) || in(0xac00, 0xd7a3) || in(0xf900, 0xfaff) ||
      in(0xfe30, 0xfe6f) || in(0xff00, 0xff60) || in(0xffe0, 0xffe6) || in(0x1f300, 0x1faff) ||
      in(0x20000, 0x3fffd)) {
    return 2;
  }
  return 1;
}

// Text without control over the terminal: control characters and bytes that are not UTF-8 become
// '?'.
std::string harmless(std::string_view text, std::string_view allowed = "") {
  std::string out;
  while (!text.empty()) {
    const Glyph glyph = decode(text);
    const bool control = glyph.code < 0x20 || (glyph.code >= 0x7f && glyph.code < 0xa0);
    const bool keep = glyph.valid && (!control || allowed.find(text[0]) != std::string_view::npos);
    out += keep ? text.substr(0, glyph.bytes) : "?";
    text.remove_prefix(glyph.bytes);
  }
  return out;
}

// The longest prefix that fits.
std::string_view fit(std::string_view text, int columns) {
  size_t used = 0;
  while (used < text.size()) {
    const Glyph glyph = decode(text.substr(used));
    columns -= glyph.valid ? columns_of(glyph.code) : 1;
    if (columns < 0) break;
    used += glyph.bytes;
  }
  return text.substr(0, used);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0 || seconds > 1e12) return "--:--";
  const auto total = static_cast<int64_t>(seconds);
  const int64_t days = total / 86400;
  const int64_t hours = total / 3600 % 24;
  const int64_t minutes = total / 60 % 60;
  if (days > 0) return fmt::format("{}d {:02}:{:02}:{:02}", days, hours, minutes, total % 60);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{}:{:02}", minutes, total % 60);
}

std::string format_count(double value) {
  if (std::isnan(value)) return "nan";
  constexpr std::array<std::string_view, 5> kSuffixes{"", "k", "M", "G", "T"};
  double scaled = value;
  for (const std::string_view suffix : kSuffixes) {
    // 999.5 would be rounded to the four digits of 1000.
    if (std::abs(scaled) < 999.5) return fmt::format("{:.3g}{}", scaled, suffix);
    scaled /= 1000.0;
  }
  return fmt::format("{:.3g}", value);
}

int display_width(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Glyph glyph = decode(text);
    columns += glyph.valid ? columns_of(glyph.code) : 1;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

void silence_progress() { is_silent = true; }

ProgressBar::ProgressBar(int64_t total_steps, ProgressOptions options)
    : total_(total_steps),
      options_([&] {
        options.label = harmless(options.label);
        if (!options.clock) options.clock = steady_seconds;
        options.quiet |= is_silent;
        return std::move(options);
      }()),
      terminal_(is_terminal(options_.fd)),
      colour_(terminal_ && environment("NO_COLOR").empty()),
      unicode_(wants_unicode()),
      start_(options_.clock()),
      step_(options_.first_step),
      last_shown_(start_),
      rate_step_(step_),
      rate_time_(start_) {
  REVERIE_CHECK(total_ >= 0, "progress: {} steps in total, expected 0 or more", total_);
  shown_tenth_ = done_of(10);
  if (terminal_ && !options_.quiet) draw();
}

ProgressBar::~ProgressBar() {
  try {
    finish();
  } catch (...) {  // out of memory while a run unwinds: losing the bar matters least
  }
}

void ProgressBar::update(int64_t step) {
  const std::lock_guard lock(mutex_);
  step_ = step;
  refresh();
  if (!options_.stops_itself) throw_if_interrupted();
}

void ProgressBar::update(int64_t step, const Metrics& values) {
  const std::lock_guard lock(mutex_);
  step_ = step;
  values_ = values;
  refresh();
  if (!options_.stops_itself) throw_if_interrupted();
}

void ProgressBar::message(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const bool bar_shown = terminal_ && !options_.quiet && !finished_;
  while (text.ends_with('\n')) text.remove_suffix(1);
  write(fmt::format("{}{}\n", bar_shown ? "\r\x1b[K" : "", harmless(text, "\n\t")));
  if (bar_shown) draw();
}

void ProgressBar::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (options_.quiet) return;
  // The last line covers the whole run.
  recent_steps_ = static_cast<double>(step_ - options_.first_step);
  recent_seconds_ = options_.clock() - start_;
  if (terminal_) {
    draw();
    write("\n");
  } else {
    print_line();
  }
}

void ProgressBar::refresh() {
  if (options_.quiet || finished_) return;
  const double now = options_.clock();
  const double waited = now - last_shown_;
  const int tenth = done_of(10);
  // finish() reports 100 %, with the time taken.
  const bool milestone = tenth > shown_tenth_ && tenth < 10;
  if (terminal_ ? waited < kRedrawSeconds : waited < kLineSeconds && !milestone) return;
  shown_tenth_ = tenth;
  last_shown_ = now;
  measure_rate(now);
  terminal_ ? draw() : print_line();
}

void ProgressBar::measure_rate(double now) {
  const double seconds = now - rate_time_;
  if (seconds <= 0.0) return;
  const double keep = std::exp(-seconds / kRateSeconds);
  recent_steps_ = keep * recent_steps_ + static_cast<double>(step_ - rate_step_);
  recent_seconds_ = keep * recent_seconds_ + seconds;
  rate_step_ = step_;
  rate_time_ = now;
}

// How many of `parts` equal parts of the run are done. Multiplied first: 29 of 100 is 29 %.
int ProgressBar::done_of(int parts) const {
  if (total_ == 0) return 0;
  const double done = parts * static_cast<double>(step_) / static_cast<double>(total_);
  return static_cast<int>(std::clamp(done, 0.0, static_cast<double>(parts)));
}

// The time left while running, the time taken at the end; "" when neither is known.
std::string ProgressBar::time_text() const {
  if (finished_) return fmt::format("in {}", format_duration(recent_seconds_));
  if (total_ == 0 || recent_steps_ <= 0.0) return "";
  const auto left = static_cast<double>(std::max<int64_t>(total_ - step_, 0));
  return fmt::format("ETA {}", format_duration(left * recent_seconds_ / recent_steps_));
}

std::string ProgressBar::rate_text() const {
  return recent_seconds_ > 0.0 ? format_count(recent_steps_ / recent_seconds_) : "";
}

void ProgressBar::draw() {
  write(fmt::format("\r{}\x1b[K", terminal_line(terminal_columns(options_.fd))));
}

std::string ProgressBar::terminal_line(int columns) const {
  // A letter in the last column makes some terminals wrap.
  const int room = std::max(columns - 1, 0);
  const int for_bar =
      total_ > 0 && columns >= kNarrowColumns ? kMinBarColumns + static_cast<int>(kGap.size()) : 0;
  int used = for_bar;
  const auto take = [&](std::string text) -> std::string {
    const int width = display_width(text) + (used > 0 ? static_cast<int>(kGap.size()) : 0);
    if (text.empty() || used + width > room) return "";
    used += width;
    return text;
  };

  // Added in order of importance, shown in reading order.
  const std::string percent = take(total_ > 0 ? fmt::format("{:3}%", done_of(100)) : "");
  const std::string time = take(time_text());
  const std::string rate = take(rate_text().empty() ? "" : rate_text() + "/s");
  std::vector<std::string> shown{percent, time, rate};
  const std::string label = take(std::string(fit(options_.label, room / 3)));
  for (const auto& [name, value] : values_) {
    shown.push_back(take(fmt::format("{} {}", harmless(name), format_count(value))));
  }
  const std::string step = format_count(static_cast<double>(step_));
  shown.push_back(take(total_ > 0
                           ? fmt::format("{}/{}", step, format_count(static_cast<double>(total_)))
                           : fmt::format("{} {}", step, options_.unit)));

  std::string line = label;
  const auto append = [&line](std::string_view text) {
    if (!line.empty() && !text.empty()) line += kGap;
    line += text;
  };
  if (for_bar > 0) append(bar(std::min(kMinBarColumns + room - used, kMaxBarColumns)));
  for (const std::string& text : shown) append(text);
  return line;
}

std::string ProgressBar::bar(int columns) const {
  const int halves = done_of(2 * columns);
  std::string done;
  std::string rest;
  for (int i = 0; i < halves / 2; ++i) done += unicode_ ? "━" : "#";
  if (halves % 2 == 1) done += unicode_ ? "╸" : "-";
  for (int i = (halves + 1) / 2; i < columns; ++i) rest += unicode_ ? "─" : ".";
  if (!colour_) return done + rest;
  return fmt::format("\x1b[32m{}\x1b[0m\x1b[2m{}\x1b[0m", done, rest);
}

// One line for a log file: whole numbers, so that it can be searched.
void ProgressBar::print_line() {
  std::string line = options_.label.empty() ? "" : options_.label + ": ";
  line += total_ > 0 ? fmt::format("{}% {}/{} {}", done_of(100), step_, total_, options_.unit)
                     : fmt::format("{} {}", step_, options_.unit);
  if (const std::string rate = rate_text(); !rate.empty())
    line += fmt::format(", {} {}/s", rate, options_.unit);
  if (const std::string time = time_text(); !time.empty()) line += fmt::format(", {}", time);
  for (const auto& [name, value] : values_) {
    // Not "-nan": the sign of a NaN says nothing.
    line += fmt::format(", {} {:.6g}", harmless(name), std::isnan(value) ? NAN : value);
  }
  line += '\n';
  write(line);
}

void ProgressBar::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(options_.fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace reverie
