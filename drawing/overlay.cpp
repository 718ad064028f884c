#include "drawing/overlay.h"

#include <algorithm>

#include <fmt/format.h>

namespace reverie {
namespace {

constexpr Color kPanel{24, 28, 36, 190};
constexpr Color kText{255, 255, 255};
constexpr Color kFaint{190, 198, 210};
constexpr Color kTrack{255, 255, 255, 50};
constexpr Color kBar{255, 184, 77};
constexpr size_t kMaxBars = 8;

}  // namespace

void draw_overlay(Canvas& canvas, const Overlay& overlay) {
  if (canvas.width() < 160 || canvas.height() < 120) return;
  const double unit = std::min(canvas.width() / 640.0, canvas.height() / 480.0);
  const double size = 14.0 * unit;
  const double pad = 9.0 * unit;
  const double line = 19.0 * unit;
  const std::string time = fmt::format("t {:6.2f} s", overlay.time);
  const std::string sum = fmt::format("return {:8.2f}", overlay.episode_return);
  const size_t bars = std::min(overlay.action.size(), kMaxBars);
  const double width = std::max({text_width(overlay.title, size),
                                 text_width(time + "   " + sum, size, Font::kMono), 120.0 * unit}) +
                       2 * pad;
  const double height = 2 * pad + 2 * line + static_cast<double>(bars) * 9.0 * unit;
  const double left = 10.0 * unit;
  const double top = 10.0 * unit;
  canvas.fill_rounded_rect(left, top, width, height, 6.0 * unit, kPanel);
  canvas.text(left + pad, top + pad + 0.75 * size, overlay.title, size, kText);
  canvas.text(left + pad, top + pad + line + 0.75 * size, time + "   " + sum, size, kFaint,
              TextAlign::kLeft, Font::kMono);

  const double bar_left = left + pad;
  const double bar_width = width - 2 * pad;
  for (size_t i = 0; i < bars; ++i) {
    const double y = top + pad + 2 * line + static_cast<double>(i) * 9.0 * unit;
    const double range = overlay.high - overlay.low;
    const auto x_of = [&](double value) {
      return bar_left + bar_width * std::clamp((value - overlay.low) / range, 0.0, 1.0);
    };
    const double zero = x_of(0.0);
    const double value = x_of(overlay.action[i]);
    canvas.fill_rounded_rect(bar_left, y, bar_width, 5.0 * unit, 2.5 * unit, kTrack);
    canvas.fill_rounded_rect(std::min(zero, value), y, std::max(std::abs(value - zero), 1.0),
                             5.0 * unit, 2.5 * unit, kBar);
  }
}

}  // namespace reverie
