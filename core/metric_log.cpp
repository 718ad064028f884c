#include "core/metric_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include "core/clock.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepColumn = "step";
constexpr std::string_view kTimeColumn = "wall_time_s";
constexpr std::string_view kEventPrefix = "events.out.tfevents.";
constexpr size_t kMaxLineBytes = size_t{1} << 20;

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// --- CSV (RFC 4180; a name never holds a line break, so a row is a line) ---

std::string csv_cell(std::string_view cell) {
  if (cell.find_first_of(",\"") == std::string_view::npos) return std::string(cell);
  std::string text = "\"";
  for (const char c : cell) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> cells(1);
  bool inside = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && inside && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[i++];
    } else if (line[i] == '"') {
      inside = !inside;
    } else if (line[i] == ',' && !inside) {
      cells.emplace_back();
    } else {
      cells.back() += line[i];
    }
  }
  return cells;
}

// pandas, numpy and Python's float() read nan, inf and -inf; the sign of a NaN has no meaning.
std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

template <typename Number>
bool parse(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Calls visit(line, complete) for each line; `complete` is false for a last line without a line
// break, which an interrupted write leaves. Throws Error(kInput) for an absurdly long line.
template <typename Visit>
void for_each_line(const fs::path& path, Visit&& visit) {
  std::ifstream file(path);
  REVERIE_CHECK(file.is_open(), "{}: cannot read", path.string());
  std::string buffer(kMaxLineBytes, '\0');
  while (file.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
    const bool complete = !file.eof();
    const size_t length = static_cast<size_t>(file.gcount()) - (complete ? 1 : 0);
    visit(std::string_view(buffer.data(), length), complete);
  }
  REVERIE_CHECK(file.eof(), "{}: has a line of more than {} bytes or cannot be read", path.string(),
                kMaxLineBytes);
}

// --- TensorBoard: TFRecord frames around Event messages of TensorFlow's event.proto ---

// CRC-32C (Castagnoli), reflected, polynomial 0x1EDC6F41.
uint32_t crc32c(std::string_view bytes) {
  static const auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
      table[i] = crc;
    }
    return table;
  }();
  uint32_t crc = 0xffffffffU;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xffU] ^ (crc >> 8);
  return ~crc;
}

template <typename Unsigned>
void put_little_endian(std::string& out, Unsigned value) {
  for (size_t i = 0; i < sizeof(value); ++i) out += static_cast<char>((value >> (8 * i)) & 0xffU);
}

// TFRecord masks its checksums, so that a checksum of data that holds checksums stays strong.
void put_masked_crc(std::string& out, std::string_view bytes) {
  put_little_endian(out, std::rotr(crc32c(bytes), 15) + 0xa282ead8U);
}

// uint64 length, its checksum, the bytes, their checksum.
std::string record(std::string_view bytes) {
  std::string out;
  put_little_endian(out, uint64_t{bytes.size()});
  put_masked_crc(out, std::string_view(out));
  out += bytes;
  put_masked_crc(out, bytes);
  return out;
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7fU) | 0x80U);
  out += static_cast<char>(value);
}

// The wire types of protocol buffers that an Event needs.
enum class Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_tag(std::string& out, uint32_t field, Wire wire) {
  put_varint(out, (field << 3) | static_cast<uint32_t>(wire));
}

void put_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  put_tag(out, field, Wire::kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
// SessionLog session_log = 7; }; `body` is the last of them.
std::string event_record(int64_t step, uint32_t body_field, std::string_view body) {
  std::string event;
  put_tag(event, 1, Wire::kFixed64);
  put_little_endian(event, std::bit_cast<uint64_t>(unix_seconds()));
  put_tag(event, 2, Wire::kVarint);
  put_varint(event, static_cast<uint64_t>(step));
  put_bytes(event, body_field, body);
  return record(event);
}

// TensorBoard discards the events it has read of this step and later ones (SessionLog.status =
// START).
std::string restart_record(int64_t first_step) {
  std::string session;
  put_tag(session, 1, Wire::kVarint);
  put_varint(session, 1);
  return event_record(first_step, 7, session);
}

// Summary { repeated Value value = 1; }; Value { string tag = 1; float simple_value = 2; }
std::string scalars_record(int64_t step, const Metrics& metrics) {
  std::string summary;
  for (const auto& [name, value] : metrics) {
    std::string scalar;
    put_bytes(scalar, 1, name);
    put_tag(scalar, 2, Wire::kFixed32);
    put_little_endian(scalar, std::bit_cast<uint32_t>(static_cast<float>(value)));
    put_bytes(summary, 1, scalar);
  }
  return event_record(step, 5, summary);
}

// TensorBoard reads the files of a folder in the order of their names, so a later one gets a later
// time stamp, even when two are made within a second or the clock was set back.
fs::path new_event_file(const fs::path& dir) {
  int64_t stamp = static_cast<int64_t>(unix_seconds());
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kEventPrefix)) continue;
    std::string_view rest = std::string_view(name).substr(kEventPrefix.size());
    rest = rest.substr(0, rest.find('.'));
    int64_t other = 0;
    if (rest.size() == 10 && parse(rest, other)) stamp = std::max(stamp, other + 1);
  }
  return dir / fmt::format("{}{:010}.reverie.{}", kEventPrefix, stamp, ::getpid());
}

