#include "envs/maze/maze_map.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/file.h"

namespace reverie::maze {
namespace {

constexpr int64_t kMaxSide = 200;
constexpr size_t kMaxBytes = 1 << 20;

std::optional<Cell> cell_of(char letter) {
  switch (letter) {
    case '#':
    case '1':
      return Cell::kWall;
    case ' ':
    case '.':
    case 'O':
    case '0':
      return Cell::kFree;
    case 'G':
    case 'g':
      return Cell::kGoal;
    case 'r':
      return Cell::kStart;
    case 'c':
      return Cell::kBoth;
    default:
      return std::nullopt;
  }
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line(text.substr(begin, end - begin));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

MazeMap MazeMap::load(const std::filesystem::path& file) {
  return parse(read_file(file, kMaxBytes), file.string());
}

MazeMap MazeMap::parse(std::string_view text, const std::string& source) {
  MazeMap map;
  map.source_ = source;
  int64_t number = 0;
  int64_t first_line = 0;
  bool ended = false;
  for (const std::string& line : split_lines(text)) {
    ++number;
    if (line.rfind("//", 0) == 0) continue;
    if (line.empty()) {
      ended = map.rows_ > 0;
      continue;
    }
    REVERIE_CHECK(!ended, "map {}: line {} follows an empty line inside the map", source, number);
    const auto width = static_cast<int64_t>(line.size());
    if (map.rows_ == 0) {
      map.columns_ = width;
      first_line = number;
    }
    REVERIE_CHECK(width == map.columns_,
                  "map {}: line {} has {} cells, line {} has {}; all rows must be equally long",
                  source, number, width, first_line, map.columns_);
    REVERIE_CHECK(width <= kMaxSide && map.rows_ < kMaxSide,
                  "map {}: larger than {} x {} cells at line {}", source, kMaxSide, kMaxSide,
                  number);
    for (int64_t column = 0; column < width; ++column) {
      const char letter = line[static_cast<size_t>(column)];
      const std::optional<Cell> cell = cell_of(letter);
      REVERIE_CHECK(cell.has_value(),
                    "map {}: line {}, column {}: found '{}', expected '#' (wall), '.' (free), 'G' "
                    "(goal), 'r' (start) or 'c' (goal or start)",
                    source, number, column + 1,
                    letter >= 0x20 && letter < 0x7f
                        ? std::string(1, letter)
                        : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter)));
      map.cells_.push_back(*cell);
    }
    map.lines_.push_back(number);
    ++map.rows_;
  }
  REVERIE_CHECK(map.rows_ > 0, "map {}: holds no cell", source);
  map.check_closed();
  return map;
}

void MazeMap::check_closed() const {
  bool any_free = false;
  for (int64_t row = 0; row < rows_; ++row) {
    for (int64_t column = 0; column < columns_; ++column) {
      const bool border = row == 0 || column == 0 || row == rows_ - 1 || column == columns_ - 1;
      REVERIE_CHECK(!border || is_wall(row, column),
                    "map {}: {}: the border is open, expected '#' (wall) all around", source_,
                    place({row, column}));
      any_free = any_free || !is_wall(row, column);
    }
  }
  REVERIE_CHECK(any_free, "map {}: has no free cell, expected at least one '.'", source_);
}

std::string MazeMap::place(CellIndex cell) const {
  return fmt::format("line {}, column {}", lines_[static_cast<size_t>(cell.row)], cell.column + 1);
}

std::vector<int64_t> MazeMap::moves_from(CellIndex start) const {
  std::vector<int64_t> moves(cells_.size(), -1);
  std::vector<CellIndex> queue = {start};
  const auto index = [&](CellIndex cell) {
    return static_cast<size_t>(cell.row * columns_ + cell.column);
  };
  moves[index(start)] = 0;
  for (size_t i = 0; i < queue.size(); ++i) {
    const CellIndex at = queue[i];
    // The border is wall, so a free cell always has neighbours.
    for (const CellIndex next :
         {CellIndex{at.row - 1, at.column}, CellIndex{at.row + 1, at.column},
          CellIndex{at.row, at.column - 1}, CellIndex{at.row, at.column + 1}}) {
      if (is_wall(next.row, next.column) || moves[index(next)] >= 0) continue;
      moves[index(next)] = moves[index(at)] + 1;
      queue.push_back(next);
    }
  }
  return moves;
}

std::vector<CellIndex> MazeMap::cells(Cell kind) const {
  std::vector<CellIndex> found;
  for (int64_t row = 0; row < rows_; ++row) {
    for (int64_t column = 0; column < columns_; ++column) {
      if (at(row, column) == kind) found.push_back({row, column});
    }
  }
  return found;
}

}  // namespace reverie::maze
