#include "core/progress.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include "core/file.h"

namespace reverie {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string without_colours(std::string text) {
  for (size_t at = 0; (at = text.find("\x1b[", at)) != std::string::npos;) {
    const size_t end = text.find_first_not_of("0123456789;", at + 2);
    if (end != std::string::npos && text[end] == 'm') {
      text.erase(at, end + 1 - at);
    } else {
      ++at;
    }
  }
  return text;
}

// The screen after the output, for lines that do not wrap: "\r" goes back, "\x1b[K" clears to the
// right, "\n" goes down.
std::vector<std::string> screen(const std::string& output) {
  const std::string text = without_colours(output);
  std::vector<std::vector<std::string>> rows(1);  // of glyphs
  size_t column = 0;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "\x1b[K") == 0) {
      if (column < rows.back().size()) rows.back().resize(column);
      i += 3;
    } else if (text[i] == '\r') {
      column = 0;
      ++i;
    } else if (text[i] == '\n') {
      rows.emplace_back();
      column = 0;
      ++i;
    } else {
      size_t end = i + 1;
      while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0U) == 0x80) ++end;
      rows.back().resize(std::max(rows.back().size(), column + 1), " ");
      rows.back()[column++] = text.substr(i, end - i);
      i = end;
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    lines.emplace_back();
    for (const std::string& glyph : row) lines.back() += glyph;
  }
  return lines;
}

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() {
    for (const char* name : {"NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"}) unsetenv(name);
    setenv("TERM", "xterm-256color", 1);
  }

  void open_pipe() {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_ = FileDescriptor(ends[0]);
    writer_ = FileDescriptor(ends[1]);
  }

  void open_terminal(uint16_t columns) {
    int ends[2];
    winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(openpty(&ends[0], &ends[1], nullptr, nullptr, &size), 0);
    reader_ = FileDescriptor(ends[0]);
    writer_ = FileDescriptor(ends[1]);
  }

  ProgressOptions options(std::string label = "") {
    return {.label = std::move(label), .fd = writer_.get(), .clock = [this] { return now_; }};
  }

  // Everything drawn since the last call. Writes a mark and reads up to it.
  std::string output() {
    EXPECT_EQ(write(writer_.get(), "\x01", 1), 1);
    std::string text;
    char buffer[4096];
    while (!text.ends_with('\x01')) {
      const ssize_t count = read(reader_.get(), buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
    }
    text.pop_back();
    return text;
  }

  double now_ = 1000.0;
  FileDescriptor reader_, writer_;
};

TEST(FormatDuration, ReadsLikeAClock) {
  EXPECT_EQ(format_duration(3723), "1:02:03");
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(24.9), "0:24");
  EXPECT_EQ(format_duration(3599.99), "59:59");
  EXPECT_EQ(format_duration(3600), "1:00:00");
  EXPECT_EQ(format_duration(2 * 86400 + 3723), "2d 01:02:03");
  for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300}) {
    EXPECT_EQ(format_duration(bad), "--:--");
  }
}

TEST(FormatCount, KeepsThreeDigits) {
  const std::pair<double, std::string> cases[] = {
      {12345.6, "12.3k"},
      {0, "0"},
      {42, "42"},
      {0.12345, "0.123"},
      {999, "999"},
      {999.4, "999"},
      {999.5, "1k"},
      {1000, "1k"},
      {999499, "999k"},
      {999500, "1M"},
      {1.5e6, "1.5M"},
      {-2.345e9, "-2.35G"},
      {3e12, "3T"},
      {1e18, "1e+18"},
      {-std::nan(""), "nan"},
      {-std::numeric_limits<double>::infinity(), "-inf"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(format_count(value), text);
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("━╸─é"), 4);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("迷路"), 4);
  EXPECT_EQ(display_width("🚗"), 2);
  EXPECT_EQ(display_width("\xff\xc3"), 2);              // not UTF-8
  EXPECT_EQ(display_width("\xe2\x94"), 2);              // cut short
  EXPECT_EQ(display_width("\xc0\xaf\xed\xa0\x80"), 5);  // overlong, surrogate
}

