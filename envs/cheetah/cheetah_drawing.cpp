#include "envs/cheetah/cheetah_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace reverie::cheetah {
namespace {

constexpr double kViewHeight = 2.2;    // [m] that the picture shows at zoom 1
constexpr double kGroundShare = 0.24;  // share of the picture's height below the ground's surface
constexpr double kTile = 0.5;          // [m]
constexpr double kFollowAbove = 0.45;  // of the picture's height: above it the camera rises too
constexpr double kMarkEvery = 5;       // [m] between distances written on the ground
// Films with fewer pixels per metre leave out details smaller than a pixel.
constexpr double kDetailScale = 60.0;

constexpr size_t kHead = 1, kBackFoot = 4, kFrontFoot = 7;  // among the capsules

constexpr Color kWhite{255, 255, 255};
constexpr Color kShadow{20, 24, 32};

// From `a` at 0 to `b` at 1.
Color mix(Color a, Color b, double amount) {
  const auto channel = [&](uint8_t from, uint8_t to) {
    return static_cast<uint8_t>(std::lround(from + (to - from) * amount));
  };
  return {channel(a.r, b.r), channel(a.g, b.g), channel(a.b, b.b)};
}

// Towards black (amount < 0) or white (amount > 0).
Color shade(Color color, double amount) {
  return mix(color, amount > 0.0 ? kWhite : Color{}, std::abs(amount));
}

// The visible part of the world: x from left to right at any height, with room for the tilt.
struct Scene {
  Canvas& canvas;
  const FactorValues& factors;
  double scale;        // [px/m]
  double left, right;  // [m]
  double bottom;       // [m]
  bool detailed;
};

// Paler towards the horizon, in invisibly small steps.
void draw_sky(const Scene& scene) {
  const Color sky = scene.factors.color(kSkyColor);
  scene.canvas.clear(sky);
  if (!scene.detailed) return;
  constexpr int kBands = 48;
  const Transform before = scene.canvas.transform();
  scene.canvas.set_transform({});
  scene.canvas.set_antialias(false);
  const double height = scene.canvas.height() * (1.0 - kGroundShare) / kBands;
  for (int i = 1; i < kBands; ++i) {
    scene.canvas.fill_rect(0.0, i * height, scene.canvas.width(), scene.canvas.height(),
                           shade(sky, 0.72 * i / kBands));
  }
  scene.canvas.set_antialias(true);
  scene.canvas.set_transform(before);
}

// A ridge that moves at `pace` times the camera's speed: the further away, the slower.
void draw_hills(const Scene& scene, double x, double pace, double height, Color color) {
  constexpr int kPoints = 64;
  std::array<Point, kPoints + 2> outline;
  const double width = scene.right - scene.left;
  for (int i = 0; i < kPoints; ++i) {
    const double at = scene.left + width * i / (kPoints - 1);
    const double place = (at - x) + pace * x + 40.0 * pace;
    const double ridge = 0.55 + 0.25 * std::sin(1.1 * place) + 0.14 * std::sin(2.3 * place + 1.0) +
                         0.06 * std::sin(5.1 * place + 2.0);
    outline[static_cast<size_t>(i)] = {at, height * ridge};
  }
  outline[kPoints] = {scene.right, scene.bottom};
  outline[kPoints + 1] = {scene.left, scene.bottom};
  scene.canvas.fill_polygon(outline, color);
}

// Calls visit(x) for the multiples of `spacing` from just left of the picture to its right edge.
// They are counted beforehand, because far from the origin x + spacing may equal x.
template <typename Visit>
void for_each_multiple(const Scene& scene, double spacing, Visit visit) {
  const double first = std::floor(scene.left / spacing) * spacing;
  const auto count = static_cast<int>((scene.right - scene.left) / spacing) + 2;
  for (int i = 0; i < count; ++i) visit(first + i * spacing);
}

void draw_ground(const Scene& scene) {
  Canvas& canvas = scene.canvas;
  const Color ground = scene.factors.color(kGroundColor);
  const double width = scene.right - scene.left;
  canvas.fill_rect(scene.left, scene.bottom, width, -scene.bottom, ground);
  if (kTile * scene.scale > 0.5) {
    for_each_multiple(scene, 2.0 * kTile, [&](double x) {
      canvas.fill_rect(x, scene.bottom, kTile, -scene.bottom, shade(ground, -0.14));
    });
  }
  if (!scene.detailed) return;
  // The surface catches the light; the depth below it lies in the shade.
  canvas.fill_rect(scene.left, -0.035, width, 0.035, shade(ground, 0.42));
  canvas.fill_rect(scene.left, -0.05, width, 0.015, shade(ground, -0.3));
  for (int i = 0; i < 10; ++i) {
    const double top = -0.2 - 0.03 * i;
    canvas.fill_rect(scene.left, scene.bottom, width, top - scene.bottom, kShadow.with_alpha(9));
  }
}

// A tick every metre, a distance every five.
void draw_marks(const Scene& scene) {
  Canvas& canvas = scene.canvas;
  const Color ink = shade(scene.factors.color(kGroundColor), 0.75);
  const double size = std::clamp(0.11 * scene.scale, 6.0, 400.0);  // [px] of the text
  for_each_multiple(scene, 1.0, [&](double x) {
    const bool labelled = std::fmod(std::abs(x), kMarkEvery) < 0.5;
    const double length = labelled ? 0.13 : 0.07;
    canvas.stroke_line({x, -0.075}, {x, -0.075 - length}, 0.014, ink.with_alpha(200), Cap::kButt);
    if (!labelled) return;
    canvas.text(x, -0.225 - 0.75 * size / scene.scale, fmt::format("{:.0f} m", x + 0.0), size,
                ink.with_alpha(220), TextAlign::kCenter);
  });
}

// Shadows on the ground with the sun above: darker the nearer a foot is.
void draw_shadows(const Scene& scene, const PlanarTree::Capsules& capsules) {
  constexpr double kDepth = -0.018;  // [m] into the surface
  double left = capsules[0].from.x;
  double right = left;
  for (const PlanarTree::Capsule& capsule : capsules) {
    left = std::min({left, capsule.from.x, capsule.to.x});
    right = std::max({right, capsule.from.x, capsule.to.x});
  }
  scene.canvas.fill_capsule({left, kDepth}, {right, kDepth}, 0.017, kShadow.with_alpha(38));
  for (const size_t foot : {kBackFoot, kFrontFoot}) {
    const auto& [from, to, radius] = capsules[foot];
    const double height = std::max(0.0, std::min(from.y, to.y) - radius);
    const double strength = 90.0 * std::exp(-6.0 * height);
    scene.canvas.fill_capsule({from.x, kDepth}, {to.x, kDepth}, 0.013,
                              kShadow.with_alpha(static_cast<uint8_t>(strength)));
  }
}

// Thighs have the limbs' colour; shins and feet are darker.
Color color_of(size_t capsule, const FactorValues& factors) {
  constexpr std::array<double, PlanarTree::kCapsules> kDarker = {0.0,  0.0, 0.0,  0.16,
                                                                 0.32, 0.0, 0.16, 0.32};
  const Color color = factors.color(capsule < 2 ? kTorsoColor : kLimbColor);
  return shade(color, -kDarker[capsule]);
}

// Limbs are drawn before torso and head, feet before thighs: parts nearer to the middle lie on top.
constexpr std::array<size_t, PlanarTree::kCapsules> kOrder = {7, 6, 5, 4, 3, 2, 0, 1};

void draw_body(const Scene& scene, const PlanarTree::Capsules& capsules) {
  for (const size_t i : kOrder) {
    scene.canvas.fill_capsule(capsules[i].from, capsules[i].to, capsules[i].radius,
                              color_of(i, scene.factors));
  }
}

void draw_body_in_detail(const Scene& scene, const PlanarTree::Capsules& capsules,
                         const PlanarTree::Poses& poses) {
  Canvas& canvas = scene.canvas;
  const double edge = 0.011;
  for (const size_t i : kOrder) {
    const auto& [from, to, radius] = capsules[i];
    const Color color = color_of(i, scene.factors);
    canvas.fill_capsule(from, to, radius + edge, shade(color, -0.55));
    canvas.fill_capsule(from, to, radius, color);
    // Light from above: a highlight along the upper side.
    const double length = std::hypot(to.x - from.x, to.y - from.y);
    Point side = {(from.y - to.y) / length, (to.x - from.x) / length};
    if (side.y < 0.0) side = {-side.x, -side.y};
    const double off = 0.42 * radius;
    const uint8_t strength = static_cast<uint8_t>(30.0 + 70.0 * side.y);
    canvas.stroke_line({from.x + off * side.x, from.y + off * side.y},
                       {to.x + off * side.x, to.y + off * side.y}, 0.3 * radius,
                       kWhite.with_alpha(strength));
  }
  for (size_t b = 1; b < PlanarTree::kBodies; ++b) {
    canvas.fill_circle(poses[b].position, 0.018, shade(scene.factors.color(kLimbColor), -0.7));
    canvas.fill_circle(poses[b].position, 0.009, shade(scene.factors.color(kLimbColor), 0.4));
  }
  const PlanarTree::Capsule& head = capsules[kHead];
  canvas.fill_circle(head.to, 0.016, kWhite);
  canvas.fill_circle(head.to, 0.009, kShadow);
}

}  // namespace

