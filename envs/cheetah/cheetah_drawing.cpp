#include "envs/cheetah/cheetah_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace reverie::cheetah {
namespace {

constexpr double kViewHeight = 2.4;  // [m] that the picture shows at zoom 1
constexpr double kGroundAt = 0.22;   // of the picture's height lies below the ground's surface
constexpr double kTile = 0.5;        // [m]

Color shade(Color color, double factor) {
  const auto channel = [&](uint8_t c) {
    return static_cast<uint8_t>(std::clamp(std::lround(c * factor), 0L, 255L));
  };
  return {channel(color.r), channel(color.g), channel(color.b), color.a};
}

}  // namespace

void draw_cheetah(Canvas& canvas, View /*view*/, const PlanarTree::Capsules& capsules, double x,
                  const FactorValues& factors) {
  const double scale = canvas.height() / kViewHeight * factors.number(kZoom);
  const double half_width = 0.5 * canvas.width() / scale;
  canvas.clear(factors.color(kSkyColor));
  const Transform before = canvas.transform();
  canvas.set_transform(camera({x, (0.5 - kGroundAt) * kViewHeight / factors.number(kZoom)}, scale,
                              canvas.width(), canvas.height()));
  const Color ground = factors.color(kGroundColor);
  canvas.fill_rect(x - half_width, -kViewHeight, 2 * half_width, kViewHeight, ground);
  for (double at = std::floor((x - half_width) / (2 * kTile)) * 2 * kTile; at < x + half_width;
       at += 2 * kTile) {
    canvas.fill_rect(at, -kViewHeight, kTile, kViewHeight, shade(ground, 0.85));
  }
  for (const PlanarTree::Capsule& capsule : capsules) {
    canvas.fill_capsule(capsule.from, capsule.to, capsule.radius, factors.color(kTorsoColor));
  }
  canvas.set_transform(before);
}

}  // namespace reverie::cheetah
