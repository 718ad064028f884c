#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace reverie {

struct Point {
  double x = 0.0;
  double y = 0.0;
  bool operator==(const Point&) const = default;
};

// Computes which part of every pixel of a W x H grid a set of closed outlines covers, by signed
// areas (as in FreeType's smooth rasteriser and font-rs): to each pixel that it crosses, an edge
// adds the area between itself and the pixel's right border, signed by its direction; to all pixels
// further right it adds its height. The running sum along a row is then the winding number
// integrated over the pixel: the exact area where outlines do not cross within a pixel.
//
// Coverage is min(|sum|, 1), the non-zero rule. Sums are integers, and an edge and its reverse
// cancel exactly, so shapes that turn the same way and share an edge have no seam.
//
// A row is kept in chunks of 8 pixels that are summed together. One bit marks each chunk that an
// edge touched; coverage is constant between such chunks. Work and memory do not depend on how far
// an outline reaches beyond the grid.
class Coverage {
 public:
  static constexpr int kOneBits = 14;
  static constexpr int kOne = 1 << kOneBits;  // coverage of a whole pixel

  enum class Rule : uint8_t {
    kArea,    // exact area, rounded to 1 / kOne
    kCenter,  // all or nothing, by the pixel's centre; on an edge: the right or lower shape
  };

  // 1 <= width, height <= 8192; the canvas checks it.
  Coverage(int width, int height);

  // Adds an edge. Coordinates are pixels, the centre of the first pixel is at (0.5, 0.5); they must
  // be finite and at most 1e9 in size. The edges added between two sweeps must form closed outlines
  // with winding numbers below 2^17.
  void add_edge(Point from, Point to, Rule rule);

  static constexpr int kChunk = 8;
  using Chunk = int32_t __attribute__((vector_size(kChunk * sizeof(int32_t))));

  // Empties the grid and calls, row by row from left to right,
  //   run(y, x, n, coverage)    for n >= 1 pixels with the same coverage in [1, kOne], and
  //   chunk(y, x, n, coverage)  for 1 <= n <= kChunk pixels with coverage[i] in [0, kOne], i < n.
  // All other pixels are not covered.
  template <typename Run, typename ChunkOf>
  void sweep(Run&& run, ChunkOf&& chunk);

 private:
  void add_areas(double x0, double y0, double x1, double y1, double slope, int32_t sign);
  void add_centers(double x0, double y0, double y1, double slope, int32_t sign);
  void touch_rows(int first, int last);
  static void mark(uint64_t* mask, int64_t cell);

  int width_;
  int height_;
  size_t stride_;  // cells per row: the right border reaches cell width + 2
  size_t words_;   // mask words per row
  int first_row_;  // touched rows: [first_row_, end_row_)
  int end_row_ = 0;
  std::vector<int32_t> cells_;  // [height, stride] differences along a row
  std::vector<uint64_t>
      mask_;  // [height, words], bit c: one of cells_[y, 8c .. 8c + 7] was touched
};

template <typename Run, typename ChunkOf>
void Coverage::sweep(Run&& run, ChunkOf&& chunk) {
  for (int y = first_row_; y < end_row_; ++y) {
    int32_t* cells = cells_.data() + static_cast<size_t>(y) * stride_;
    uint64_t* mask = mask_.data() + static_cast<size_t>(y) * words_;
    int32_t sum = 0;
    int next = 0;  // the first pixel not yet reported
    const auto report = [&](int end) {
      const int coverage = std::min(std::abs(sum), kOne);
      if (coverage > 0 && end > next) run(y, next, end - next, coverage);
    };
    for (size_t word = 0; word < words_; ++word) {
      uint64_t bits = mask[word];
      mask[word] = 0;
      for (; bits != 0; bits &= bits - 1) {
        const int x = (static_cast<int>(word) * 64 + std::countr_zero(bits)) * kChunk;
        Chunk v;
        std::memcpy(&v, cells + x, sizeof v);
        std::memset(cells + x, 0, sizeof v);
        if (x >= width_) continue;
        if (x > next) report(x);
        // Running sums of eight in three steps.
        constexpr Chunk kZero = {};
        v += __builtin_shufflevector(v, kZero, 8, 0, 1, 2, 3, 4, 5, 6);
        v += __builtin_shufflevector(v, kZero, 8, 8, 0, 1, 2, 3, 4, 5);
        v += __builtin_shufflevector(v, kZero, 8, 8, 8, 8, 0, 1, 2, 3);
        v += sum;
        sum = v[kChunk - 1];
        v = v < 0 ? -v : v;
        v = v > kOne ? kZero + kOne : v;
        chunk(y, x, std::min(kChunk, width_ - x), v);
        next = x + kChunk;
      }
    }
    report(width_);
  }
  first_row_ = height_;
  end_row_ = 0;
}

}  // namespace reverie
