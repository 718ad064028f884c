#include "drawing/libav.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include "core/error.h"
#include "core/file.h"

namespace reverie::libav {

namespace fs = std::filesystem;

int check(int result, const fs::path& path, std::string_view action) {
  if (result >= 0) return result;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> words = {};
  av_strerror(result, words.data(), words.size());
  fail_run("{}: cannot {}: {}", path.string(), action, words.data());
}

const AVCodec* encoder_named(const char* name, const fs::path& path) {
  av_log_set_level(AV_LOG_QUIET);
  const AVCodec* encoder = avcodec_find_encoder_by_name(name);
  REVERIE_CHECK_RUN(encoder != nullptr, "{}: this build of FFmpeg has no encoder {}", path.string(),
                    name);
  return encoder;
}

const AVCodec* decoder_named(const char* name, const fs::path& path) {
  av_log_set_level(AV_LOG_QUIET);
  const AVCodec* decoder = avcodec_find_decoder_by_name(name);
  REVERIE_CHECK_RUN(decoder != nullptr, "{}: this build of FFmpeg has no decoder {}", path.string(),
                    name);
  return decoder;
}

Frame make_frame(AVPixelFormat format, int width, int height, const fs::path& path) {
  Frame frame = allocated<Frame>(av_frame_alloc(), path);
  frame->format = format;
  frame->width = width;
  frame->height = height;
  check(av_frame_get_buffer(frame.get(), 0), path, "allocate a frame");
  return frame;
}

void fill_frame(AVFrame& frame, ImageView image, const fs::path& path) {
  check(av_frame_make_writable(&frame), path, "allocate a frame");
  const size_t row = static_cast<size_t>(image.width) * 3;
  for (int y = 0; y < frame.height; ++y) {
    uint8_t* target = frame.data[0] + static_cast<ptrdiff_t>(y) * frame.linesize[0];
    std::memcpy(target, image.rgb + static_cast<size_t>(std::min(y, image.height - 1)) * row, row);
    for (int x = image.width; x < frame.width; ++x) {
      std::memcpy(target + 3 * static_cast<ptrdiff_t>(x), target + row - 3, 3);
    }
  }
}

TemporaryPath::TemporaryPath(const fs::path& target) : path_(temporary_sibling(target)) {}

TemporaryPath::~TemporaryPath() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

MuxedFile::MuxedFile(fs::path path, const char* format)
    : path_(std::move(path)), target_(follow_links(path_)), temporary_(target_) {
  std::error_code ignored;
  REVERIE_CHECK(!fs::is_directory(path_, ignored), "{}: is a folder, expected a file to write",
                path_.string());
  // "file:" keeps a colon in the path from being read as a protocol.
  const std::string url = "file:" + temporary_.get().string();
  check(avformat_alloc_output_context2(&muxer_, nullptr, format, url.c_str()), path_,
        "start the muxer");
  const int opened = avio_open(&muxer_->pb, url.c_str(), AVIO_FLAG_WRITE);
  if (opened < 0) {
    avformat_free_context(muxer_);
    check(opened, path_, "write");
  }
}

MuxedFile::~MuxedFile() {
  avio_closep(&muxer_->pb);
  avformat_free_context(muxer_);
}

Codec MuxedFile::make_codec(const AVCodec* encoder) const {
  Codec codec = allocated<Codec>(avcodec_alloc_context3(encoder), path_);
  if ((muxer_->oformat->flags & AVFMT_GLOBALHEADER) != 0) {
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  }
  return codec;
}

void MuxedFile::open(Codec codec, const char* movflags) {
  codec_ = std::move(codec);
  check(avcodec_open2(codec_.get(), codec_->codec, nullptr), path_, "start the encoder");
  stream_ = avformat_new_stream(muxer_, nullptr);
  if (stream_ == nullptr) check(AVERROR(ENOMEM), path_, "start the muxer");
  stream_->time_base = codec_->time_base;
  stream_->avg_frame_rate = codec_->framerate;
  check(avcodec_parameters_from_context(stream_->codecpar, codec_.get()), path_, "start the muxer");
  AVDictionary* options = nullptr;
  if (movflags != nullptr) av_dict_set(&options, "movflags", movflags, 0);
  const int written = avformat_write_header(muxer_, &options);
  av_dict_free(&options);
  check(written, path_, "write");
  packet_ = allocated<Packet>(av_packet_alloc(), path_);
}

void MuxedFile::encode(const AVFrame* frame, int64_t duration) {
  check(avcodec_send_frame(codec_.get(), frame), path_, "encode a frame");
  for (;;) {
    const int received = avcodec_receive_packet(codec_.get(), packet_.get());
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return;
    check(received, path_, "encode a frame");
    if (packet_->duration == 0) packet_->duration = duration;
    av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
    check(av_interleaved_write_frame(muxer_, packet_.get()), path_, "write");
  }
}

void MuxedFile::finish() {
  check(av_write_trailer(muxer_), path_, "write");
  avio_flush(muxer_->pb);
  check(muxer_->pb->error, path_, "write");
  check(avio_closep(&muxer_->pb), path_, "write");
  {
    const FileDescriptor fd(::open(temporary_.get().c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open() || ::fsync(fd.get()) != 0) check(AVERROR(errno), path_, "sync");
  }
  if (::rename(temporary_.get().c_str(), target_.c_str()) != 0) {
    check(AVERROR(errno), path_, "rename");
  }
  sync_folder(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

FilterChain::FilterChain(const fs::path& path, const std::string& filters,
                         const std::vector<Input>& inputs)
    : path_(path), graph_(allocated<Graph>(avfilter_graph_alloc(), path)) {
  constexpr const char* kAction = "set a filter up";
  sources_.resize(inputs.size());
  FilterPads outputs;
  for (size_t i = inputs.size(); i-- > 0;) {
    const std::string name = fmt::format("in{}", i);
    const std::string arguments =
        fmt::format("video_size={}x{}:pix_fmt={}:time_base=1/100:pixel_aspect=1/1", inputs[i].width,
                    inputs[i].height, static_cast<int>(inputs[i].format));
    check(avfilter_graph_create_filter(&sources_[i], avfilter_get_by_name("buffer"), name.c_str(),
                                       arguments.c_str(), nullptr, graph_.get()),
          path_, kAction);
    outputs = pad(name, sources_[i], std::move(outputs));
  }
  check(avfilter_graph_create_filter(&sink_, avfilter_get_by_name("buffersink"), "out", nullptr,
                                     nullptr, graph_.get()),
        path_, kAction);
  // The parser takes both lists and leaves the unused part of each.
  AVFilterInOut* open_outputs = outputs.release();
  AVFilterInOut* open_inputs = pad("out", sink_, nullptr).release();
  const int parsed =
      avfilter_graph_parse_ptr(graph_.get(), filters.c_str(), &open_inputs, &open_outputs, nullptr);
  avfilter_inout_free(&open_inputs);
  avfilter_inout_free(&open_outputs);
  check(parsed, path_, kAction);
  check(avfilter_graph_config(graph_.get(), nullptr), path_, kAction);
}

void FilterChain::push(size_t input, AVFrame* frame) {
  check(av_buffersrc_add_frame_flags(sources_[input], frame, AV_BUFFERSRC_FLAG_KEEP_REF), path_,
        "filter a frame");
}

Frame FilterChain::pull() {
  Frame frame = allocated<Frame>(av_frame_alloc(), path_);
  const int got = av_buffersink_get_frame(sink_, frame.get());
  if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return nullptr;
  check(got, path_, "filter a frame");
  return frame;
}

FilterPads FilterChain::pad(const std::string& name, AVFilterContext* filter,
                            FilterPads next) const {
  FilterPads result = allocated<FilterPads>(avfilter_inout_alloc(), path_);
  result->name = av_strdup(name.c_str());
  result->filter_ctx = filter;
  result->next = next.release();
  return result;
}

}  // namespace reverie::libav
