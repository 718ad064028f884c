#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "envs/factors.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// Factors that all mazes have, in the order of maze_factors(). A maze's own factors follow.
enum MazeFactor : size_t {
  kBackgroundColor,
  kFloorColor,
  kWallColor,
  kGoalColor,
  kBodyColor,
  kFloorTexture,
  kGoalMarker,
  kCameraZoom,
  kCameraAngle,
  kStart,
  kGoal,
  kMassScale,
  kDampingScale,
  kGearScale,
  kOwnFactors,
};

// body: what moves through the maze ("ball", "ant") and its default colour.
std::vector<Factor> maze_factors(const MazeLayout& layout, std::string_view body, Color body_color);

enum class FloorTexture : uint8_t { kGrid, kPlain, kChecker, kStripes };

// The look of a maze and its camera.
struct MazeLook {
  Color background, floor, wall, goal, body;
  FloorTexture texture = FloorTexture::kGrid;
  bool goal_drawn = true;
  double zoom = 1.0;   // 1 shows the whole maze
  double angle = 0.0;  // [rad] of the picture, counter-clockwise
};

MazeLook look_of(const FactorValues& values);

// Parses the user's request and checks the fixed start and goal against the map. clearance: the
// body's reach from its position [m]; min_distance: a drawn start must be further than this from
// the goal [m].
// Throws Error(kInput) as FactorPlan does, and for a position in a wall, an unreachable position,
// or a goal that leaves no start.
std::shared_ptr<const FactorPlan> plan_factors(std::string_view env, std::vector<Factor> factors,
                                               const FactorOptions& options,
                                               const MazeLayout& layout, double clearance,
                                               double min_distance);

}  // namespace reverie::maze
