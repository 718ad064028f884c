#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace reverie::maze {

// The kind of a cell. Letters in the file: '#' or '1' wall, ' ' '.' 'O' or '0' free, 'G' or 'g'
// goal, 'r' start, 'c' both. docs/maps.md describes the format.
enum class Cell : uint8_t { kWall, kFree, kGoal, kStart, kBoth };

struct CellIndex {
  int64_t row = 0;
  int64_t column = 0;
  bool operator==(const CellIndex&) const = default;
};

// A rectangular maze whose border is wall.
class MazeMap {
 public:
  // Reads and checks a map. Throws Error(kInput) that names file, line and column for a missing or
  // empty file, unknown letters, rows of different length, an open border, no free cell, and sides
  // longer than 200 cells.
  static MazeMap load(const std::filesystem::path& file);

  // Likewise from text; `source` stands for the file in messages.
  static MazeMap parse(std::string_view text, const std::string& source);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  Cell at(int64_t row, int64_t column) const {
    return cells_[static_cast<size_t>(row * columns_ + column)];
  }
  bool is_wall(int64_t row, int64_t column) const { return at(row, column) == Cell::kWall; }
  const std::string& source() const { return source_; }

  // Cells of one kind, row by row.
  std::vector<CellIndex> cells(Cell kind) const;

  // "line 3, column 7" of the file, both counted from 1: a cell's name in messages.
  std::string place(CellIndex cell) const;

  // [rows * columns] The fewest moves from a free cell to each free cell, through free cells and
  // not across corners (breadth-first search); -1 for walls and for cells without a way.
  std::vector<int64_t> moves_from(CellIndex start) const;

 private:
  void check_closed() const;

  int64_t rows_ = 0;
  int64_t columns_ = 0;
  std::vector<Cell> cells_;
  std::vector<int64_t> lines_;  // [rows] of the file
  std::string source_;
};

}  // namespace reverie::maze
