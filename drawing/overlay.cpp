#include "drawing/overlay.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace reverie {
namespace {

constexpr Color kPanel{24, 28, 36};
constexpr Color kText{255, 255, 255};
constexpr Color kFaint{190, 198, 210};
constexpr Color kTrack{255, 255, 255, 50};
constexpr Color kBar{255, 184, 77};
constexpr size_t kMaxBars = 8;
constexpr int kMostTries = 20;
constexpr double kGap = 18.0;  // between title, numbers and bars, in units
constexpr double kBarStep = 10.0, kBarWidth = 6.0;

// The size of one pixel of a film of 640 x 480.
double unit_of(ImageSize film) { return std::min(film.width / 640.0, film.height / 480.0); }

}  // namespace

int overlay_height(ImageSize film) {
  if (film.width < 160 || film.height < 120) return 0;
  return 2 * static_cast<int>(std::lround(16.0 * unit_of(film)));
}

void draw_overlay(Canvas& canvas, ImageSize film, const Overlay& overlay) {
  const double height = overlay_height(film);
  if (height == 0.0) return;
  canvas.fill_rect(0.0, 0.0, film.width, height, kPanel);
  const std::string numbers =
      fmt::format("t {:6.2f} s   return {:8.2f}", overlay.time, overlay.episode_return);
  const size_t bars = std::min(overlay.action.size(), kMaxBars);
  const auto width_of = [&](double unit) {
    return text_width(overlay.title, 14.0 * unit) + text_width(numbers, 14.0 * unit, Font::kMono) +
           (3.0 * kGap + kBarStep * static_cast<double>(bars)) * unit;
  };
  double unit = unit_of(film);
  // A long title makes everything smaller. Widths of glyphs are not proportional to their size.
  for (int tries = 0; tries < kMostTries && width_of(unit) > film.width; ++tries) {
    unit *= 0.98 * film.width / width_of(unit);
  }
  const double size = 14.0 * unit;
  const double baseline = 0.5 * height + 0.35 * size;
  const double left = 0.5 * kGap * unit;
  const double title = canvas.text(left, baseline, overlay.title, size, kText);
  canvas.text(left + title + kGap * unit, baseline, numbers, size, kFaint, TextAlign::kLeft,
              Font::kMono);

  const double top = 0.15 * height;
  const double bottom = height - top;
  for (size_t i = 0; i < bars; ++i) {
    const double x = film.width - left - kBarStep * unit * static_cast<double>(bars - i);
    const double range = overlay.high - overlay.low;
    const auto y_of = [&](double value) {
      return bottom - (bottom - top) * std::clamp((value - overlay.low) / range, 0.0, 1.0);
    };
    const double zero = y_of(0.0);
    const double value = y_of(overlay.action[i]);
    canvas.fill_rounded_rect(x, top, kBarWidth * unit, bottom - top, 2.0 * unit, kTrack);
    canvas.fill_rounded_rect(x, std::min(zero, value), kBarWidth * unit,
                             std::max(std::abs(value - zero), 1.0), 2.0 * unit, kBar);
  }
}

}  // namespace reverie
