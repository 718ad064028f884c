#include "envs/cheetah/planar_tree.h"

#include <cmath>

#include "core/error.h"

namespace reverie::cheetah {
namespace {

Point in_plane(const mjtNum* vector) { return {vector[0], vector[2]}; }

// A rotation about y: takes (x, z) to (c x + s z, c z - s x).
struct Rotation {
  Rotation() = default;
  explicit Rotation(double angle) : c(std::cos(angle)), s(std::sin(angle)) {}
  Point operator()(Point p) const { return {c * p.x + s * p.y, c * p.y - s * p.x}; }
  double c = 1.0, s = 0.0;
};

Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }

// The velocity of a point at `arm` from an axis along y that turns at `rate`.
Point across(double rate, Point arm) { return {rate * arm.y, -rate * arm.x}; }

}  // namespace

PlanarTree::PlanarTree(const mjModel& model) {
  REVERIE_CHECK(model.nbody == kBodies + 1 && model.nq == kBodies + 2 && model.nv == model.nq &&
                    model.njnt == model.nq && model.ngeom == kCapsules + 1,
                "cheetah: the model has {} bodies, {} joints and {} geoms, expected {}, {} and {}",
                model.nbody, model.njnt, model.ngeom, kBodies + 1, kBodies + 2, kCapsules + 1);
  for (size_t b = 0; b < kBodies; ++b) {
    const size_t id = b + 1;  // after the world
    Body& body = bodies_[b];
    body.parent = b == 0 ? 0 : static_cast<size_t>(model.body_parentid[id]) - 1;
    body.hinge = in_plane(model.body_pos + 3 * id);
    body.centre = in_plane(model.body_ipos + 3 * id);
    body.mass = model.body_mass[id];
    mjtNum frame[9];  // principal axes in its columns
    mju_quat2Mat(frame, model.body_iquat + 4 * id);
    for (size_t axis = 0; axis < 3; ++axis) {
      body.inertia += frame[3 + axis] * frame[3 + axis] * model.body_inertia[3 * id + axis];
    }
    mass_ += body.mass;
  }
  for (size_t i = 0; i < kCapsules; ++i) {
    const size_t id = i + 1;  // after the floor
    mjtNum frame[9];          // the axis of a capsule is its z axis
    mju_quat2Mat(frame, model.geom_quat + 4 * id);
    const Point centre = in_plane(model.geom_pos + 3 * id);
    const double half = model.geom_size[3 * id + 1];
    const Point along = {half * frame[2], half * frame[8]};
    shapes_[i] = {.body = static_cast<size_t>(model.geom_bodyid[id]) - 1,
                  .capsule = {.from = {centre.x - along.x, centre.y - along.y},
                              .to = centre + along,
                              .radius = model.geom_size[3 * id]}};
  }
}

PlanarTree::Poses PlanarTree::poses(std::span<const double> qpos) const {
  Poses poses;
  poses[0] = {.position = bodies_[0].hinge + Point{qpos[0], qpos[1]}, .angle = qpos[2]};
  for (size_t b = 1; b < kBodies; ++b) {
    const Pose& parent = poses[bodies_[b].parent];
    poses[b] = {.position = parent.position + Rotation(parent.angle)(bodies_[b].hinge),
                .angle = parent.angle + qpos[b + 2]};
  }
  return poses;
}

PlanarTree::Capsules PlanarTree::capsules(const Poses& poses) const {
  Capsules capsules;
  for (size_t i = 0; i < kCapsules; ++i) {
    const Pose& pose = poses[shapes_[i].body];
    const Rotation turn(pose.angle);
    const Capsule& own = shapes_[i].capsule;
    capsules[i] = {.from = pose.position + turn(own.from),
                   .to = pose.position + turn(own.to),
                   .radius = own.radius};
  }
  return capsules;
}

PlanarTree::Motion PlanarTree::motion(std::span<const double> qpos,
                                      std::span<const double> qvel) const {
  struct Frame {
    Point position, velocity;  // relative to the torso's middle
    double angle = 0.0, rate = 0.0;
    Rotation turn;
  };
  std::array<Frame, kBodies> frames;
  std::array<Point, kBodies> arm, moving;  // their positions and velocities, relative too
  Point centre, velocity;                  // of all the mass
  for (size_t b = 0; b < kBodies; ++b) {
    const Body& body = bodies_[b];
    Frame& frame = frames[b];
    if (b > 0) {
      const Frame& parent = frames[body.parent];
      const Point offset = parent.turn(body.hinge);
      frame.position = parent.position + offset;
      frame.velocity = parent.velocity + across(parent.rate, offset);
      frame.angle = parent.angle;
      frame.rate = parent.rate;
    }
    frame.angle += qpos[b + 2];
    frame.rate += qvel[b + 2];
    frame.turn = Rotation(frame.angle);
    const Point out = frame.turn(body.centre);
    arm[b] = frame.position + out;
    moving[b] = frame.velocity + across(frame.rate, out);
    const double share = body.mass / mass_;
    centre = centre + Point{share * arm[b].x, share * arm[b].y};
    velocity = velocity + Point{share * moving[b].x, share * moving[b].y};
  }
  Motion motion{.speed = qvel[0] + velocity.x, .angular_momentum = 0.0};
  for (size_t b = 0; b < kBodies; ++b) {
    const Point r = {arm[b].x - centre.x, arm[b].y - centre.y};
    const Point v = {moving[b].x - velocity.x, moving[b].y - velocity.y};
    motion.angular_momentum +=
        bodies_[b].inertia * frames[b].rate + bodies_[b].mass * (r.y * v.x - r.x * v.y);
  }
  return motion;
}

}  // namespace reverie::cheetah
