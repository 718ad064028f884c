#include "drawing/video.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

extern "C" {
#include <libavutil/opt.h>
}

#include "core/error.h"
#include "core/file.h"
#include "drawing/libav.h"

namespace reverie {

namespace fs = std::filesystem;
using namespace libav;

namespace {

constexpr int kMaxSide = 16384;  // [px]
constexpr size_t kMaxPngBytes = 256'000'000;
constexpr double kGifFramesPerSecond = 50.0;  // browsers draw shorter delays ten times as long
constexpr AVRational kCentiseconds = {1, 100};

void check_sides(const fs::path& path, int width, int height) {
  REVERIE_CHECK(width >= 1 && height >= 1 && width <= kMaxSide && height <= kMaxSide,
                "{}: a side of a picture is 1 to {} pixels, got {} x {}", path.string(), kMaxSide,
                width, height);
}

void check_pixels(const fs::path& path, ImageView image) {
  REVERIE_CHECK(image.rgb != nullptr, "{}: the picture has no pixels", path.string());
}

std::string encode_png(const fs::path& path, ImageView image) {
  const AVCodec* encoder = encoder_named("png", path);
  const Codec codec = allocated<Codec>(avcodec_alloc_context3(encoder), path);
  codec->width = image.width;
  codec->height = image.height;
  codec->pix_fmt = AV_PIX_FMT_RGB24;
  codec->time_base = {1, 1};
  av_opt_set(codec->priv_data, "pred", "mixed", 0);
  check(avcodec_open2(codec.get(), encoder, nullptr), path, "start the PNG encoder");

  const Frame frame = make_frame(AV_PIX_FMT_RGB24, image.width, image.height, path);
  fill_frame(*frame, image, path);
  const Packet packet = allocated<Packet>(av_packet_alloc(), path);
  check(avcodec_send_frame(codec.get(), frame.get()), path, "encode a PNG image");
  check(avcodec_send_frame(codec.get(), nullptr), path, "encode a PNG image");
  check(avcodec_receive_packet(codec.get(), packet.get()), path, "encode a PNG image");
  return {reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size)};
}

// Throws Error(kInput) unless the bytes begin like a PNG file whose picture has these sides.
void check_png_header(const fs::path& path, std::string_view bytes, int width, int height) {
  // PNG (third edition), 5.2 and 11.2.1: a signature, then the chunk IHDR, whose length and name
  // precede width and height, big-endian.
  constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  REVERIE_CHECK(bytes.size() >= kSignature.size() + 8 && bytes.starts_with(kSignature),
                "{}: found no PNG image, expected one of {} x {} pixels", path.string(), width,
                height);
  const auto side = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
    return value;
  };
  const uint32_t found_width = side(kSignature.size());
  const uint32_t found_height = side(kSignature.size() + 4);
  REVERIE_CHECK(
      found_width == static_cast<uint32_t>(width) && found_height == static_cast<uint32_t>(height),
      "{}: a picture of {} x {} pixels, expected {} x {}", path.string(), found_width, found_height,
      width, height);
}

// Throws Error(kInput) for bytes that are damaged.
Frame decode_png(const fs::path& path, std::string_view bytes) {
  const AVCodec* decoder = decoder_named("png", path);
  const Codec codec = allocated<Codec>(avcodec_alloc_context3(decoder), path);
  codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
  check(avcodec_open2(codec.get(), decoder, nullptr), path, "start the PNG decoder");
  const Packet packet = allocated<Packet>(av_packet_alloc(), path);
  check(av_new_packet(packet.get(), static_cast<int>(bytes.size())), path, "decode a PNG image");
  std::memcpy(packet->data, bytes.data(), bytes.size());
  Frame frame = allocated<Frame>(av_frame_alloc(), path);
  int result = avcodec_send_packet(codec.get(), packet.get());
  if (result >= 0) result = avcodec_send_packet(codec.get(), nullptr);
  if (result >= 0) result = avcodec_receive_frame(codec.get(), frame.get());
  REVERIE_CHECK(result >= 0, "{}: a damaged PNG image, it cannot be decoded", path.string());
  return frame;
}

