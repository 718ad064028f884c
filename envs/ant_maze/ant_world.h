#pragma once

#include <memory>

#include "envs/maze/maze_layout.h"
#include "envs/mujoco_simulation.h"

namespace reverie::ant_maze {

// Sizes of the model, assets/ant_maze/ant.xml.
inline constexpr int kPositions = 15;  // nq: x, y, z, a quaternion, hip and ankle of four legs
inline constexpr int kVelocities = 14;
inline constexpr int kMotors = 8;
inline constexpr int kBodies = 13;            // without the world
inline constexpr double kTorsoRadius = 0.25;  // [m]
inline constexpr double kLegRadius = 0.08;    // [m]
inline constexpr double kLegStep = 0.2;       // [m] along x and y: torso to hip, hip to knee
inline constexpr double kFootStep = 0.4;      // [m] along x and y: knee to foot
inline constexpr double kReach = 0.88;        // [m] of the stretched legs along x and y

// D4RL's noise at a reset: half width on qpos, standard deviation on qvel.
inline constexpr double kD4rlNoise = 0.1;

inline constexpr int kFrameSkip = 5;  // engine steps per step

// A map in the coordinates of one convention, with its compiled model. All instances share it.
struct AntWorld {
  maze::Convention convention;
  maze::MazeLayout layout;
  SharedModel model;
};

// Throws Error(kInput) that names file and cell for a map that the convention cannot play: not
// exactly one start (D4RL), no second cell to start from (Robotics: its reset would draw for ever),
// starts or goals that are not connected.
std::shared_ptr<const AntWorld> build_ant_world(maze::Convention convention, maze::MazeMap map);

}  // namespace reverie::ant_maze