TEST_F(ProgressTest, DrawsOneLineOnATerminal) {
  open_terminal(100);
  ProgressBar bar(50000, options("ddpg"));
  now_ += 10.0;
  bar.update(20000, {{"return", 12.34}, {"success", 0.85}});
  const std::string text = output();
  EXPECT_THAT(text, HasSubstr("\x1b[32m"));
  EXPECT_THAT(
      screen(text),
      ElementsAre("ddpg  ━━━━━━━━━━━━━────────────────────   40%  ETA 0:15  2k/s  return 12.3  "
                  "success 0.85  20k/50k"));
  now_ += 65.0;
  bar.update(50000);
  bar.finish();
  EXPECT_THAT(
      screen(output()),
      ElementsAre("ddpg  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  100%  in 1:15  667/s  return 12.3  "
                  "success 0.85  50k/50k",
                  ""));
}

TEST_F(ProgressTest, RedrawsAtMostTenTimesASecond) {
  open_terminal(80);
  ProgressBar bar(100000, options());
  output();
  std::string drawn;
  for (int64_t step = 1; step <= 2000; ++step) {  // two seconds
    now_ += 0.001;
    bar.update(step);
    if (step % 500 == 0) drawn += output();
  }
  const auto redraws = std::ranges::count(drawn, '\r');
  EXPECT_GE(redraws, 18);
  EXPECT_LE(redraws, 20);
}

TEST_F(ProgressTest, FitsEveryWidth) {
  for (uint16_t columns = 1; columns <= 160; ++columns) {
    open_terminal(columns);
    ProgressBar bar(1000000, options("迷路 maze2d-umaze-ddpg"));
    now_ += 10.0;
    bar.update(123456, {{"return", -1234.5}, {"success rate", 0.5}});
    const std::vector<std::string> lines = screen(output());
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_LT(display_width(lines[0]), std::max<int>(columns, 2)) << lines[0];
    if (columns >= 6) {
      EXPECT_THAT(lines[0], HasSubstr("12%"));
    }
    if (columns >= 40) {
      EXPECT_THAT(lines[0], HasSubstr("━")) << columns;
    }
    if (columns >= 24) {
      EXPECT_THAT(lines[0], HasSubstr("ETA 1:11")) << columns;
    }
    if (columns >= 110) {
      EXPECT_THAT(lines[0], HasSubstr("success rate 0.5  123k/1M"));
    }
  }
}

TEST_F(ProgressTest, MessagesStandAboveTheBar) {
  open_terminal(60);
  ProgressBar bar(100, options());
  now_ += 1.0;
  bar.update(50);
  bar.message("saved step_000000050\n");
  bar.message("two\nlines");
  const std::vector<std::string> lines = screen(output());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "saved step_000000050");
  EXPECT_EQ(lines[1], "two");
  EXPECT_EQ(lines[2], "lines");
  EXPECT_THAT(lines[3], HasSubstr("50%  ETA 0:01"));
}

TEST_F(ProgressTest, HostileTextCannotSteerTheTerminal) {
  open_terminal(100);
  ProgressBar bar(100, options("run\x1b[2J\r\n"));
  now_ += 1.0;
  bar.update(1, {{"x\x1b]0;t\x07", 1.0}});
  bar.message(
      "a\x1b[31mb\xc2\x9b"
      "c\xff");
  const std::string text = output();
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b]")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[31m")));
  EXPECT_THAT(text, HasSubstr("a?[31mb?c?\r\n"));
  EXPECT_EQ(screen(text).size(), 2U);
}

TEST_F(ProgressTest, RespectsNoColourAndTheCLocale) {
  open_terminal(80);
  setenv("NO_COLOR", "1", 1);
  setenv("LC_ALL", "C", 1);
  ProgressBar bar(100, options());
  now_ += 1.0;
  bar.update(50);
  const std::string text = output();
  EXPECT_EQ(text, without_colours(text));
  EXPECT_THAT(screen(text),
              ElementsAre(StartsWith("####################....................   50%")));
}

TEST_F(ProgressTest, RateIsSmoothedAndForgets) {
  open_terminal(80);
  ProgressBar bar(1000000, options());
  int64_t step = 0;
  const auto run = [&](double rate, int seconds) {
    std::string drawn;
    for (int i = 0; i < 10 * seconds; ++i) {
      now_ += 0.1001;
      bar.update(step += std::lround(rate * 0.1001));
      if (i % 10 == 9) drawn = output();  // a full terminal blocks its writer
    }
    return screen(drawn).at(0);
  };
  EXPECT_THAT(run(1000, 2), HasSubstr("999/s"));
  EXPECT_THAT(run(10000, 2), ContainsRegex("  [2-7]\\.?[0-9]*k/s"));
  EXPECT_THAT(run(10000, 100), HasSubstr("10k/s"));
}