[[noreturn]] void fail_system(const fs::path& path, std::string_view action, int reason) {
  fail_run("{}: cannot {}: {}", path.string(), action, std::strerror(reason));
}

void write_all(const FileDescriptor& fd, const uint8_t* bytes, size_t size, const fs::path& path) {
  while (size > 0) {
    const ssize_t written = ::write(fd.get(), bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_system(path, "write", errno);
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

// Creates a file that must not exist.
FileDescriptor create_file(const fs::path& file, const fs::path& path) {
  FileDescriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd.is_open()) fail_system(path, "write", errno);
  return fd;
}

// Frames on disk, in a file beside the target whose name is removed at once.
class Spool {
 public:
  explicit Spool(const fs::path& target)
      : path_(target), fd_(create_file(TemporaryPath(target).get(), target)) {}

  void append(const uint8_t* bytes, size_t size) { write_all(fd_, bytes, size, path_); }

  void read(uint8_t* bytes, size_t size, int64_t offset) const {
    while (size > 0) {
      const ssize_t got = ::pread(fd_.get(), bytes, size, offset);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail_system(path_, "read back", got < 0 ? errno : EIO);
      bytes += got;
      size -= static_cast<size_t>(got);
      offset += got;
    }
  }

 private:
  fs::path path_;
  FileDescriptor fd_;
};

}  // namespace

void check_png_path(const fs::path& path) {
  REVERIE_CHECK(path.extension() == ".png", "{}: an image is written as .png", path.string());
}

void write_png(const fs::path& path, ImageView image) {
  check_png_path(path);
  check_sides(path, image.width, image.height);
  check_pixels(path, image);
  write_file_atomically(path, std::string_view(encode_png(path, image)));
}

std::vector<uint8_t> read_png(const fs::path& path, int width, int height) {
  check_sides(path, width, height);
  const std::string bytes = read_file(path, kMaxPngBytes);
  check_png_header(path, bytes, width, height);
  const Frame frame = decode_png(path, bytes);
  REVERIE_CHECK(frame->width == width && frame->height == height,
                "{}: a picture of {} x {} pixels, expected {} x {}", path.string(), frame->width,
                frame->height, width, height);
  const Scaler scaler = allocated<Scaler>(
      sws_getContext(width, height, static_cast<AVPixelFormat>(frame->format), width, height,
                     AV_PIX_FMT_RGB24, SWS_POINT | SWS_ACCURATE_RND, nullptr, nullptr, nullptr),
      path);
  const Frame rgb = make_frame(AV_PIX_FMT_RGB24, width, height, path);
  check(sws_scale(scaler.get(), frame->data, frame->linesize, 0, height, rgb->data, rgb->linesize),
        path, "convert a PNG image");
  const size_t row = 3 * static_cast<size_t>(width);
  std::vector<uint8_t> pixels(row * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    std::memcpy(pixels.data() + static_cast<size_t>(y) * row,
                rgb->data[0] + static_cast<ptrdiff_t>(y) * rgb->linesize[0], row);
  }
  return pixels;
}

class VideoWriter::Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(ImageView frame, int64_t index) = 0;  // index: 0, 1, 2, ...
  virtual void finish(int64_t frames) = 0;                 // frames: how many were written, >= 1
};

