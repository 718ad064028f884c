#include "envs/maze2d/point_maze.h"

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

void append(std::vector<CellIndex>& cells, const std::vector<CellIndex>& more) {
  cells.insert(cells.end(), more.begin(), more.end());
}

struct Places {
  std::vector<CellIndex> goals, starts;
};

// D4RL: starts are all free cells, row by row, then the goal. quirk: without a goal it is the first
// free cell.
Places find_places_d4rl(const MazeMap& map) {
  for (const Cell kind : {Cell::kStart, Cell::kBoth}) {
    const std::vector<CellIndex> marked = map.cells(kind);
    REVERIE_CHECK(
        marked.empty(),
        "map {}: {}: found a start mark, but maze2d starts in any free cell; expected '.', "
        "or play this map as pointmaze",
        map.source(), map.place(marked.front()));
  }
  Places places{.goals = map.cells(Cell::kGoal), .starts = map.cells(Cell::kFree)};
  REVERIE_CHECK(places.goals.size() <= 1,
                "map {}: {} goals, the second at {}; expected at most one 'G' in a maze2d map",
                map.source(), places.goals.size(), map.place(places.goals[1]));
  append(places.starts, places.goals);
  if (places.goals.empty()) places.goals.push_back(places.starts.front());
  return places;
}

// Robotics: marked cells, then those marked as both; every free cell where nothing marks a kind.
Places find_places_robotics(const MazeMap& map) {
  Places places{.goals = map.cells(Cell::kGoal), .starts = map.cells(Cell::kStart)};
  std::vector<CellIndex> both = map.cells(Cell::kBoth);
  const std::vector<CellIndex> free = map.cells(Cell::kFree);
  if (places.goals.empty() && places.starts.empty() && both.empty()) {
    both = free;
  } else if (places.starts.empty() && both.empty()) {
    places.starts = free;
  } else if (places.goals.empty() && both.empty()) {
    places.goals = free;
  }
  append(places.goals, both);
  append(places.starts, both);
  REVERIE_CHECK(!places.goals.empty() && !places.starts.empty(),
                "map {}: no cell is left for a {}; expected a free cell '.' or a mark '{}'",
                map.source(), places.goals.empty() ? "goal" : "start",
                places.goals.empty() ? 'G' : 'r');
  // Starts are drawn until one is more than half a cell from the goal. A goal is at most a quarter
  // off its cell's centre along each axis, so its own cell never is and any other always is.
  for (const CellIndex goal : places.goals) {
    REVERIE_CHECK(places.starts.size() > 1 || places.starts.front() != goal,
                  "map {}: {}: the only cell to start from is that of the goal; expected a second "
                  "free cell",
                  map.source(), map.place(goal));
  }
  return places;
}

// An episode whose goal lies behind walls could not be solved.
void check_connected(const MazeMap& map, const Places& places) {
  const CellIndex first = places.starts.front();
  const std::vector<bool> reachable = map.reachable_from(first);
  for (const auto* cells : {&places.starts, &places.goals}) {
    for (const CellIndex cell : *cells) {
      REVERIE_CHECK(reachable[static_cast<size_t>(cell.row * map.columns() + cell.column)],
                    "map {}: no way leads from {} to {}; expected all starts and goals in one "
                    "connected room",
                    map.source(), map.place(first), map.place(cell));
    }
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
  const bool d4rl = convention == Convention::kD4rl;
  const Places places = d4rl ? find_places_d4rl(map) : find_places_robotics(map);
  check_connected(map, places);
  auto maze =
      std::make_shared<Maze>(Maze{.convention = convention,
                                  .map = std::move(map),
                                  .model = nullptr,
                                  .goals = {},
                                  .starts = {},
                                  .goal_radius = d4rl ? kD4rlGoalRadius : kRoboticsGoalRadius});
  for (const CellIndex cell : places.goals) maze->goals.push_back(maze->centre(cell));
  for (const CellIndex cell : places.starts) maze->starts.push_back(maze->centre(cell));
  maze->model = build_model(convention, maze->map);
  return maze;
}

}  // namespace reverie::maze2d
