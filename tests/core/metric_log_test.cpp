#include "core/metric_log.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/temporary_folder.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string csv(const fs::path& folder) { return read_file(folder / "metrics.csv", 1 << 24); }

// The CSV's lines without the wall time, which varies.
std::vector<std::string> rows(const fs::path& folder) {
  std::istringstream text(csv(folder));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    const size_t first = line.find(',');
    const size_t second = std::min(line.find(',', first + 1), line.size());
    lines.push_back(line.substr(0, first) + line.substr(second));
  }
  return lines;
}

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().find("tfevents") != std::string::npos) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

// Computed bit by bit, so that it shares nothing with the table in the tested code.
uint32_t masked_crc32c(std::string_view bytes) {
  uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0x82f63b78U : crc >> 1;
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// The payloads of a TFRecord file; checks its framing and both checksums of every record.
std::vector<std::string> records(const fs::path& path) {
  const std::string bytes = read_file(path, 1 << 24);
  const auto number_at = [&](size_t offset, size_t size) {
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = (value << 8) | static_cast<uint8_t>(bytes[offset + i]);
    return value;
  };
  std::vector<std::string> payloads;
  for (size_t at = 0; at < bytes.size();) {
    if (at + 12 > bytes.size() || number_at(at, 8) > bytes.size() - at - 12) {
      ADD_FAILURE() << "a record is cut short at byte " << at;
      break;
    }
    const std::string_view all = bytes;
    const size_t length = number_at(at, 8);
    EXPECT_EQ(number_at(at + 8, 4), masked_crc32c(all.substr(at, 8)));
    EXPECT_EQ(number_at(at + 12 + length, 4), masked_crc32c(all.substr(at + 12, length)));
    payloads.emplace_back(all.substr(at + 12, length));
    at += 16 + length;
  }
  return payloads;
}

bool have_python() { return std::system("python3 -c '' 2>/dev/null") == 0; }

// The values that TensorBoard reads from the folder, one "tag step value" per line.
std::string tensorboard_scalars(const fs::path& folder) {
  const std::string command =
      fmt::format("PYTHONPATH='{}' python3 '{}/tests/core/read_events.py' '{}' 2>'{}/python.log'",
                  REVERIE_TEST_PYTHON_PATH, REVERIE_SOURCE_DIR, folder.string(), folder.string());
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
  EXPECT_EQ(pclose(pipe), 0) << read_file(folder / "python.log", 1 << 20);
  return output;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MetricLog, WritesAWideTable) {
  const TemporaryFolder folder;
  MetricLog log(folder.path());
  log.write(0, {{"loss/critic", 0.1}, {"return", -3.0}});
  log.write(100, {{"return", kNaN}, {"loss/critic", 1e300}});
  log.write(100, {{"return", -kNaN}});
  log.write(200, {});
  log.write(300, {{"a \"b\", c", -kInfinity}, {"loss/critic", 5.0}});
  log.write(301, {{"return", 1.0 / 3.0}});
  EXPECT_THAT(rows(folder.path()), ElementsAre("step,loss/critic,return,\"a \"\"b\"\", c\"",
                                               "0,0.1,-3,", "100,1e+300,nan,", "100,,nan,",
                                               "300,5,,-inf", "301,,0.3333333333333333,"));
  EXPECT_THAT(csv(folder.path()), testing::StartsWith("step,wall_time_s,loss/critic,"));
}

TEST(MetricLog, EveryRowIsThereWhenWriteReturns) {
  const TemporaryFolder folder;
  MetricLog log(folder.path());
  const auto files = event_files(folder.path());
  for (int64_t step = 0; step < 3; ++step) {
    log.write(step, {{"x", 1.0}});
    EXPECT_EQ(rows(folder.path()).size(), static_cast<size_t>(step) + 2);
    EXPECT_EQ(records(files.at(0)).size(), static_cast<size_t>(step) + 2);
  }
}

TEST(MetricLog, FramesEventsAsTensorFlowDoes) {
  const TemporaryFolder folder;
  MetricLog log(folder.path());
  log.write(300, {{"x", 1.5}, {"y", 2.0}});
  log.sync();
  const auto files = event_files(folder.path());
  ASSERT_EQ(files.size(), 1U);
  EXPECT_THAT(files[0].filename().string(),
              testing::MatchesRegex("events\\.out\\.tfevents\\.[0-9]{10}\\.reverie\\.[0-9]+"));
  const auto payloads = records(files[0]);
  ASSERT_EQ(payloads.size(), 2U);
  // After tag and eight bytes of wall time: step 0, file_version.
  EXPECT_EQ(payloads[0].substr(9), std::string("\x10\0\x1a\x0d", 4) + "brain.Event:2");
  // Step 300 as a varint, then a summary of two values {tag, simple_value}.
  EXPECT_EQ(payloads[1].substr(9), std::string("\x10\xac\x02\x2a\x14"
                                               "\x0a\x08\x0a\x01x\x15\0\0\xc0\x3f"
                                               "\x0a\x08\x0a\x01y\x15\0\0\0\x40",
                                               25));
}

TEST(MetricLog, RefusesWhatWouldSpoilTheLog) {
  const TemporaryFolder folder;
  MetricLog log(folder.path());
  log.write(5, {{"x", 1.0}});
  const std::string before = csv(folder.path());
  EXPECT_THAT(error_of([&] { log.write(4, {{"x", 1.0}}); }), HasSubstr("step 4 after step 5"));
  EXPECT_THAT(error_of([&] { log.write(6, {{"", 1.0}}); }), HasSubstr("no name"));
  EXPECT_THAT(error_of([&] { log.write(6, {{"a\nb", 1.0}}); }), HasSubstr("printable"));
  EXPECT_THAT(error_of([&] { log.write(6, {{"\xff", 1.0}}); }), HasSubstr("printable"));
  EXPECT_THAT(error_of([&] { log.write(6, {{"step", 1.0}}); }), HasSubstr("'step'"));
  EXPECT_THAT(error_of([&] { log.write(6, {{"y", 1.0}, {"y", 2.0}}); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { MetricLog second(folder.path()); }), HasSubstr("exists already"));
  EXPECT_THAT(error_of([&] { MetricLog orphan(folder / "none"); }), HasSubstr("not a folder"));
  EXPECT_EQ(csv(folder.path()), before);
}

TEST(MetricLog, ResumeDropsLaterRowsAndContinuesTheClock) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "metrics.csv",
                        "step,wall_time_s,x\n10,1.5,1\n20,1000.25,2\n21,2000,3\n40,3000,4\n");
  {
    MetricLog log(folder.path(), 20);
    log.write(25, {{"x", 9.0}, {"y", 1.0}});
    EXPECT_THAT(error_of([&] { log.write(20, {{"x", 1.0}}); }), HasSubstr("never decrease"));
  }
  EXPECT_THAT(rows(folder.path()), ElementsAre("step,x,y", "10,1,", "20,2,", "25,9,1"));
  EXPECT_THAT(csv(folder.path()), testing::ContainsRegex("\n25,100[0-9]\\."));
}

