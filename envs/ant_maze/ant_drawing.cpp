#include "envs/ant_maze/ant_drawing.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace reverie::ant_maze {
namespace {

// Smallest half widths that are visible [px].
constexpr double kMinTorsoPixels = 1.7;
constexpr double kMinLegPixels = 0.65;

constexpr double kShadowSlope = 0.35;  // [m] that a shadow moves per metre of height

// One leg of the model: the quadrant it points to and the direction of its ankle.
struct LegShape {
  double x, y;
  double ankle;  // sign of the rotation about the ankle's axis that lifts the foot
};
constexpr std::array<LegShape, 4> kLegs = {{{1, 1, -1}, {-1, 1, 1}, {-1, -1, 1}, {1, -1, -1}}};

Point flat(const Point3& p) { return {p.x, p.y}; }

Point3 add(const Point3& a, const Point3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }

Point3 turn_about_z(const Point3& p, double angle) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  return {c * p.x - s * p.y, s * p.x + c * p.y, p.z};
}

// q p q*, q = (w, x, y, z) of length 1.
Point3 rotate(std::span<const double, 4> q, const Point3& p) {
  const double tx = 2.0 * (q[2] * p.z - q[3] * p.y);
  const double ty = 2.0 * (q[3] * p.x - q[1] * p.z);
  const double tz = 2.0 * (q[1] * p.y - q[2] * p.x);
  return {p.x + q[0] * tx + q[2] * tz - q[3] * ty, p.y + q[0] * ty + q[3] * tx - q[1] * tz,
          p.z + q[0] * tz + q[1] * ty - q[2] * tx};
}

double height(const AntPose::Leg& leg) { return (leg.hip.z + leg.knee.z + leg.foot.z) / 3; }

// A leg's outline on the floor, moved by its height.
Point shadow_of(const Point3& p) {
  const double shift = kShadowSlope * std::max(p.z, 0.0);
  return {p.x + 0.6 * shift, p.y - shift};
}

void draw_shadow(const maze::MazePicture& picture, const AntPose& pose) {
  Canvas& canvas = picture.canvas();
  for (const double spread : {0.07, 0.035, 0.0}) {
    const Color color = maze::kShadow.with_alpha(26);
    for (const AntPose::Leg& leg : pose.legs) {
      const std::array<Point, 4> line = {shadow_of(pose.torso), shadow_of(leg.hip),
                                         shadow_of(leg.knee), shadow_of(leg.foot)};
      canvas.stroke_polyline(line, 2.0 * (kLegRadius + spread), color);
    }
    canvas.fill_circle(shadow_of(pose.torso), kTorsoRadius + spread, color);
  }
}

void draw_leg(const maze::MazePicture& picture, const AntPose::Leg& leg, Color color) {
  Canvas& canvas = picture.canvas();
  const std::array<Point, 3> line = {flat(leg.hip), flat(leg.knee), flat(leg.foot)};
  const double width = 2.0 * std::max(kLegRadius, picture.pixels(kMinLegPixels));
  const Color dark = maze::mix(color, maze::kBlack, 0.3);
  if (!picture.detailed()) return canvas.stroke_polyline(line, width, dark);
  const double edge = picture.pixels(1.0);
  canvas.stroke_polyline(line, width + 2.0 * edge, maze::kWhite);
  canvas.stroke_polyline(line, width, dark);
  // The lower part is lighter, so that the knee is visible.
  canvas.fill_capsule(flat(leg.knee), flat(leg.foot), width / 2,
                      maze::mix(color, maze::kWhite, 0.3));
  canvas.fill_circle(flat(leg.knee), width / 2, color);
}

void draw_torso(const maze::MazePicture& picture, const AntPose& pose, Color color) {
  Canvas& canvas = picture.canvas();
  const Point at = flat(pose.torso);
  const double radius = std::max(kTorsoRadius, picture.pixels(kMinTorsoPixels));
  if (!picture.detailed()) return canvas.fill_circle(at, radius, color);
  canvas.fill_circle(at, radius + picture.pixels(1.0), maze::kWhite);
  canvas.fill_circle(at, radius, maze::mix(color, maze::kBlack, 0.12));
  canvas.fill_circle({at.x - 0.1 * radius, at.y + 0.1 * radius}, 0.8 * radius, color);
  const Point front = {pose.front.x - at.x, pose.front.y - at.y};
  canvas.fill_circle({at.x + 0.55 * radius * front.x, at.y + 0.55 * radius * front.y}, 0.2 * radius,
                     maze::mix(color, maze::kWhite, 0.75));
}

}  // namespace

AntPose ant_pose(std::span<const double> qpos) {
  std::array<double, 4> q = {qpos[3], qpos[4], qpos[5], qpos[6]};
  const double length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  for (double& x : q) x /= length;
  AntPose pose;
  pose.torso = {qpos[0], qpos[1], qpos[2]};
  const auto to_world = [&](const Point3& p) { return add(pose.torso, rotate(q, p)); };
  pose.front = to_world({1.0, 0.0, 0.0});
  for (size_t i = 0; i < kLegs.size(); ++i) {
    const LegShape& shape = kLegs[i];
    const double hip = qpos[7 + 2 * i];
    const double ankle = qpos[8 + 2 * i];
    const Point3 step{kLegStep * shape.x, kLegStep * shape.y, 0.0};
    // About a horizontal axis perpendicular to the leg.
    const double lift = std::numbers::sqrt2 * kFootStep * std::sin(shape.ankle * ankle);
    const Point3 foot{kFootStep * shape.x * std::cos(ankle), kFootStep * shape.y * std::cos(ankle),
                      lift};
    const Point3 knee = add(step, turn_about_z(step, hip));
    pose.legs[i] = {to_world(step), to_world(knee), to_world(add(knee, turn_about_z(foot, hip)))};
  }
  return pose;
}

void draw_ant(const maze::MazePicture& picture, const AntPose& pose, Color color) {
  if (picture.shadows()) draw_shadow(picture, pose);
  std::array<const AntPose::Leg*, 4> order;
  for (size_t i = 0; i < order.size(); ++i) order[i] = &pose.legs[i];
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return height(*a) < height(*b); });
  const auto draw_legs = [&](bool above) {
    for (const AntPose::Leg* leg : order) {
      if ((height(*leg) > pose.torso.z) == above) draw_leg(picture, *leg, color);
    }
  };
  draw_legs(false);
  draw_torso(picture, pose, color);
  draw_legs(true);
}

}  // namespace reverie::ant_maze
