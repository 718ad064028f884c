#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "envs/finite_mdp.h"
#include "envs/maze/maze_layout.h"

namespace reverie::grid_maze {

// The actions, as seen in the map file: row and column change by one.
enum Move : int64_t { kUp, kDown, kLeft, kRight };
inline constexpr int64_t kMoves = 4;
inline constexpr std::array<maze::CellIndex, kMoves> kSteps = {{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

// A map as a task of single moves: the states are the cells connected with the goal, row by row. A
// move into a wall leaves the state as it is. Every move costs 1 (reward -1); the goal is terminal,
// so the undiscounted value of a state is minus the number of moves left.
class GridWorld {
 public:
  // The goal is the map's `G`, or without one the first free cell, as in maze2d. Starts are the
  // cells marked `r`, or without one all free cells but the goal. Throws Error(kInput) that names
  // file and cell for a second goal, for the mark `c`, for a map without a start, and when the goal
  // cannot be reached from a start.
  explicit GridWorld(maze::MazeMap map);

  int64_t states() const { return static_cast<int64_t>(cells_.size()); }
  int64_t goal() const { return goal_; }
  const std::vector<int64_t>& starts() const { return starts_; }

  maze::CellIndex cell(int64_t state) const { return cells_[static_cast<size_t>(state)]; }

  // The state that a move leads to.
  int64_t next(int64_t state, int64_t move) const {
    return next_[static_cast<size_t>(state * kMoves + move)];
  }

  // The fewest moves from a state to the goal, by breadth-first search.
  int64_t moves_to_goal(int64_t state) const { return moves_[static_cast<size_t>(state)]; }

  FiniteMdp mdp() const;

  // Cells of 1 m whose picture looks like the map file.
  const maze::MazeLayout& layout() const { return layout_; }

 private:
  struct Places {
    maze::CellIndex goal;
    std::vector<maze::CellIndex> starts;
  };
  static Places find_places(const maze::MazeMap& map);

  maze::MazeLayout layout_;
  std::vector<maze::CellIndex> cells_;  // [S]
  std::vector<int64_t> next_;           // [S moves]
  std::vector<int64_t> moves_;          // [S]
  std::vector<int64_t> starts_;
  int64_t goal_ = 0;
};

}  // namespace reverie::grid_maze