class VideoWriter::Mp4 : public Sink {
 public:
  Mp4(const fs::path& path, int width, int height, double frames_per_second) : file_(path, "mp4") {
    const int even_width = width + width % 2;
    const int even_height = height + height % 2;
    Codec codec = file_.make_codec(encoder_named("libx264", path));
    codec->width = even_width;
    codec->height = even_height;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->framerate = av_d2q(frames_per_second, 100000);
    codec->time_base = av_inv_q(codec->framerate);
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
    av_opt_set(codec->priv_data, "crf", "18", 0);
    file_.open(std::move(codec), "+faststart");

    rgb_ = make_frame(AV_PIX_FMT_RGB24, even_width, even_height, path);
    yuv_ = make_frame(AV_PIX_FMT_YUV420P, even_width, even_height, path);
    scaler_ = allocated<Scaler>(
        sws_getContext(even_width, even_height, AV_PIX_FMT_RGB24, even_width, even_height,
                       AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP,
                       nullptr, nullptr, nullptr),
        path);
    const int* bt709 = sws_getCoefficients(SWS_CS_ITU709);
    constexpr int kOne = 1 << 16;  // brightness 0, contrast 1, saturation 1
    check(sws_setColorspaceDetails(scaler_.get(), bt709, 1, bt709, 0, 0, kOne, kOne), path,
          "set the colours up");
  }

  void write(ImageView frame, int64_t index) override {
    fill_frame(*rgb_, frame, file_.path());
    check(av_frame_make_writable(yuv_.get()), file_.path(), "allocate a frame");
    check(sws_scale(scaler_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, yuv_->data,
                    yuv_->linesize),
          file_.path(), "convert a frame");
    yuv_->pts = index;
    file_.encode(yuv_.get(), 1);
  }

  void finish(int64_t /*frames*/) override {
    file_.encode(nullptr, 1);
    file_.finish();
  }

 private:
  MuxedFile file_;
  Frame rgb_;
  Frame yuv_;
  Scaler scaler_;
};

// Two passes: a palette needs all frames, so they wait in a spool file until close().
class VideoWriter::Gif : public Sink {
 public:
  Gif(const fs::path& path, int width, int height, double frames_per_second)
      : keep_every_(static_cast<int64_t>(std::ceil(frames_per_second / kGifFramesPerSecond))),
        frames_per_second_(frames_per_second),
        file_(path, "gif"),
        spool_(path),
        rgb_(make_frame(AV_PIX_FMT_RGB24, width, height, path)),
        palette_(path, "[in0]palettegen[out]", {{AV_PIX_FMT_RGB24, width, height}}) {
    Codec codec = file_.make_codec(encoder_named("gif", path));
    codec->width = width;
    codec->height = height;
    codec->pix_fmt = AV_PIX_FMT_PAL8;
    codec->time_base = kCentiseconds;
    file_.open(std::move(codec), nullptr);
  }

  void write(ImageView frame, int64_t index) override {
    if (index % keep_every_ != 0) return;
    spool_.append(frame.rgb, frame_bytes());
    fill_frame(*rgb_, frame, file_.path());
    rgb_->pts = time_of(index);
    palette_.push(0, rgb_.get());
  }

  void finish(int64_t frames) override {
    palette_.push(0, nullptr);
    const Frame palette = palette_.pull();
    REVERIE_CHECK_RUN(palette != nullptr, "{}: FFmpeg made no palette", file_.path().string());
    palette->pts = 0;
    FilterChain paint(
        file_.path(), "[in0][in1]paletteuse=diff_mode=rectangle[out]",
        {{AV_PIX_FMT_RGB24, rgb_->width, rgb_->height},
         {static_cast<AVPixelFormat>(palette->format), palette->width, palette->height}});
    paint.push(1, palette.get());
    paint.push(1, nullptr);

    std::vector<uint8_t> pixels(frame_bytes());
    for (int64_t index = 0; index < frames; index += keep_every_) {
      spool_.read(pixels.data(), pixels.size(),
                  index / keep_every_ * static_cast<int64_t>(pixels.size()));
      fill_frame(*rgb_, {pixels.data(), rgb_->width, rgb_->height}, file_.path());
      rgb_->pts = time_of(index);
      paint.push(0, rgb_.get());
      encode_ready(paint);
    }
    paint.push(0, nullptr);
    encode_ready(paint);
    file_.encode(nullptr, delay());
    file_.finish();
  }

 private:
  size_t frame_bytes() const {
    return static_cast<size_t>(rgb_->width) * static_cast<size_t>(rgb_->height) * 3;
  }

