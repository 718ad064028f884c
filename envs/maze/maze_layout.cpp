#include "envs/maze/maze_layout.h"

#include <algorithm>
#include <cmath>

namespace reverie::maze {
namespace {

constexpr double kRoboticsGoalRadius = 0.45;  // [m], whatever the size of a cell

void append(std::vector<CellIndex>& cells, const std::vector<CellIndex>& more) {
  cells.insert(cells.end(), more.begin(), more.end());
}

}  // namespace

double distance(const Position& a, const Position& b) {
  const double x = a[0] - b[0];
  const double y = a[1] - b[1];
  return std::sqrt(x * x + y * y);
}

CellIndex MazeLayout::index(int64_t i, int64_t j) const {
  switch (rows) {
    case Rows::kDown:
      return {map.rows() - 1 - j, i};
    case Rows::kUp:
      return {j, i};
    default:
      return {i, j};
  }
}

bool MazeLayout::is_wall(int64_t i, int64_t j) const {
  if (i < 0 || j < 0 || i >= width() || j >= height()) return false;
  const CellIndex at = index(i, j);
  return map.is_wall(at.row, at.column);
}

Position MazeLayout::place(CellIndex at) const {
  const int64_t i = rows == Rows::kAlongX ? at.row : at.column;
  const int64_t j = rows == Rows::kAlongX ? at.column
                    : rows == Rows::kUp   ? at.row
                                          : map.rows() - 1 - at.row;
  return {first[0] + cell * static_cast<double>(i), first[1] + cell * static_cast<double>(j)};
}

void MazeLayout::set_places(const std::vector<CellIndex>& goal_cells,
                            const std::vector<CellIndex>& start_cells) {
  const CellIndex origin = start_cells.front();
  const std::vector<int64_t> moves = map.moves_from(origin);
  const auto is_reachable = [&](int64_t row, int64_t column) {
    return moves[static_cast<size_t>(row * map.columns() + column)] >= 0;
  };
  for (const auto* cells : {&start_cells, &goal_cells}) {
    for (const CellIndex at : *cells) {
      REVERIE_CHECK(is_reachable(at.row, at.column),
                    "map {}: no way leads from {} to {}; expected all starts and goals in one "
                    "connected room",
                    map.source(), map.place(origin), map.place(at));
    }
  }
  for (const CellIndex at : goal_cells) goals.push_back(place(at));
  for (const CellIndex at : start_cells) starts.push_back(place(at));
  for (int64_t row = 0; row < map.rows(); ++row) {
    for (int64_t column = 0; column < map.columns(); ++column) {
      if (is_reachable(row, column)) open.push_back(place({row, column}));
    }
  }
}

void MazeLayout::check_place(std::string_view what, const Position& at, double clearance) const {
  const auto cell_of = [&](size_t axis, double offset) {
    return static_cast<int64_t>(std::floor((at[axis] + offset - corner()[axis]) / cell));
  };
  const Position& nearest = *std::min_element(
      open.begin(), open.end(),
      [&](const Position& a, const Position& b) { return distance(a, at) < distance(b, at); });
  const std::string expected =
      fmt::format("expected a free cell of {}{}; the nearest is at x = {}, y = {}", map.source(),
                  clearance > 0.0 ? fmt::format(" with {} m of room around", clearance) : "",
                  nearest[0], nearest[1]);
  const auto is_inside = [&](size_t axis, int64_t count) {  // also of numbers too large for a cell
    const double from_corner = at[axis] - corner()[axis];
    return from_corner >= 0.0 && from_corner < cell * static_cast<double>(count);
  };
  REVERIE_CHECK(is_inside(0, width()) && is_inside(1, height()), "{}: lies outside the maze; {}",
                what, expected);
  for (int64_t j = cell_of(1, -clearance); j <= cell_of(1, clearance); ++j) {
    for (int64_t i = cell_of(0, -clearance); i <= cell_of(0, clearance); ++i) {
      const bool outside = i < 0 || j < 0 || i >= width() || j >= height();
      REVERIE_CHECK(!outside && !is_wall(i, j), "{}: {} {}; {}", what,
                    clearance > 0.0 ? "touches" : "lies in",
                    outside ? "the outside of the maze"
                            : fmt::format("the wall at {}", map.place(index(i, j))),
                    expected);
    }
  }
  const Position here = place(index(cell_of(0, 0.0), cell_of(1, 0.0)));
  REVERIE_CHECK(std::find(open.begin(), open.end(), here) != open.end(),
                "{}: no way leads there from the starts; {}", what, expected);
}

MazeLayout robotics_layout(MazeMap map, double cell) {
  std::vector<CellIndex> goals = map.cells(Cell::kGoal);
  std::vector<CellIndex> starts = map.cells(Cell::kStart);
  std::vector<CellIndex> both = map.cells(Cell::kBoth);
  const std::vector<CellIndex> free = map.cells(Cell::kFree);
  if (goals.empty() && starts.empty() && both.empty()) {
    both = free;
  } else if (starts.empty() && both.empty()) {
    starts = free;
  } else if (goals.empty() && both.empty()) {
    goals = free;
  }
  append(goals, both);
  append(starts, both);
  REVERIE_CHECK(!goals.empty() && !starts.empty(),
                "map {}: no cell is left for a {}; expected a free cell '.' or a mark '{}'",
                map.source(), goals.empty() ? "goal" : "start", goals.empty() ? 'G' : 'r');
  // Starts are drawn until one is more than half a cell from the goal. A goal is at most a quarter
  // of a cell off its cell's centre along each axis, so a start in its own cell is always too near
  // and one in any other cell never is.
  for (const CellIndex goal : goals) {
    REVERIE_CHECK(starts.size() > 1 || starts.front() != goal,
                  "map {}: {}: the only cell to start from is that of the goal; expected a second "
                  "free cell",
                  map.source(), map.place(goal));
  }
  const Position first = {(0.5 - static_cast<double>(map.columns()) / 2) * cell,
                          (0.5 - static_cast<double>(map.rows()) / 2) * cell};
  MazeLayout layout{.map = std::move(map),
                    .rows = Rows::kDown,
                    .cell = cell,
                    .first = first,
                    .goal_radius = kRoboticsGoalRadius};
  layout.set_places(goals, starts);
  return layout;
}

}  // namespace reverie::maze
