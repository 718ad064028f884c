#include "envs/maze/waypoint.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reverie::maze {
namespace {

constexpr double kProportionalGain = 10.0;  // [1/m]
constexpr double kDerivativeGain = -1.0;    // [s/m]
constexpr double kArrivalDistance = 0.1;    // [m]
constexpr double kArrivalStep = 0.1;        // [m] moved in one step
constexpr double kWaypointNoise = 0.1;      // [cells] half width of a uniform distribution

// In D4RL's order, which decides between paths of equal length.
constexpr std::array<std::array<int64_t, 2>, 4> kMoves = {{{0, -1}, {0, 1}, {-1, 0}, {1, 0}}};

}  // namespace

WaypointController::WaypointController(MazeLayout layout, uint64_t seed)
    : layout_(std::move(layout)), rng_(seed) {
  waypoints_.reserve(static_cast<size_t>(layout_.width() * layout_.height()));
}

WaypointController::WorldCell WaypointController::cell_of(const Position& position) const {
  const auto along = [&](size_t axis) -> int64_t {
    const double cells = (position[axis] - layout_.first[axis]) / layout_.cell;
    if (!(std::abs(cells) < 1e6)) return -1;  // outside any maze, or not a number
    return static_cast<int64_t>(std::nearbyint(cells));
  };
  return {along(0), along(1)};
}

Position WaypointController::place_of(const WorldCell& cell) const {
  return {layout_.first[0] + layout_.cell * static_cast<double>(cell[0]),
          layout_.first[1] + layout_.cell * static_cast<double>(cell[1])};
}

bool WaypointController::is_free(const WorldCell& cell) const {
  const bool inside =
      cell[0] >= 0 && cell[1] >= 0 && cell[0] < layout_.width() && cell[1] < layout_.height();
  return inside && !layout_.is_wall(cell[0], cell[1]);
}

WaypointController::WorldCell WaypointController::start_cell(const Position& position) const {
  const WorldCell own = cell_of(position);
  if (is_free(own)) return own;
  WorldCell nearest = own;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t x = -1; x <= 1; ++x) {
    for (int64_t y = -1; y <= 1; ++y) {
      const WorldCell cell = {own[0] + x, own[1] + y};
      const double away = distance(position, place_of(cell));
      if (!is_free(cell) || away >= least) continue;
      least = away;
      nearest = cell;
    }
  }
  return nearest;
}

int64_t WaypointController::steps_from(const WorldCell& cell) const {
  const auto [row, column] = layout_.index(cell[0], cell[1]);
  return steps_[static_cast<size_t>(row * layout_.map.columns() + column)];
}

void WaypointController::plan(const Position& start, const WorldCell& target) {
  waypoints_.clear();
  WorldCell here = start_cell(start);
  for (const WorldCell& cell : {here, target}) {
    REVERIE_CHECK(is_free(cell), "waypoint controller: cell ({}, {}) of map {} is not a free cell",
                  cell[0], cell[1], layout_.map.source());
  }
  steps_ = layout_.map.moves_from(layout_.index(target[0], target[1]));
  REVERIE_CHECK(steps_from(here) >= 0,
                "waypoint controller: no way leads from cell ({}, {}) to ({}, {}) in map {}",
                here[0], here[1], target[0], target[1], layout_.map.source());
  last_position_ = place_of(here);  // quirk: not the point's own, so that a start is no arrival
  while (here != target) {
    for (const auto& [x, y] : kMoves) {
      const WorldCell neighbour = {here[0] + x, here[1] + y};
      if (!is_free(neighbour) || steps_from(neighbour) != steps_from(here) - 1) continue;
      here = neighbour;
      break;
    }
    Position waypoint = place_of(here);
    if (here != target) {
      const double half_width = kWaypointNoise * layout_.cell;
      for (double& x : waypoint) {
        x += layout_.wall_shift / 2 + rng_.uniform(-half_width, half_width);
      }
    }
    waypoints_.push_back(waypoint);
  }
  if (waypoints_.empty()) waypoints_.push_back(place_of(target));
  target_ = target;
  next_ = 0;
}

WaypointController::Command WaypointController::act(const Position& position,
                                                    const Position& velocity,
                                                    const Position& target) {
  const WorldCell target_cell = cell_of(target);
  if (waypoints_.empty() || target_cell != target_) plan(position, target_cell);
  const bool slow = distance(position, last_position_) < kArrivalStep;
  const bool solved = slow && distance(position, waypoints_.back()) < kArrivalDistance;
  const Position& waypoint = solved ? waypoints_.back() : waypoints_[next_];
  Command command{.action = {}, .solved = solved};
  for (size_t i = 0; i < 2; ++i) {
    command.action[i] = std::clamp(
        kProportionalGain * (waypoint[i] - position[i]) + kDerivativeGain * velocity[i], -1.0, 1.0);
  }
  if (!solved && slow && distance(position, waypoint) < kArrivalDistance) ++next_;
  last_position_ = position;
  return command;
}

}  // namespace reverie::maze
