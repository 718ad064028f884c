#include "envs/maze2d/point_maze.h"

#include "core/assets.h"
#include "envs/maze/maze_model.h"

namespace reverie::maze2d {
namespace {

using maze::Cell;
using maze::CellIndex;
using maze::MazeLayout;
using maze::MazeMap;
using maze::Position;

// D4RL: walls are centred on (row + 1, column + 1), and the body whose qpos the task uses starts at
// (1.2, 1.2).
constexpr double kD4rlWallOffset = 1.0;
constexpr double kD4rlBodyOffset = 1.2;
constexpr double kD4rlGoalRadius = 0.5;

SharedModel build_model(Convention convention, const MazeLayout& layout) {
  const bool d4rl = convention == Convention::kD4rl;
  std::string walls;
  for (const CellIndex cell : layout.map.cells(Cell::kWall)) {
    const Position place = layout.place(cell);
    walls += d4rl ? maze::wall_geom({place[0] + kD4rlWallOffset, place[1] + kD4rlWallOffset}, 0.0,
                                    {0.5, 0.5, 0.2}, R"(contype="2")")
                  : maze::wall_geom(place, 0.2, {0.5, 0.5, 0.2}, R"(contype="1")");
  }
  return maze::compile_template(
      "maze2d/point.xml",
      {{"@POSITION@", d4rl ? fmt::format("{0} {0} 0", kD4rlBodyOffset) : "0 0 0"},
       {"@WALLS@", walls}},
      layout.map.source());
}

// Starts are all free cells, row by row, then the goal. quirk: without a goal it is the first free
// cell.
MazeLayout d4rl_layout(MazeMap map) {
  for (const Cell kind : {Cell::kStart, Cell::kBoth}) {
    const std::vector<CellIndex> marked = map.cells(kind);
    REVERIE_CHECK(
        marked.empty(),
        "map {}: {}: found a start mark, but maze2d starts in any free cell; expected '.', "
        "or play this map as pointmaze",
        map.source(), map.place(marked.front()));
  }
  std::vector<CellIndex> goals = map.cells(Cell::kGoal);
  std::vector<CellIndex> starts = map.cells(Cell::kFree);
  REVERIE_CHECK(goals.size() <= 1,
                "map {}: {} goals, the second at {}; expected at most one 'G' in a maze2d map",
                map.source(), goals.size(), map.place(goals[1]));
  starts.insert(starts.end(), goals.begin(), goals.end());
  if (goals.empty()) goals.push_back(starts.front());
  // quirk: a position is named by its cell's indices, which lie 0.2 off the middle between the
  // walls.
  MazeLayout layout{.map = std::move(map),
                    .rows = maze::Rows::kAlongX,
                    .wall_shift = kD4rlWallOffset - kD4rlBodyOffset,
                    .goal_radius = kD4rlGoalRadius};
  layout.set_places(goals, starts);
  return layout;
}

}  // namespace

std::shared_ptr<const PointMaze> build_point_maze(Convention convention, MazeMap map) {
  MazeLayout layout = convention == Convention::kD4rl ? d4rl_layout(std::move(map))
                                                      : maze::robotics_layout(std::move(map), 1.0);
  SharedModel model = build_model(convention, layout);
  return std::make_shared<PointMaze>(PointMaze{convention, std::move(layout), std::move(model)});
}

}  // namespace reverie::maze2d