void draw_cheetah(Canvas& canvas, View view, const PlanarTree& tree, std::span<const double> qpos,
                  const FactorValues& factors) {
  const PlanarTree::Poses poses = tree.poses(qpos);
  const PlanarTree::Capsules capsules = tree.capsules(poses);
  const Point torso = poses[0].position;
  const double scale = canvas.height() / kViewHeight * factors.number(kZoom);
  const double shown = kViewHeight / factors.number(kZoom);
  const Point centre = {
      torso.x, (0.5 - kGroundShare) * shown + std::max(0.0, torso.y - kFollowAbove * shown)};
  const double slope = factors.number(kSlope) * std::numbers::pi / 180.0;
  // Half the picture's diagonal is enough in every direction at any tilt.
  const double reach = 0.5 * std::hypot(canvas.width(), canvas.height()) / scale;
  const Scene scene{.canvas = canvas,
                    .factors = factors,
                    .scale = scale,
                    .left = centre.x - reach,
                    .right = centre.x + reach,
                    .bottom = std::min(centre.y - reach, -0.1),
                    .detailed = view == View::kFilm && scale >= kDetailScale};
  const Transform before = canvas.transform();
  canvas.set_transform(camera(centre, scale, canvas.width(), canvas.height(), slope));
  draw_sky(scene);
  if (scene.detailed) {
    const Color sky = factors.color(kSkyColor);
    const Color ground = factors.color(kGroundColor);
    draw_hills(scene, torso.x, 0.86, 0.85, mix(sky, ground, 0.2));
    draw_hills(scene, torso.x, 0.7, 0.45, mix(sky, ground, 0.45));
  }
  draw_ground(scene);
  if (scene.detailed) {
    draw_marks(scene);
    draw_shadows(scene, capsules);
    draw_body_in_detail(scene, capsules, poses);
  } else {
    draw_body(scene, capsules);
  }
  canvas.set_transform(before);
}

}  // namespace reverie::cheetah
