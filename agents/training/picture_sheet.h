#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "drawing/canvas.h"
#include "drawing/picture.h"

namespace reverie {

// Draws a picture [H, W, C] uint8, C 1 or 3, scaled to `size`, with its top left corner at (x, y).
void draw_picture(Canvas& canvas, int x, int y, ImageSize size, const at::Tensor& picture);

// The size of a picture [H, W, C] scaled to `height` [px].
ImageSize size_at_height(const at::Tensor& picture, int height);

// A sheet of pictures for people: headings, and below them rows of pictures of one size with a
// label at their left and a caption above each.
class PictureSheet {
 public:
  explicit PictureSheet(std::string title) : title_(std::move(title)) {}

  void add_heading(std::string text);

  // pictures: [N, H, W, C] uint8 on the CPU, of the same size in all rows. captions: N of them, or
  // none.
  void add_row(std::string label, at::Tensor pictures, std::vector<std::string> captions = {});

  // Writes a PNG file and creates its folder if needed. Throws Error(kInput) for a sheet larger
  // than Canvas::kMaxSide, Error as write_png() does.
  void write(const std::filesystem::path& path) const;

 private:
  struct Row {
    std::string text;     // a heading where there are no pictures
    at::Tensor pictures;  // undefined for a heading
    std::vector<std::string> captions;
  };
  struct Layout;

  Layout layout() const;
  static int height_of(const Row& row, const Layout& layout);
  static void draw(const Row& row, const Layout& layout, int top, Canvas& canvas);

  std::string title_;
  std::vector<Row> rows_;
};

}  // namespace reverie
