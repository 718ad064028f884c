#include "envs/maze/maze_factors.h"

#include <algorithm>
#include <numbers>

namespace reverie::maze {
namespace {

constexpr Color kBackground{236, 239, 243};
constexpr Color kFloor{252, 251, 248};
constexpr Color kWall{75, 90, 119};
constexpr Color kGoalRed{229, 83, 61};

}  // namespace

std::vector<Factor> maze_factors(const MazeLayout& layout, std::string_view body,
                                 Color body_color) {
  const Position corner = layout.corner();
  const Point low{corner[0], corner[1]};
  const Point high{low.x + layout.cell * static_cast<double>(layout.width()),
                   low.y + layout.cell * static_cast<double>(layout.height())};
  const std::string the_body = fmt::format("the {}", body);
  Factor goal_marker = Factor::choice(
      "goal_marker", "the goal in pictures and films; not among --vary all", {"drawn", "hidden"});
  goal_marker.in_all = false;  // otherwise a pixel policy would have to guess its goal
  return {
      Factor::color("background_color", "around the maze", kBackground),
      Factor::color("floor_color", "the floor", kFloor),
      Factor::color("wall_color", "the walls", kWall),
      Factor::color("goal_color", "the goal until it is reached", kGoalRed),
      Factor::color("body_color", the_body, body_color),
      Factor::choice("floor_texture",
                     "texture of the floor; grid: lines between cells in large pictures",
                     {"grid", "plain", "checker", "stripes"}),
      goal_marker,
      Factor::number("camera_zoom", "zoom of the camera; 1 shows the whole maze", 1.0, 0.7, 1.5),
      Factor::number("camera_angle", "counter-clockwise turn of the picture [degrees]", 0.0, -180.0,
                     180.0),
      Factor::point("start", "where an episode begins, x/y [m]; varied: any free cell", low, high),
      Factor::point("goal", "where the goal is, x/y [m]; varied: any free cell", low, high),
      Factor::number("mass_scale", "factor on all masses and inertias", 1.0, 0.5, 2.0, true),
      Factor::number("damping_scale", "factor on the damping of all joints", 1.0, 0.5, 2.0, true),
      Factor::number("gear_scale", "factor on the strength of all motors", 1.0, 0.5, 2.0, true),
  };
}

MazeLook look_of(const FactorValues& values) {
  return {.background = values.color(kBackgroundColor),
          .floor = values.color(kFloorColor),
          .wall = values.color(kWallColor),
          .goal = values.color(kGoalColor),
          .body = values.color(kBodyColor),
          .texture = static_cast<FloorTexture>(values.choice(kFloorTexture)),
          .goal_drawn = values.choice(kGoalMarker) == 0,
          .zoom = values.number(kCameraZoom),
          .angle = values.number(kCameraAngle) * std::numbers::pi / 180.0};
}

std::shared_ptr<const FactorPlan> plan_factors(std::string_view env, std::vector<Factor> factors,
                                               const FactorOptions& options,
                                               const MazeLayout& layout, double clearance,
                                               double min_distance) {
  auto plan = std::make_shared<const FactorPlan>(env, std::move(factors), options);
  const FactorValues values(plan);
  const auto fixed = [&](size_t factor) { return values.chosen(factor) && !values.varied(factor); };
  if (fixed(kStart)) {
    const Point start = values.point(kStart);
    layout.check_place(fmt::format("{}: start {}/{}", env, start.x, start.y), {start.x, start.y},
                       clearance);
  }
  if (fixed(kGoal)) {
    const Position goal = {values.point(kGoal).x, values.point(kGoal).y};
    layout.check_place(fmt::format("{}: goal {}/{}", env, goal[0], goal[1]), goal, 0.0);
    const bool start_left =
        std::any_of(layout.starts.begin(), layout.starts.end(),
                    [&](const Position& start) { return distance(start, goal) > min_distance; });
    REVERIE_CHECK(start_left || values.chosen(kStart),
                  "{}: goal {}/{} leaves no start of {}: expected one more than {} m away, or a "
                  "start that is set or varied",
                  env, goal[0], goal[1], layout.map.source(), min_distance);
  }
  return plan;
}

}  // namespace reverie::maze
