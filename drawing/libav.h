#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include "drawing/video.h"

// Wraps FFmpeg's libav* with owners and Errors. Private to drawing/video.cpp: no other file may
// include it. `path` is the file that the user asked for; messages open with it.
namespace reverie::libav {

// Frees an object of libav*, whose functions take a pointer or a pointer to a pointer.
template <auto Free>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    if constexpr (std::is_invocable_v<decltype(Free), T**>) {
      Free(&object);
    } else {
      Free(object);
    }
  }
};
using Frame = std::unique_ptr<AVFrame, FreeBy<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, FreeBy<av_packet_free>>;
using Codec = std::unique_ptr<AVCodecContext, FreeBy<avcodec_free_context>>;
using Graph = std::unique_ptr<AVFilterGraph, FreeBy<avfilter_graph_free>>;
using FilterPads = std::unique_ptr<AVFilterInOut, FreeBy<avfilter_inout_free>>;
using Scaler = std::unique_ptr<SwsContext, FreeBy<sws_freeContext>>;

// Returns the result of a libav* call, >= 0. Throws Error(kRun) with libav's message when it
// failed.
int check(int result, const std::filesystem::path& path, std::string_view action);

// Takes ownership of what an allocating call returned. Throws Error(kRun) for null.
template <typename Owner>
Owner allocated(typename Owner::pointer object, const std::filesystem::path& path) {
  if (object == nullptr) check(AVERROR(ENOMEM), path, "continue");
  return Owner(object);
}

// The encoder of that name. Throws Error(kRun) when this build of FFmpeg lacks it. Also silences
// libav*'s own messages for the process: libraries of this project do not print.
const AVCodec* encoder_named(const char* name, const std::filesystem::path& path);

// Likewise for a decoder.
const AVCodec* decoder_named(const char* name, const std::filesystem::path& path);

// A frame with pixels of its own.
Frame make_frame(AVPixelFormat format, int width, int height, const std::filesystem::path& path);

// Copies an image into an RGB24 frame that may be larger; the last column and row are repeated.
void fill_frame(AVFrame& frame, ImageView image, const std::filesystem::path& path);

// A temporary name beside the target. Its file is removed with this object unless it was renamed.
class TemporaryPath {
 public:
  explicit TemporaryPath(const std::filesystem::path& target);
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  ~TemporaryPath();

  const std::filesystem::path& get() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A file that one encoder fills through a muxer. Nothing is at its path before finish().
class MuxedFile {
 public:
  // format: the muxer's name, "mp4". Throws Error(kInput) when the path is a folder, Error(kRun)
  // when it cannot be written.
  MuxedFile(std::filesystem::path path, const char* format);
  MuxedFile(const MuxedFile&) = delete;
  MuxedFile& operator=(const MuxedFile&) = delete;
  ~MuxedFile();

  const std::filesystem::path& path() const { return path_; }

  // A codec context to set up and hand to open().
  Codec make_codec(const AVCodec* encoder) const;

  // Writes the header. movflags: an option of the MP4 muxer, or null.
  void open(Codec codec, const char* movflags);

  // frame: null flushes the encoder. Its pts and `duration` are in the codec's time base.
  void encode(const AVFrame* frame, int64_t duration);

  // Finishes the file, syncs it and renames it to its path; a link at the path stays.
  void finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path target_;  // where the links at path_ lead
  TemporaryPath temporary_;
  AVFormatContext* muxer_ = nullptr;
  Codec codec_;
  AVStream* stream_ = nullptr;  // the muxer's
  Packet packet_;
};

// A filter graph with one output and inputs named in0, in1, ...
class FilterChain {
 public:
  struct Input {
    AVPixelFormat format;
    int width;
    int height;
  };

  // filters: in libavfilter's language, from [in0] [in1] ... to [out].
  FilterChain(const std::filesystem::path& path, const std::string& filters,
              const std::vector<Input>& inputs);

  // pts are in 1/100 s. frame: null ends the input.
  void push(size_t input, AVFrame* frame);

  // The next frame that is ready, or null.
  Frame pull();

 private:
  FilterPads pad(const std::string& name, AVFilterContext* filter, FilterPads next) const;

  std::filesystem::path path_;
  Graph graph_;
  std::vector<AVFilterContext*> sources_;  // the graph's
  AVFilterContext* sink_ = nullptr;        // the graph's
};

}  // namespace reverie::libav
