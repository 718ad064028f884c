#include <cmath>
#include <filesystem>
#include <mutex>
#include <unordered_map>

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "core/assets.h"
#include "core/error.h"
#include "drawing/canvas.h"

namespace reverie {
namespace {

constexpr int kSizeSteps = 4;               // sizes per pixel
constexpr int kPhases = 4;                  // horizontal positions of a letter within a pixel
constexpr double kMaxSize = 512.0;          // [px]
constexpr size_t kCacheBytes = 16U << 20U;  // of letters; a full cache is emptied
constexpr char32_t kReplacement = 0xFFFD;

struct Glyph {
  int left = 0;  // [px] from the pen to the left column
  int top = 0;   // [px] from the baseline up to the top row
  int width = 0;
  int height = 0;
  double advance = 0.0;            // [px] to the next pen position
  std::vector<uint8_t> mask = {};  // [height, width] coverage in 1/255
};

// Removes the next code point from the front of a UTF-8 text.
char32_t next_code_point(std::string_view& text) {
  const auto lead = static_cast<uint8_t>(text.front());
  text.remove_prefix(1);
  if (lead < 0x20 || lead == 0x7F) return U' ';
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 && lead <= 0xF4  ? 3
                   : lead >= 0xE0 && lead < 0xF0 ? 2
                   : lead >= 0xC2 && lead < 0xE0 ? 1
                                                 : 0;
  if (more == 0) return kReplacement;
  char32_t code = lead & (0x3FU >> static_cast<unsigned>(more));
  for (int i = 0; i < more; ++i) {
    if (text.empty() || (static_cast<uint8_t>(text.front()) & 0xC0U) != 0x80U) return kReplacement;
    code = code << 6U | (static_cast<uint8_t>(text.front()) & 0x3FU);
    text.remove_prefix(1);
  }
  return code;
}

// One font file and the letters drawn from it so far.
class Typeface {
 public:
  Typeface(FT_Library library, const std::filesystem::path& path) {
    const FT_Error error = FT_New_Face(library, path.c_str(), 0, &face_);
    REVERIE_CHECK(error == 0, "{}: not a font that FreeType can read (its error {})", path.string(),
                  error);
  }
  Typeface(const Typeface&) = delete;
  Typeface& operator=(const Typeface&) = delete;
  ~Typeface() { FT_Done_Face(face_); }

  // size in 1 / kSizeSteps px, phase in 1 / kPhases px. Valid until the next call.
  const Glyph& glyph(char32_t code, int size, int phase) {
    const uint64_t key = (uint64_t{code} * (static_cast<int>(kMaxSize) * kSizeSteps + 1) +
                          static_cast<uint64_t>(size)) *
                             kPhases +
                         static_cast<uint64_t>(phase);
    if (const auto found = glyphs_.find(key); found != glyphs_.end()) return found->second;
    if (bytes_ > kCacheBytes) {
      glyphs_.clear();
      bytes_ = 0;
    }
    Glyph glyph = render(code, size, phase);
    bytes_ += glyph.mask.size() + sizeof(Glyph);
    return glyphs_.emplace(key, std::move(glyph)).first->second;
  }

 private:
  Glyph render(char32_t code, int size, int phase) {
    FT_Error error = FT_Set_Char_Size(face_, 0, size * (64 / kSizeSteps), 72, 72);
    // Light hinting moves outlines up and down only, so that letters may lie between pixels.
    if (error == 0) error = FT_Load_Char(face_, code, FT_LOAD_TARGET_LIGHT | FT_LOAD_NO_BITMAP);
    FT_GlyphSlot slot = face_->glyph;
    if (error == 0) {
      FT_Outline_Translate(&slot->outline, phase * (64 / kPhases), 0);
      error = FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL);
    }
    REVERIE_CHECK_RUN(error == 0, "text: FreeType cannot draw U+{:04X} (its error {})",
                      static_cast<uint32_t>(code), error);
    Glyph glyph = {.left = slot->bitmap_left,
                   .top = slot->bitmap_top,
                   .width = static_cast<int>(slot->bitmap.width),
                   .height = static_cast<int>(slot->bitmap.rows),
                   .advance = static_cast<double>(slot->linearHoriAdvance) / 65536.0};
    for (int row = 0; row < glyph.height; ++row) {
      const uint8_t* source =
          slot->bitmap.buffer + static_cast<ptrdiff_t>(row) * slot->bitmap.pitch;
      glyph.mask.insert(glyph.mask.end(), source, source + glyph.width);
    }
    return glyph;
  }