TEST_F(ProgressTest, AResumedRunCountsItsOwnStepsOnly) {
  open_terminal(80);
  ProgressOptions resumed = options();
  resumed.first_step = 900000;
  ProgressBar bar(1000000, resumed);
  now_ += 10.0;
  bar.update(901000);
  EXPECT_THAT(screen(output()).at(0), HasSubstr(" 90%  ETA 16:30  100/s"));
  bar.finish();
  EXPECT_THAT(screen(output()).at(0), HasSubstr("in 0:10  100/s"));
}

TEST_F(ProgressTest, AnUnknownTotalShowsWhatIsKnown) {
  open_terminal(80);
  ProgressBar bar(0, options("collect"));
  now_ += 2.0;
  bar.update(3000);
  EXPECT_THAT(screen(output()), ElementsAre("collect  1.5k/s  3k steps"));
  EXPECT_THROW(ProgressBar(-1, options()), Error);
}

TEST_F(ProgressTest, PlainLinesAtMilestonesAndEveryTenSeconds) {
  open_pipe();
  ProgressBar bar(1000, options("ddpg"));
  for (int64_t step = 1; step <= 1000; ++step) {
    now_ += step <= 50 ? 0.5 : 0.001;  // 25 s for the first 5 %, then fast
    bar.update(step, {{"return", 0.1234567}});
  }
  bar.finish();
  bar.finish();
  const std::vector<std::string> lines = lines_of(output());
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(lines[0], "ddpg: 2% 20/1000 steps, 2 steps/s, ETA 8:10, return 0.123457");
  EXPECT_THAT(lines[1], StartsWith("ddpg: 4% 40/1000 steps, 2 steps/s, ETA 8:00"));
  for (size_t tenth = 1; tenth <= 9; ++tenth) {
    EXPECT_THAT(lines[tenth + 1],
                StartsWith(fmt::format("ddpg: {}% {}/1000", 10 * tenth, 100 * tenth)));
  }
  EXPECT_THAT(lines[11], StartsWith("ddpg: 100% 1000/1000 steps"));
  EXPECT_THAT(lines[11], HasSubstr("in 0:25"));
}

TEST_F(ProgressTest, ADumbTerminalGetsPlainLines) {
  open_terminal(80);
  setenv("TERM", "dumb", 1);
  ProgressBar bar(100, options());
  bar.message("hello");
  bar.update(29);
  bar.finish();
  EXPECT_EQ(output(), "hello\r\n29% 29/100 steps\r\n29% 29/100 steps, in 0:00\r\n");
}

TEST_F(ProgressTest, QuietShowsMessagesOnly) {
  for (const bool terminal : {false, true}) {
    terminal ? open_terminal(80) : open_pipe();
    ProgressOptions quiet = options("x");
    quiet.quiet = true;
    {
      ProgressBar bar(100, quiet);
      now_ += 100.0;
      bar.update(99, {{"x", 1.0}});
      bar.message("warning");
    }
    EXPECT_EQ(output(), terminal ? "warning\r\n" : "warning\n");
  }
}

TEST_F(ProgressTest, ALostTerminalDoesNotEndTheRun) {
  ProgressOptions lost{.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};
  const FileDescriptor owner(lost.fd);
  ProgressBar bar(100, lost);
  bar.update(50);
  bar.message("nobody reads this");
  bar.finish();
}

TEST_F(ProgressTest, ThreadsMayReportTogether) {
  open_terminal(80);
  std::string drawn;
  {
    ProgressBar bar(1000, {.fd = writer_.get()});
    std::thread reporter([&] {
      for (int i = 0; i < 20; ++i) bar.message("m");
    });
    for (int64_t step = 1; step <= 1000; ++step) bar.update(step, {{"return", 1.0}});
    reporter.join();
  }
  const std::vector<std::string> lines = screen(output());
  ASSERT_EQ(lines.size(), 22U);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(lines[i], "m");
  EXPECT_THAT(lines[20], HasSubstr("100%"));
}

}  // namespace
}  // namespace reverie
