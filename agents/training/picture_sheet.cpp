#include "agents/training/picture_sheet.h"

#include <algorithm>

#include "nn/pch.h"

namespace reverie {
namespace {

constexpr int kPictureHeight = 112;  // [px] on the sheet
constexpr int kGap = 5;              // [px] between pictures
constexpr int kCaption = 16;         // [px] above pictures that have captions
constexpr int kHeading = 30;         // [px]
constexpr double kText = 11.0;
constexpr double kHeadingText = 14.0;
constexpr Color kSheet{24, 28, 36};
constexpr Color kTitle{255, 255, 255};
constexpr Color kLabel{190, 198, 210};

}  // namespace

void draw_picture(Canvas& canvas, int x, int y, ImageSize size, const at::Tensor& picture) {
  const int64_t height = picture.size(0), width = picture.size(1);
  const at::Tensor rgb = picture.expand({height, width, 3}).contiguous();  // grey has one channel
  const ImageSize from{static_cast<int>(width), static_cast<int>(height)};
  const std::span<const uint8_t> pixels(rgb.const_data_ptr<uint8_t>(),
                                        static_cast<size_t>(rgb.numel()));
  std::vector<uint8_t> scaled(3 * static_cast<size_t>(size.width) *
                              static_cast<size_t>(size.height));
  PictureResizer(from, size).resize({pixels, from}, scaled);
  canvas.draw_image(x, y, {scaled.data(), size.width, size.height});
}

ImageSize size_at_height(const at::Tensor& picture, int height) {
  const int64_t width = picture.size(1) * height / picture.size(0);
  return {static_cast<int>(std::max<int64_t>(1, width)), height};
}

void PictureSheet::add_heading(std::string text) {
  rows_.push_back({.text = std::move(text), .pictures = {}, .captions = {}});
}

void PictureSheet::add_row(std::string label, at::Tensor pictures,
                           std::vector<std::string> captions) {
  rows_.push_back(
      {.text = std::move(label), .pictures = std::move(pictures), .captions = std::move(captions)});
}

struct PictureSheet::Layout {
  ImageSize picture;
  int label_width = 0;
  int width = 0, height = 0;
};

int PictureSheet::height_of(const Row& row, const Layout& layout) {
  if (!row.pictures.defined()) return kHeading;
  return (row.captions.empty() ? 0 : kCaption) + layout.picture.height + kGap;
}

PictureSheet::Layout PictureSheet::layout() const {
  Layout layout;
  double widest = text_width(title_, kHeadingText);
  int64_t columns = 0;
  for (const Row& row : rows_) {
    if (!row.pictures.defined()) {
      widest = std::max(widest, text_width(row.text, kHeadingText));
      continue;
    }
    layout.picture = size_at_height(row.pictures[0], kPictureHeight);
    columns = std::max(columns, row.pictures.size(0));
    const auto label = static_cast<int>(text_width(row.text, kText)) + 2 * kGap;
    layout.label_width = std::max(layout.label_width, label);
  }
  const int64_t pictures = kGap + layout.label_width + columns * (layout.picture.width + kGap);
  layout.width = static_cast<int>(std::max<int64_t>(pictures, static_cast<int>(widest) + 4 * kGap));
  layout.height = kHeading + kGap;
  for (const Row& row : rows_) layout.height += height_of(row, layout);
  return layout;
}

void PictureSheet::draw(const Row& row, const Layout& layout, int top, Canvas& canvas) {
  if (!row.pictures.defined()) {
    canvas.text(2 * kGap, top + 0.7 * kHeading, row.text, kHeadingText, kTitle);
    return;
  }
  const int first = kGap + layout.label_width;
  const int y = top + (row.captions.empty() ? 0 : kCaption);
  canvas.text(2 * kGap, y + 0.5 * (layout.picture.height + kText), row.text, kText, kLabel);
  for (int64_t i = 0; i < row.pictures.size(0); ++i) {
    const int x = first + static_cast<int>(i) * (layout.picture.width + kGap);
    if (!row.captions.empty()) {
      canvas.text(x + 0.5 * layout.picture.width, y - 0.25 * kCaption,
                  row.captions[static_cast<size_t>(i)], kText, kLabel, TextAlign::kCenter);
    }
    draw_picture(canvas, x, y, layout.picture, row.pictures[i]);
  }
}

void PictureSheet::write(const std::filesystem::path& path) const {
  const Layout whole = layout();
  Canvas canvas(whole.width, whole.height);
  canvas.clear(kSheet);
  canvas.text(2 * kGap, 0.7 * kHeading, title_, kHeadingText, kTitle);
  int top = kHeading;
  for (const Row& row : rows_) {
    draw(row, whole, top, canvas);
    top += height_of(row, whole);
  }
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  write_png(path, canvas.image());
}

}  // namespace reverie