void check_name(const Metrics& metrics, size_t index) {
  const std::string& name = metrics[index].first;
  REVERIE_CHECK(!name.empty(), "metric log: metric {} has no name", index);
  REVERIE_CHECK(name != kStepColumn && name != kTimeColumn,
                "metric log: a metric cannot be named '{}', a column of the log itself", name);
  // A line break would split a CSV row, and TensorBoard rejects text that is not UTF-8.
  const bool printable = std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
  REVERIE_CHECK(printable, "metric log: the name of metric {} is not printable ASCII", index);
  for (size_t i = 0; i < index; ++i) {
    REVERIE_CHECK(metrics[i].first != name, "metric log: metric '{}' is given twice", name);
  }
}

}  // namespace

MetricLog::MetricLog(const fs::path& dir, std::optional<int64_t> resume_step)
    : csv_path_(dir / "metrics.csv"), start_time_(steady_seconds()) {
  REVERIE_CHECK(!resume_step || *resume_step >= 0, "{}: cannot resume from step {}", dir.string(),
                *resume_step);
  std::error_code error;
  REVERIE_CHECK(fs::is_directory(dir, error), "{}: is not a folder, cannot log into it",
                dir.string());
  const bool exists = fs::exists(fs::symlink_status(csv_path_, error));
  REVERIE_CHECK(!exists || resume_step, "{}: exists already; resume that run or choose another",
                csv_path_.string());
  if (exists) {
    load(*resume_step);
  } else {
    write_file_atomically(csv_path_, fmt::format("{},{}\n", kStepColumn, kTimeColumn));
  }
  csv_.emplace(csv_path_);

  events_.emplace(new_event_file(dir));
  events_->append(event_record(0, 3, "brain.Event:2"));
  if (resume_step) {
    last_step_ = *resume_step;
    events_->append(restart_record(*resume_step + 1));
  }
}

// Reads the header and drops the rows of later steps, including any damage among them.
void MetricLog::load(int64_t resume_step) {
  AtomicFile kept(csv_path_);
  int64_t line_number = 0;
  int64_t damaged_line = 0;
  bool rewrite = false;
  double last_time = 0.0;
  for_each_line(csv_path_, [&](std::string_view line, bool complete) {
    ++line_number;
    if (line.ends_with('\r')) {  // a spreadsheet saved it
      line.remove_suffix(1);
      rewrite = true;
    }
    std::vector<std::string> cells = split_line(line);
    if (line_number == 1) {
      REVERIE_CHECK(
          complete && cells.size() >= 2 && cells[0] == kStepColumn && cells[1] == kTimeColumn,
          "{}: line 1 is not a header that begins with {},{}", csv_path_.string(), kStepColumn,
          kTimeColumn);
      columns_.assign(cells.begin() + 2, cells.end());
    } else {
      int64_t step = 0;
      double time = 0.0;
      const bool sound = complete && cells.size() == columns_.size() + 2 && parse(cells[0], step) &&
                         parse(cells[1], time) && std::isfinite(time);
      if (!sound && damaged_line == 0) damaged_line = line_number;
      if (!sound || step > resume_step) {
        rewrite = true;
        return;
      }
      REVERIE_CHECK(damaged_line == 0,
                    "{}: line {} is damaged: expected {} cells that begin with a step and a time "
                    "[s]. Repair or delete the line",
                    csv_path_.string(), damaged_line, columns_.size() + 2);
      last_time = std::max(last_time, time);
    }
    kept.write(line);
    kept.write("\n");
  });
  REVERIE_CHECK(line_number > 0, "{}: is empty, expected a header", csv_path_.string());
  if (rewrite) kept.commit();
  start_time_ -= last_time;
}

void MetricLog::write(int64_t step, const Metrics& metrics) {
  if (metrics.empty()) return;
  REVERIE_CHECK(step >= last_step_, "metric log: step {} after step {}; steps never decrease", step,
                last_step_);
  std::vector<std::string> added;
  for (size_t i = 0; i < metrics.size(); ++i) {
    check_name(metrics, i);
    if (std::ranges::find(columns_, metrics[i].first) == columns_.end()) {
      added.push_back(metrics[i].first);
    }
  }
  if (!added.empty()) add_columns(added);

  std::string row = fmt::format("{},{:.3f}", step, wall_time());
  for (const std::string& column : columns_) {
    row += ',';
    const auto found = std::ranges::find(metrics, column, &std::pair<std::string, double>::first);
    if (found != metrics.end()) row += number_text(found->second);
  }
  csv_->append(row + '\n');
  last_step_ = step;
  events_->append(scalars_record(step, metrics));
}

void MetricLog::add_columns(const std::vector<std::string>& names) {
  AtomicFile wider(csv_path_);
  const std::string padding(names.size(), ',');
  bool header = true;
  for_each_line(csv_path_, [&](std::string_view line, bool) {
    wider.write(line);
    if (header) {
      for (const std::string& name : names) wider.write(fmt::format(",{}", csv_cell(name)));
    } else {
      wider.write(padding);
    }
    wider.write("\n");
    header = false;
  });
  wider.commit();
  csv_.emplace(csv_path_);  // the old descriptor refers to the replaced file
  columns_.insert(columns_.end(), names.begin(), names.end());
}

void MetricLog::sync() {
  csv_->sync();
  events_->sync();
}

double MetricLog::wall_time() const { return steady_seconds() - start_time_; }

}  // namespace reverie
