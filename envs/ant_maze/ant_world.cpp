#include "envs/ant_maze/ant_world.h"

#include "envs/maze/maze_model.h"

namespace reverie::ant_maze {
namespace {

using maze::Cell;
using maze::CellIndex;
using maze::Convention;
using maze::MazeLayout;
using maze::MazeMap;

constexpr double kCell = 4.0;            // [m]
constexpr double kWallHeight = 2.0;      // [m]
constexpr double kD4rlGoalRadius = 0.5;  // [m]

// The differences between the two ants: the engine's step [s], the contacts' softness, and the
// motors' strength [N m] at full action.
struct AntConstants {
  const char* timestep;
  const char* softness;
  const char* gear;
};
constexpr AntConstants kRoboticsAnt = {"0.01", "", "150"};
constexpr AntConstants kD4rlAnt = {"0.02", R"(solref="0.02 1" solimp="0.8 0.8 0.01")", "30"};

SharedModel build_model(const AntConstants& ant, const MazeLayout& layout) {
  std::string walls;
  for (const CellIndex cell : layout.map.cells(Cell::kWall)) {
    walls += maze::wall_geom(layout.place(cell), kWallHeight / 2,
                             {kCell / 2, kCell / 2, kWallHeight / 2}, R"(conaffinity="1")");
  }
  return maze::compile_template("ant_maze/ant.xml",
                                {{"@TIMESTEP@", ant.timestep},
                                 {"@SOFTNESS@", ant.softness},
                                 {"@GEAR@", ant.gear},
                                 {"@WALLS@", walls}},
                                layout.map.source());
}

// The start is the origin; rows run upwards, columns along x. Without a marked goal any cell may be
// the goal.
MazeLayout d4rl_layout(MazeMap map) {
  std::vector<CellIndex> starts = map.cells(Cell::kStart);
  const std::vector<CellIndex> both = map.cells(Cell::kBoth);
  starts.insert(starts.end(), both.begin(), both.end());
  REVERIE_CHECK(starts.size() == 1,
                "map {}: {} starts{}; expected exactly one 'r' in a map of D4RL's ant",
                map.source(), starts.size(),
                starts.empty() ? "" : fmt::format(", the second at {}", map.place(starts[1])));
  std::vector<CellIndex> goals = map.cells(Cell::kGoal);
  goals.insert(goals.end(), both.begin(), both.end());
  if (goals.empty()) {
    goals = map.cells(Cell::kFree);
    goals.push_back(starts.front());
  }
  const CellIndex origin = starts.front();
  MazeLayout layout{.map = std::move(map),
                    .rows = maze::Rows::kUp,
                    .cell = kCell,
                    .first = {-kCell * static_cast<double>(origin.column),
                              -kCell * static_cast<double>(origin.row)},
                    .goal_radius = kD4rlGoalRadius};
  layout.set_places(goals, starts);
  return layout;
}

}  // namespace

std::shared_ptr<const AntWorld> build_ant_world(Convention convention, MazeMap map) {
  const bool d4rl = convention == Convention::kD4rl;
  MazeLayout layout =
      d4rl ? d4rl_layout(std::move(map)) : maze::robotics_layout(std::move(map), kCell);
  SharedModel model = build_model(d4rl ? kD4rlAnt : kRoboticsAnt, layout);
  return std::make_shared<AntWorld>(AntWorld{convention, std::move(layout), std::move(model)});
}

}  // namespace reverie::ant_maze
