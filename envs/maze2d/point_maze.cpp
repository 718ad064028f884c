#include "envs/maze2d/point_maze.h"

#include <cmath>

#include "core/assets.h"
#include "core/file.h"

namespace reverie::maze2d {
namespace {

// D4RL: the row is x and the column y, walls are centred on (row + 1, column + 1), and the body
// whose qpos the task speaks of starts at (1.2, 1.2).
constexpr double kD4rlWallOffset = 1.0;
constexpr double kD4rlBodyOffset = 1.2;
constexpr double kD4rlGoalRadius = 0.5;

// Gymnasium-Robotics: the column is x, rows count down, the maze is centred on the origin.
constexpr double kRoboticsWallHeight = 0.4;
constexpr double kRoboticsGoalRadius = 0.45;
// Starts this near to the goal are drawn again.
constexpr double kRoboticsMinDistance = 0.5;
constexpr double kRoboticsNoise = 0.25;

std::string wall(Position centre, double z, double half_height, int contype) {
  return fmt::format(
      R"(<geom type="box" pos="{} {} {}" size="0.5 0.5 {}" contype="{}" conaffinity="1"/>)",
      centre[0], centre[1], z, half_height, contype);
}

std::string replace_mark(std::string text, std::string_view mark, std::string_view value) {
  const size_t at = text.find(mark);
  REVERIE_CHECK(at != std::string::npos, "assets/maze2d/point.xml: has no mark {}", mark);
  return text.replace(at, mark.size(), value);
}

Position robotics_centre(const MazeMap& map, CellIndex cell) {
  return {static_cast<double>(cell.column) + 0.5 - static_cast<double>(map.columns()) / 2,
          static_cast<double>(map.rows()) / 2 - (static_cast<double>(cell.row) + 0.5)};
}

SharedModel build_model(Convention convention, const MazeMap& map) {
  std::string walls;
  for (const CellIndex cell : map.cells(Cell::kWall)) {
    if (convention == Convention::kD4rl) {
      const Position centre = {static_cast<double>(cell.row) + kD4rlWallOffset,
                               static_cast<double>(cell.column) + kD4rlWallOffset};
      walls += wall(centre, 0.0, 0.2, 2);
    } else {
      walls +=
          wall(robotics_centre(map, cell), kRoboticsWallHeight / 2, kRoboticsWallHeight / 2, 1);
    }
  }
  const std::string position =
      convention == Convention::kD4rl ? fmt::format("{0} {0} 0", kD4rlBodyOffset) : "0 0 0";
  std::string mjcf = read_file(asset_path("maze2d/point.xml"), 1 << 20);
  mjcf = replace_mark(std::move(mjcf), "@POSITION@", position);
  mjcf = replace_mark(std::move(mjcf), "@WALLS@", walls);
  return compile_model(mjcf, map.source());
}

void append(std::vector<Position>& out, const Maze& maze, Cell kind) {
  for (const CellIndex cell : maze.map.cells(kind)) out.push_back(maze.centre(cell));
}

// quirk: D4RL ignores marks other than its one goal, starts anywhere that is not wall, goal last.
void place_d4rl(Maze& maze) {
  std::vector<CellIndex> goals = maze.map.cells(Cell::kGoal);
  REVERIE_CHECK(goals.size() <= 1, "map {}: {} goals, expected at most one 'G' in a maze2d map",
                maze.map.source(), goals.size());
  append(maze.starts, maze, Cell::kFree);
  append(maze.starts, maze, Cell::kStart);
  append(maze.starts, maze, Cell::kBoth);
  const bool marked = !goals.empty();
  if (marked) maze.starts.push_back(maze.centre(goals.front()));
  maze.goals.push_back(marked ? maze.centre(goals.front()) : maze.starts.front());
}

void place_robotics(Maze& maze) {
  std::vector<Position> both;
  append(maze.goals, maze, Cell::kGoal);
  append(maze.starts, maze, Cell::kStart);
  append(both, maze, Cell::kBoth);
  std::vector<Position> free;
  append(free, maze, Cell::kFree);
  if (maze.goals.empty() && maze.starts.empty() && both.empty()) {
    both = free;
  } else if (maze.starts.empty() && both.empty()) {
    maze.starts = free;
  } else if (maze.goals.empty() && both.empty()) {
    maze.goals = free;
  }
  maze.goals.insert(maze.goals.end(), both.begin(), both.end());
  maze.starts.insert(maze.starts.end(), both.begin(), both.end());
  REVERIE_CHECK(!maze.goals.empty() && !maze.starts.empty(),
                "map {}: no cell is left for a {}; mark cells with 'G', 'r' or 'c'",
                maze.map.source(), maze.goals.empty() ? "goal" : "start");
  // A goal is drawn with noise, so its own cell may or may not be far enough; another start always
  // is, being a whole cell away from the goal's and so at least 3/4 of one from the goal.
  for (const Position& goal : maze.goals) {
    bool reachable = false;
    for (const Position& start : maze.starts) {
      reachable = reachable || std::hypot(start[0] - goal[0], start[1] - goal[1]) >=
                                   kRoboticsMinDistance + kRoboticsNoise;
    }
    REVERIE_CHECK(reachable,
                  "map {}: the only cell to start from is that of the goal; expected a second free "
                  "cell",
                  maze.map.source());
  }
}

}  // namespace

Position Maze::centre(CellIndex cell) const {
  // quirk: D4RL names a place by its cell numbers, but they lie 0.2 off the cell's centre, the
  // difference of the two offsets.
  if (convention == Convention::kD4rl) {
    return {static_cast<double>(cell.row), static_cast<double>(cell.column)};
  }
  return robotics_centre(map, cell);
}

std::shared_ptr<const Maze> build_maze(Convention convention, MazeMap map) {
  auto maze = std::make_shared<Maze>(
      Maze{.convention = convention,
           .map = std::move(map),
           .model = nullptr,
           .goals = {},
           .starts = {},
           .goal_radius = convention == Convention::kD4rl ? kD4rlGoalRadius : kRoboticsGoalRadius});
  if (convention == Convention::kD4rl) {
    place_d4rl(*maze);
  } else {
    place_robotics(*maze);
  }
  maze->model = build_model(convention, maze->map);
  return maze;
}

}  // namespace reverie::maze2d
