#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace reverie {

// A picture in memory owned elsewhere: RGB, uint8 [height, width, 3], top row first, no padding.
struct ImageView {
  const uint8_t* rgb = nullptr;
  int width = 0;
  int height = 0;
};

// Writes a PNG file that appears complete or not at all. Throws Error(kInput) for an empty image,
// one with a side above 16384, or a path that does not end in ".png", Error(kRun) when it cannot be
// written.
void write_png(const std::filesystem::path& path, ImageView image);

// Reads the pixels of a PNG file of a known size, uint8 [height, width, 3], top row first. Grey,
// palette and 16 bits a channel become RGB of 8 bits; transparency is dropped. Throws Error(kInput)
// when the file is missing, larger than 256 MB, not a PNG, damaged, or a picture of another size
// (the message names both sizes, and nothing is decoded).
std::vector<uint8_t> read_png(const std::filesystem::path& path, int width, int height);

// Throws Error(kInput) unless write_png() and VideoWriter can write files with that ending. Call it
// before long work whose result goes there.
void check_png_path(const std::filesystem::path& path);
void check_video_path(const std::filesystem::path& path);

// Writes frames of one size to a video. The path's ending selects the format:
//
//   .mp4     H.264 (crf 18, 4:2:0, BT.709), playable while it downloads. H.264 needs even sides: an
//            odd picture gets one more column or row, a copy of its last.
//   .gif     loops for ever, with one palette for all frames. Players draw at most 50 frames/s:
//            of a faster video every k-th frame is kept.
//   folder/  (a path that ends in a slash) PNG files frame_00000.png, frame_00001.png, ...
//            It must be a new or an empty folder.
//
// Nothing is at the path before close(), and without close() nothing is left behind: frames go to a
// temporary name beside the path, which close() syncs and renames. An existing file is replaced.
//
// Errors name the path. Error(kInput): an unknown ending, a side outside [1, 16384], a frame rate
// outside [0.1, 1000], a frame of another size. Error(kRun): the folder is missing or cannot be
// written, the disk is full, the encoder fails; the writer is then closed and its temporary files
// are gone.
class VideoWriter {
 public:
  // width, height [px]; frames_per_second [Hz].
  VideoWriter(const std::filesystem::path& path, int width, int height, double frames_per_second);
  ~VideoWriter();
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;

  // Appends a frame of width x height. The caller may reuse the pixels at once.
  void write(ImageView frame);

  // Finishes the video and makes it appear. Throws Error(kInput) when there is no frame. Afterwards
  // write() and close() throw.
  void close();

 private:
  class Sink;
  class Mp4;
  class Gif;
  class PngFolder;

  std::unique_ptr<Sink> sink_;  // null once closed
  std::filesystem::path path_;
  int width_;
  int height_;
  int64_t frames_ = 0;
};

}  // namespace reverie
