#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "envs/factors.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// Factors that all mazes have, in the order of maze_factors(). A maze's own ones follow.
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

// What a maze looks like and from where it is seen.
struct MazeLook {
  Color background, floor, wall, goal, body;
  FloorTexture texture = FloorTexture::kGrid;
  bool goal_drawn = true;
  double zoom = 1.0;   // 1 shows the whole maze
  double angle = 0.0;  // [rad] of the picture, counter-clockwise
};

MazeLook look_of(const FactorValues& values);

// Parses what the user asked for and checks the start and the goal that it fixes against the map.
// clearance: how far the body reaches from its place [m]; min_distance: how far a start that is
// drawn must be from the goal [m], more than this.
// Throws Error(kInput) as FactorPlan does, and for a place in a wall, beyond reach, or a goal that
// leaves no start.
std::shared_ptr<const FactorPlan> plan_factors(std::string_view env, std::vector<Factor> factors,
                                               const FactorOptions& options,
                                               const MazeLayout& layout, double clearance,
                                               double min_distance);

}  // namespace reverie::maze