  // [1/100 s], the unit of the format
  int64_t time_of(int64_t index) const {
    return std::llround(static_cast<double>(index) * 100.0 / frames_per_second_);
  }
  int64_t delay() const { return time_of(keep_every_); }

  void encode_ready(FilterChain& paint) {
    while (const Frame frame = paint.pull()) file_.encode(frame.get(), delay());
  }

  int64_t keep_every_;
  double frames_per_second_;
  MuxedFile file_;
  Spool spool_;
  Frame rgb_;
  FilterChain palette_;
};

class VideoWriter::PngFolder : public Sink {
 public:
  // Fills the folder that a link leads to; the link stays.
  explicit PngFolder(const fs::path& path)
      : path_(follow_links(without_trailing_slashes(path))), temporary_(path_) {
    std::error_code error;
    if (fs::exists(path_, error)) {
      REVERIE_CHECK(fs::is_directory(path_, error) && fs::is_empty(path_, error),
                    "{}/: frames go to a new or an empty folder, this one is not", path_.string());
    }
    fs::create_directory(temporary_.get(), error);
    if (error) fail_system(path_, "make the folder", error.value());
  }

  void write(ImageView frame, int64_t index) override {
    const std::string bytes = encode_png(path_, frame);
    const FileDescriptor fd =
        create_file(temporary_.get() / fmt::format("frame_{:05d}.png", index), path_);
    write_all(fd, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), path_);
  }

  void finish(int64_t /*frames*/) override { commit_directory(temporary_.get(), path_); }

 private:
  fs::path path_;
  TemporaryPath temporary_;
};

namespace {

bool is_png_folder(const fs::path& path) { return path.has_parent_path() && !path.has_filename(); }

}  // namespace

void check_video_path(const fs::path& path) {
  REVERIE_CHECK(is_png_folder(path) || path.extension() == ".mp4" || path.extension() == ".gif",
                "{}: a video ends in .mp4, .gif or, for a folder of PNG files, in '/'",
                path.string());
}

VideoWriter::VideoWriter(const fs::path& path, int width, int height, double frames_per_second)
    : path_(path), width_(width), height_(height) {
  check_video_path(path);
  check_sides(path, width, height);
  REVERIE_CHECK(frames_per_second >= 0.1 && frames_per_second <= 1000.0,
                "{}: frames per second are 0.1 to 1000, got {}", path.string(), frames_per_second);
  if (is_png_folder(path)) {
    sink_ = std::make_unique<PngFolder>(path);
  } else if (path.extension() == ".mp4") {
    sink_ = std::make_unique<Mp4>(path, width, height, frames_per_second);
  } else {
    sink_ = std::make_unique<Gif>(path, width, height, frames_per_second);
  }
}

VideoWriter::~VideoWriter() = default;
VideoWriter::VideoWriter(VideoWriter&&) noexcept = default;
VideoWriter& VideoWriter::operator=(VideoWriter&&) noexcept = default;

void VideoWriter::write(ImageView frame) {
  REVERIE_CHECK(sink_ != nullptr, "{}: the video is closed already", path_.string());
  REVERIE_CHECK(frame.width == width_ && frame.height == height_,
                "{}: frames of this video are {} x {}, got {} x {}", path_.string(), width_,
                height_, frame.width, frame.height);
  check_pixels(path_, frame);
  // If write() fails the sink is destroyed, together with its unfinished files.
  std::unique_ptr<Sink> sink = std::move(sink_);
  sink->write(frame, frames_);
  sink_ = std::move(sink);
  ++frames_;
}

void VideoWriter::close() {
  REVERIE_CHECK(sink_ != nullptr, "{}: the video is closed already", path_.string());
  const std::unique_ptr<Sink> sink = std::move(sink_);
  REVERIE_CHECK(frames_ > 0, "{}: a video needs at least one frame", path_.string());
  sink->finish(frames_);
}

}  // namespace reverie