  FT_Face face_ = nullptr;
  std::unordered_map<uint64_t, Glyph> glyphs_;
  size_t bytes_ = 0;  // held by glyphs_
};

// The typefaces of the process. One lock guards FreeType's objects and the caches: text is only
// drawn on frames of videos, by one thread.
class Typefaces {
 public:
  static Typefaces& instance() {
    static Typefaces typefaces;
    return typefaces;
  }

  // Lays text out from pen position x and calls draw(glyph, column of the pen) for every letter;
  // returns the pen position after the last one.
  template <typename Draw>
  double lay_out(std::string_view text, double x, double size, Font font, Draw&& draw) {
    REVERIE_CHECK(size > 0.0 && size <= kMaxSize,
                  "text: a size is above 0 and at most {} px, got {}", kMaxSize, size);
    const int steps = std::max(static_cast<int>(std::lround(size * kSizeSteps)), 1);
    const std::lock_guard lock(mutex_);
    Typeface& typeface = open(font);
    while (!text.empty()) {
      const double quantised = std::round(x * kPhases) / kPhases;
      const double column = std::floor(quantised);
      const int phase = static_cast<int>((quantised - column) * kPhases);
      const Glyph& glyph = typeface.glyph(next_code_point(text), steps, phase);
      draw(glyph, column);
      x += glyph.advance;
    }
    return x;
  }

 private:
  Typefaces() {
    REVERIE_CHECK_RUN(FT_Init_FreeType(&library_) == 0, "text: FreeType does not start");
  }
  ~Typefaces() {
    faces_ = {};
    FT_Done_FreeType(library_);
  }

  Typeface& open(Font font) {
    std::unique_ptr<Typeface>& face = faces_[static_cast<size_t>(font)];
    if (!face) {
      face = std::make_unique<Typeface>(
          library_, asset_path(font == Font::kMono ? "fonts/DejaVuSansMono.ttf"
                                                   : "fonts/DejaVuSans-Bold.ttf"));
    }
    return *face;
  }

  std::mutex mutex_;
  FT_Library library_ = nullptr;
  std::array<std::unique_ptr<Typeface>, 2> faces_;
};

}  // namespace

double text_width(std::string_view text, double size, Font font) {
  return Typefaces::instance().lay_out(text, 0.0, size, font, [](const Glyph&, double) {});
}

double Canvas::text(double x, double y, std::string_view text, double size, Color color,
                    TextAlign align, Font font) {
  const double width = text_width(text, size, font);
  const Point anchor = transform_({x, y});
  // So far away that nothing reaches the picture, while numbers still fit into an int.
  constexpr double kOut = 1e8;
  if (!(std::abs(anchor.x) < kOut && std::abs(anchor.y) < kOut)) return width;

  const double share = align == TextAlign::kLeft ? 0.0 : align == TextAlign::kCenter ? 0.5 : 1.0;
  const int baseline = static_cast<int>(std::lround(anchor.y));
  Typefaces::instance().lay_out(
      text, anchor.x - share * width, size, font, [&](const Glyph& glyph, double column) {
        if (std::abs(column) > kOut) return;
        draw_mask(static_cast<int>(column) + glyph.left, baseline - glyph.top, glyph.mask.data(),
                  glyph.width, glyph.height, color);
      });
  return width;
}

}  // namespace reverie
