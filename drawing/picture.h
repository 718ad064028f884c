#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

// Sides of a picture [px].
struct ImageSize {
  int width = 0;
  int height = 0;
  bool operator==(const ImageSize&) const = default;
};

// A part of a picture [px], from the top left corner.
struct CropBox {
  int left = 0;
  int top = 0;
  ImageSize size = {};
};

// Parses "96x64". Throws Error(kInput) that opens with `flag` for another form or sides outside [1,
// Canvas::kMaxSide].
ImageSize parse_image_size(std::string_view flag, std::string_view text);

// Parses "WIDTHxHEIGHT+LEFT+TOP", for example "84x84+6+0". Throws Error(kInput) that opens with
// `flag` for another form and for a box that is not inside `picture`.
CropBox parse_crop(std::string_view flag, std::string_view text, ImageSize picture);

std::string to_string(ImageSize size);

// An RGB picture [height, width, 3] in memory owned elsewhere, whose rows begin `stride` bytes
// apart.
struct PictureView {
  const uint8_t* data = nullptr;
  ImageSize size = {};
  size_t stride = 0;

  PictureView(std::span<const uint8_t> pixels, ImageSize picture)
      : data(pixels.data()), size(picture), stride(3 * static_cast<size_t>(picture.width)) {}

  PictureView crop(const CropBox& box) const;
};

// Copies a picture without the gaps between its rows. out: [height, width, 3].
void copy_picture(const PictureView& from, std::span<uint8_t> out);

// Luma of ITU-R BT.601, round(0.299 R + 0.587 G + 0.114 B), half up. out: [height, width, 1].
void grey_picture(const PictureView& from, std::span<uint8_t> out);

// Scales pictures of one size to another, each axis separately. On an axis that shrinks, every new
// pixel is the mean of the area it covers (cv2.INTER_AREA). On one that grows, it is interpolated
// linearly between the centres of the nearest two, the outermost repeated (cv2.INTER_LINEAR). All
// sums are of whole numbers and exact, rounded half up once at the end. Immutable: threads may
// share one.
class PictureResizer {
 public:
  PictureResizer(ImageSize from, ImageSize to);

  // from.size must be the one given to the constructor; out: [to.height, to.width, 3].
  void resize(const PictureView& from, std::span<uint8_t> out) const;

 private:
  // The weights of new pixels along one axis: new pixel i is the sum of weight[k] * old[first[i] +
  // k - begin[i]] for k in [begin[i], begin[i + 1]), divided by `total`.
  struct Axis {
    Axis(int from, int to);
    std::vector<int> first;        // [to]
    std::vector<size_t> begin{0};  // [to + 1]
    std::vector<float> weight;
    double total = 1.0;
  };

  ImageSize from_, to_;
  Axis columns_, rows_;
};

}  // namespace reverie
