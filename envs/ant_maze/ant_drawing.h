#pragma once

#include <array>
#include <span>

#include "envs/ant_maze/ant_world.h"
#include "envs/maze/maze_drawing.h"

namespace reverie::ant_maze {

struct Point3 {
  double x = 0.0;
  double y = 0.0;
  double z = 0.0;
};

// Positions of an ant's parts [m].
struct AntPose {
  struct Leg {
    Point3 hip, knee, foot;
  };
  Point3 torso;
  Point3 front;  // one metre from the torso's centre along its own x axis
  std::array<Leg, 4> legs;
};

// Computed from qpos [15] alone by the model's kinematics, because the engine's results may belong
// to another state. A quaternion of any length but 0 counts as its direction.
AntPose ant_pose(std::span<const double> qpos);

// The ant from above: torso and legs as discs and capsules, the higher ones over the lower ones.
void draw_ant(const maze::MazePicture& picture, const AntPose& pose, Color color);

}  // namespace reverie::ant_maze
