#include "envs/car_racing/score_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace reverie::car_racing {
namespace {

// In pixels of the reference's 1000 x 800 window. The reference's font (FreeSans Bold, 42 px) is
// narrower than ours; both are squeezed to the same cell.
constexpr double kWindowWidth = 1000.0;
constexpr double kWindowHeight = 800.0;
constexpr double kCenterX = 60.0;
constexpr double kAdvance = 23.4;  // from digit to digit
constexpr double kBaseline = 760.5;
constexpr double kFontSize = 41.0;  // digits 30 px high
constexpr double kTop = 722.0;      // nothing of a digit lies above
constexpr double kBottom = 768.0;   // or below

constexpr std::string_view kGlyphs = "0123456789-";
constexpr int kDetail = 4;    // glyphs are drawn this many times larger
constexpr int kSamples = 12;  // per side of each pixel

struct Mask {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<uint8_t> coverage;
};

// One glyph, white on black, in a cell of kAdvance x (kBottom - kTop) window pixels.
class LargeGlyph {
 public:
  explicit LargeGlyph(char glyph) : canvas_(kSide, kSide) {
    const std::string text(1, glyph);
    constexpr double kSize = kFontSize * kDetail;
    text_width_ = text_width(text, kSize);
    canvas_.text(0.5 * kSide, (kBaseline - kTop) * kDetail, text, kSize, {255, 255, 255},
                 TextAlign::kCenter);
  }

  // x: [0, 1] across the cell; y: window pixels below its top. Returns [0, 255].
  int at(double x, double y) const {
    const auto column = static_cast<int>(0.5 * kSide + (x - 0.5) * text_width_);
    const auto row = static_cast<int>(y * kDetail);
    if (column < 0 || row < 0 || column >= kSide || row >= kSide) return 0;
    return canvas_.pixels()[3 * static_cast<size_t>(row * kSide + column)];
  }

 private:
  static constexpr int kSide = 192;
  Canvas canvas_;
  double text_width_ = 0.0;
};

// The masks of all glyphs at all positions in texts of one length, for one canvas size.
class ScoreFont {
 public:
  ScoreFont(int canvas_width, int canvas_height, size_t text_length)
      : width(canvas_width), height(canvas_height), length(text_length) {
    const double sx = width / kWindowWidth;
    const double sy = height / kWindowHeight;
    for (const char glyph : kGlyphs) {
      const LargeGlyph large(glyph);
      for (size_t slot = 0; slot < length; ++slot) {
        const double left =
            kCenterX + kAdvance * (static_cast<double>(slot) - static_cast<double>(length) / 2);
        masks_.push_back(shrink(large, left, sx, sy));
      }
    }
  }

  const Mask& mask(size_t glyph, size_t slot) const { return masks_[glyph * length + slot]; }

  int width, height;
  size_t length;

 private:
  static Mask shrink(const LargeGlyph& glyph, double left, double sx, double sy) {
    Mask mask;
    mask.x = static_cast<int>(std::floor(left * sx));
    mask.y = static_cast<int>(std::floor(kTop * sy));
    mask.width = static_cast<int>(std::ceil((left + kAdvance) * sx)) - mask.x;
    mask.height = static_cast<int>(std::ceil(kBottom * sy)) - mask.y;
    for (int row = 0; row < mask.height; ++row) {
      for (int column = 0; column < mask.width; ++column) {
        int sum = 0;
        for (int i = 0; i < kSamples * kSamples; ++i) {
          const double px = mask.x + column + (i % kSamples + 0.5) / kSamples;
          const double py = mask.y + row + (i / kSamples + 0.5) / kSamples;
          const double across = (px / sx - left) / kAdvance;
          if (across >= 0.0 && across < 1.0) sum += glyph.at(across, py / sy - kTop);
        }
        mask.coverage.push_back(static_cast<uint8_t>(sum / (kSamples * kSamples)));
      }
    }
    return mask;
  }

  std::vector<Mask> masks_;
};

// A thread rarely draws more than one size.
const ScoreFont& score_font(int width, int height, size_t length) {
  thread_local std::vector<ScoreFont> fonts;
  for (const ScoreFont& font : fonts) {
    if (font.width == width && font.height == height && font.length == length) return font;
  }
  constexpr size_t kKept = 8;
  if (fonts.size() == kKept) fonts.clear();
  return fonts.emplace_back(width, height, length);
}

}  // namespace

void draw_score(Canvas& canvas, double score) {
  std::array<char, 32> text{};
  const auto end = fmt::format_to_n(text.data(), text.size(), "{:04.0f}", score);
  const size_t length = std::min(end.size, text.size());
  const ScoreFont& font = score_font(canvas.width(), canvas.height(), length);
  for (size_t slot = 0; slot < length; ++slot) {
    const size_t glyph = kGlyphs.find(text[slot]);
    if (glyph == std::string_view::npos) continue;
    const Mask& mask = font.mask(glyph, slot);
    canvas.draw_mask(mask.x, mask.y, mask.coverage.data(), mask.width, mask.height,
                     {253, 253, 253});  // white after shrinking
  }
}

}  // namespace reverie::car_racing
