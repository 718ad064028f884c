#include "envs/grid_maze/grid_world.h"

#include "core/error.h"

namespace reverie::grid_maze {
namespace {

using maze::Cell;
using maze::CellIndex;
using maze::MazeMap;

constexpr double kGoalRadius = 0.36;  // [m] of its mark in pictures

}  // namespace

GridWorld::Places GridWorld::find_places(const MazeMap& map) {
  const std::vector<CellIndex> both = map.cells(Cell::kBoth);
  REVERIE_CHECK(both.empty(),
                "map {}: {}: found 'c' (goal or start), but a grid maze has one goal; expected 'G' "
                "or 'r'",
                map.source(), map.place(both.front()));
  std::vector<CellIndex> goals = map.cells(Cell::kGoal);
  std::vector<CellIndex> starts = map.cells(Cell::kStart);
  std::vector<CellIndex> free = map.cells(Cell::kFree);
  REVERIE_CHECK(goals.size() <= 1,
                "map {}: {} goals, the second at {}; expected at most one 'G' in a grid maze",
                map.source(), goals.size(), map.place(goals[1]));
  if (goals.empty() && !free.empty()) {
    goals.push_back(free.front());
    free.erase(free.begin());
  }
  if (starts.empty()) starts = free;
  REVERIE_CHECK(!goals.empty() && !starts.empty(),
                "map {}: no cell is left for a {}; expected a second free cell '.'", map.source(),
                goals.empty() ? "goal" : "start");
  return {.goal = goals.front(), .starts = starts};
}

GridWorld::GridWorld(MazeMap map) : layout_{.map = std::move(map), .goal_radius = kGoalRadius} {
  const MazeMap& cells = layout_.map;
  const auto [goal, starts] = find_places(cells);
  layout_.set_places({goal}, starts);
  const auto index = [&](CellIndex cell) {
    return static_cast<size_t>(cell.row * cells.columns() + cell.column);
  };
  const std::vector<int64_t> moves = cells.moves_from(goal);
  std::vector<int64_t> states(moves.size(), -1);
  for (int64_t row = 0; row < cells.rows(); ++row) {
    for (int64_t column = 0; column < cells.columns(); ++column) {
      const CellIndex cell{row, column};
      if (moves[index(cell)] < 0) continue;
      states[index(cell)] = static_cast<int64_t>(cells_.size());
      cells_.push_back(cell);
      moves_.push_back(moves[index(cell)]);
    }
  }
  for (const CellIndex cell : cells_) {
    for (const CellIndex step : kSteps) {
      const int64_t there = states[index({cell.row + step.row, cell.column + step.column})];
      next_.push_back(there < 0 ? states[index(cell)] : there);
    }
  }
  goal_ = states[index(goal)];
  for (const CellIndex start : starts) starts_.push_back(states[index(start)]);
}

FiniteMdp GridWorld::mdp() const {
  FiniteMdp mdp(states(), kMoves);
  for (int64_t state = 0; state < states(); ++state) {
    if (state == goal_) continue;
    for (int64_t move = 0; move < kMoves; ++move) {
      mdp.add(state, move, {.next = next(state, move), .reward = -1.0});
    }
  }
  mdp.check();
  return mdp;
}

}  // namespace reverie::grid_maze