TEST(MetricLog, ResumeDropsDamageAfterTheLastRowItKeeps) {
  const TemporaryFolder folder;
  for (const std::string tail : {"30,2,3\n40,3", "3", "30,2,3,4\n", "x,2,3\n", "30\n40,3,4\n"}) {
    write_file_atomically(folder / "metrics.csv", "step,wall_time_s,x\n10,1,1\n20,2,2\n" + tail);
    const MetricLog log(folder.path(), 20);
    EXPECT_THAT(rows(folder.path()), ElementsAre("step,x", "10,1", "20,2")) << tail;
  }
}

TEST(MetricLog, ResumeNamesADamagedLine) {
  const TemporaryFolder folder;
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"step,wall_time_s", "line 1"},
      {"time,value\n1,2\n", "line 1"},
      {"step,wall_time_s,x\n10,1,1\n1x,2,2\n20,3,3\n", "line 3 is damaged"},
      {"step,wall_time_s,x\n10,nan,1\n20,3,3\n", "line 2 is damaged"},
      {"step,wall_time_s\n" + std::string(3 << 20, 'x'), "a line of more than"}};
  for (const auto& [text, reason] : cases) {
    write_file_atomically(folder / "metrics.csv", text);
    EXPECT_THAT(error_of([&] { MetricLog log(folder.path(), 20); }),
                testing::AllOf(HasSubstr("metrics.csv"), HasSubstr(reason)));
    EXPECT_EQ(csv(folder.path()), text);
  }
}

TEST(MetricLog, ResumeReadsWhatASpreadsheetSaved) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "metrics.csv", "step,wall_time_s,\"a, b\"\r\n10,1,\r\n20,2,7\r\n");
  MetricLog log(folder.path(), 20);
  log.write(30, {{"a, b", 8.0}});
  EXPECT_THAT(rows(folder.path()), ElementsAre("step,\"a, b\"", "10,", "20,7", "30,8"));
}

TEST(MetricLog, TensorBoardReadsTheScalars) {
  if (!have_python()) GTEST_SKIP() << "python3 is not installed";
  const TemporaryFolder folder;
  MetricLog log(folder.path());
  log.write(0, {{"loss/critic", 0.5}, {"return", -2.25}});
  log.write(int64_t{1} << 40, {{"return", kNaN}, {"a \"b\", c", kInfinity}});
  EXPECT_EQ(tensorboard_scalars(folder.path()),
            "loss/critic 0 0.5\nreturn 0 -2.25\nreturn 1099511627776 nan\n"
            "a \"b\", c 1099511627776 inf\n");
}

TEST(MetricLog, TensorBoardForgetsWhatAResumeRepeats) {
  if (!have_python()) GTEST_SKIP() << "python3 is not installed";
  const TemporaryFolder folder;
  {
    MetricLog log(folder.path());
    for (int64_t step = 10; step <= 50; step += 10) log.write(step, {{"x", 1.0}, {"old", 1.0}});
  }
  // The first part was killed in the middle of a record.
  fs::path first = event_files(folder.path()).at(0);
  fs::resize_file(first, fs::file_size(first) - 5);
  {
    MetricLog log(folder.path(), 30);
    log.write(35, {{"x", 2.0}});
  }
  EXPECT_EQ(event_files(folder.path()).size(), 2U);
  EXPECT_EQ(tensorboard_scalars(folder.path()),
            "x 10 1.0\nx 20 1.0\nx 30 1.0\nx 35 2.0\nold 10 1.0\nold 20 1.0\nold 30 1.0\n");
  {
    MetricLog log(folder.path(), 20);  // within the same second
    log.write(40, {{"x", 3.0}});
  }
  EXPECT_EQ(event_files(folder.path()).size(), 3U);
  EXPECT_EQ(tensorboard_scalars(folder.path()),
            "x 10 1.0\nx 20 1.0\nx 40 3.0\nold 10 1.0\nold 20 1.0\n");
}

}  // namespace
}  // namespace reverie
