#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/launcher/dataset_actions.h"
#include "apps/out_flags.h"
#include "core/progress.h"
#include "drawing/canvas.h"
#include "drawing/overlay.h"
#include "drawing/picture.h"
#include "drawing/video.h"
#include "recordings/recorded_env.h"
#include "recordings/state_replay.h"

namespace reverie {
namespace {

constexpr double kMaxFramesPerSecond = 50.0;
constexpr double kUnknownRate = 30.0;  // [Hz] of pixels whose environment is not known
constexpr int kSheetCell = 160;        // [px] height of a contact sheet's pictures
constexpr int kVideoHeight = 480;      // [px]
constexpr int kGap = 4;                // [px] between the pictures of a sheet
constexpr Color kSheet{24, 28, 36};
constexpr Color kLabel{235, 238, 244};

struct PreviewFlags {
  std::string path, env;
  OutFlags out;
  std::optional<ImageSize> size;
  int64_t episodes = 6;
  int64_t frames = 8;
  double speed = 1.0;
  bool no_overlay = false;
};

// Pictures of a dataset's episodes: the observed `pixels`, or otherwise the environment's drawing
// of the recorded states.
class EpisodePictures {
 public:
  EpisodePictures(const Dataset& dataset, const std::string& env) {
    const std::optional<DatasetColumn> pixels = dataset.schema().find("pixels");
    if (pixels && env.empty()) pixels_ = Pixels(*pixels, dataset.path());
    if (!pixels_ || names_known_environment(dataset)) {
      env_ = dataset_environment(dataset, env)->maker()();
    }
    if (!pixels_) replay_.emplace(dataset, *env_);
  }

  // The pictures' size when they are `height` high [px].
  ImageSize size_for(int height) const {
    if (!pixels_) return {height * 4 / 3, height};
    return {std::max(1, height * pixels_->size.width / pixels_->size.height), height};
  }

  double frames_per_second() const {
    return env_ == nullptr ? kUnknownRate : 1.0 / env_->spec().dt;
  }
  std::string title() const { return env_ == nullptr ? "pixels" : env_->spec().id; }

  // The episode must not move.
  void begin(const EpisodeData& episode) {
    episode_ = &episode;
    if (replay_) replay_->begin(episode);
  }

  // The number of rows with pictures.
  int64_t rows() const {
    return episode_->length() + (pixels_ && !pixels_->column.has_final_row(*episode_) ? 0 : 1);
  }

  void draw(int64_t row, Canvas& canvas, std::span<uint8_t> memory) {
    if (pixels_) {
      pixels_->draw(*episode_, row, {canvas.width(), canvas.height()}, memory);
    } else {
      replay_->go_to(row);
      env_->draw(canvas, View::kFilm);
    }
  }

 private:
  // A field [H, W, C] or a stack [K, H, W, C], whose newest frame is shown; C is 1 or 3.
  struct Pixels {
    Pixels(const DatasetColumn& pixels, const std::string& path)
        : column(pixels), bytes(pixels.field->bytes()) {
      const std::vector<int64_t>& shape = pixels.field->shape;
      const size_t axes = shape.size();
      REVERIE_CHECK(
          (axes == 3 || axes == 4) && pixels.field->dtype == DType::kUInt8 &&
              (shape[axes - 1] == 1 || shape[axes - 1] == 3),
          "{}: its field 'pixels' holds no pictures, expected uint8 [height, width, 1 or 3]", path);
      channels = shape[axes - 1];
      size = {static_cast<int>(shape[axes - 2]), static_cast<int>(shape[axes - 3])};
    }

    void draw(const EpisodeData& episode, int64_t row, ImageSize to, std::span<uint8_t> out) const {
      const size_t numbers = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
      const size_t frame = numbers * static_cast<size_t>(channels);
      const std::byte* last =
          column.of(episode).data() + static_cast<size_t>(row + 1) * bytes - frame;
      const auto* values = reinterpret_cast<const uint8_t*>(last);
      std::vector<uint8_t> rgb(3 * numbers);
      for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = values[channels == 3 ? i : i / 3];
      PictureResizer(size, to).resize({rgb, size}, out);
    }

    DatasetColumn column;
    size_t bytes;  // of a row
    int64_t channels = 3;
    ImageSize size;
  };

  std::optional<Pixels> pixels_;
  std::unique_ptr<Env> env_;
  std::optional<StateReplay> replay_;
  const EpisodeData* episode_ = nullptr;
};

size_t picture_bytes(ImageSize size) {
  return 3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
}

// `count` of `total` indices, evenly spread, including first and last.
std::vector<int64_t> spread(int64_t count, int64_t total) {
  count = std::min(count, total);
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) {
    chosen.push_back(count == 1 ? 0 : i * (total - 1) / (count - 1));
  }
  return chosen;
}

double return_of(const EpisodeData& episode, int64_t steps) {
  double sum = 0.0;
  for (int64_t t = 0; t < steps; ++t) {
    sum += static_cast<double>(episode.reward[static_cast<size_t>(t)]);
  }
  return sum;
}

// One row of pictures per episode, with its number, length and return.
void write_sheet(const PreviewFlags& flags, Dataset& dataset, EpisodePictures& pictures) {
  const ImageSize cell = flags.size ? *flags.size : pictures.size_for(kSheetCell);
  const std::vector<int64_t> episodes =
      spread(flags.episodes, static_cast<int64_t>(dataset.episodes().size()));
  const double text = std::max(10.0, cell.height / 12.0);
  const int head = static_cast<int>(1.6 * text);
  const int row_height = head + cell.height + kGap;
  const ImageSize whole{kGap + static_cast<int>(flags.frames) * (cell.width + kGap),
                        kGap + static_cast<int>(episodes.size()) * row_height};
  REVERIE_CHECK(std::max(whole.width, whole.height) <= Canvas::kMaxSide,
                "dataset preview: the sheet has {} x {} pixels, expected at most {}; lower "
                "--episodes, --frames or --size",
                whole.width, whole.height, Canvas::kMaxSide);
  std::vector<uint8_t> pixels(picture_bytes(whole));
  Canvas sheet(whole.width, whole.height, pixels);
  sheet.clear(kSheet);
  std::vector<uint8_t> memory(picture_bytes(cell));
  Canvas picture(cell.width, cell.height, memory);
  ProgressBar progress(static_cast<int64_t>(episodes.size()),
                       {.label = "preview", .unit = "episodes"});
  for (size_t r = 0; r < episodes.size(); ++r) {
    const EpisodeData episode = dataset.read(episodes[r]);
    pictures.begin(episode);
    const int top = kGap + static_cast<int>(r) * row_height;
    sheet.text(kGap + 2, top + 1.1 * text,
               fmt::format("{}   episode {}   {} steps   return {:.4g}{}", pictures.title(),
                           episodes[r], episode.length(), return_of(episode, episode.length()),
                           episode.terminated.back() != 0 ? "   terminated" : ""),
               text, kLabel);
    const std::vector<int64_t> rows = spread(flags.frames, pictures.rows());
    for (size_t k = 0; k < rows.size(); ++k) {
      pictures.draw(rows[k], picture, memory);
      const int left = kGap + static_cast<int>(k) * (cell.width + kGap);
      for (int y = 0; y < cell.height; ++y) {
        const auto from = memory.begin() + static_cast<std::ptrdiff_t>(3) * y * cell.width;
        const auto at = (static_cast<std::ptrdiff_t>(top + head + y) * whole.width + left) * 3;
        std::copy_n(from, 3 * cell.width, pixels.begin() + at);
      }
    }
    progress.update(static_cast<int64_t>(r) + 1);
  }
  progress.finish();
  write_png(flags.out.path, sheet.image());
}

// The episodes one after the other; the video's clock runs `speed` times as fast as theirs.
void write_video(const PreviewFlags& flags, Dataset& dataset, EpisodePictures& pictures) {
  ImageSize film = flags.size ? *flags.size : pictures.size_for(kVideoHeight);
  film.width += flags.size ? 0 : film.width % 2;  // as H.264 requires
  const int strip = flags.no_overlay ? 0 : overlay_height(film);
  if (!flags.size) film.height += strip;
  const ImageSize size{film.width, film.height - strip};
  std::vector<uint8_t> memory(picture_bytes(size));
  Canvas canvas(size.width, size.height, memory);
  Canvas whole(film.width, film.height);
  const double rate = pictures.frames_per_second() * flags.speed;
  const double frames_per_second = std::min(rate, kMaxFramesPerSecond);
  const double rows_per_frame = rate / frames_per_second;
  VideoWriter video(flags.out.path, film.width, film.height, frames_per_second);
  const std::vector<int64_t> episodes =
      spread(flags.episodes, static_cast<int64_t>(dataset.episodes().size()));
  ProgressBar progress(static_cast<int64_t>(episodes.size()),
                       {.label = "preview", .unit = "episodes"});
  for (size_t e = 0; e < episodes.size(); ++e) {
    const EpisodeData episode = dataset.read(episodes[e]);
    pictures.begin(episode);
    for (double at = 0.0; at < static_cast<double>(pictures.rows()); at += rows_per_frame) {
      const auto row = static_cast<int64_t>(at);
      pictures.draw(row, canvas, memory);
      whole.draw_image(0, strip, canvas.image());
      if (strip > 0) {
        draw_overlay(whole, film,
                     {.title = fmt::format("{}   episode {}", pictures.title(), episodes[e]),
                      .time = static_cast<double>(row) / pictures.frames_per_second(),
                      .episode_return = return_of(episode, std::min(row, episode.length()))});
      }
      video.write(whole.image());
    }
    progress.update(static_cast<int64_t>(e) + 1);
  }
  video.close();
  progress.finish();
}

}  // namespace

int dataset_preview(const Arguments& arguments) {
  PreviewFlags flags;
  CommandLine line("dataset preview",
                   "Shows episodes, spread evenly over the dataset, as a video or as a contact "
                   "sheet\nwith a row of pictures for each. Without a field `pixels`, the "
                   "environment draws\nthe recorded states.");
  line.add("PATH", flags.path, {.help = "file or folder", .required = true});
  flags.out.add_to(line, "file to write: sheet.png, video.mp4, video.gif or a new folder/");
  line.add("--episodes", flags.episodes, {.help = "episodes to show", .range = between(1, 100)});
  line.add("--frames", flags.frames,
           {.help = "pictures of each episode on a sheet", .range = between(1, 100)});
  line.add("--size", flags.size,
           {.help = "size of the video, or of each picture on a sheet [px]",
            .fallback = "480 high in a video, 160 on a sheet"});
  line.add("--speed", flags.speed,
           {.help = "simulated seconds per second of video", .range = between(0.01, 1000)});
  line.add("--env", flags.env,
           {.help = "environment that draws the states", .fallback = "its own"});
  line.add("--no-overlay", flags.no_overlay,
           {.help = "leave out the title, time, return and actions"});
  if (!line.parse(arguments)) return 0;
  flags.out.check(flags.size);
  const std::unique_ptr<Dataset> dataset = open_dataset(flags.path);
  EpisodePictures pictures(*dataset, flags.env);
  if (flags.out.is_picture()) {
    write_sheet(flags, *dataset, pictures);
  } else {
    write_video(flags, *dataset, pictures);
  }
  std::cerr << fmt::format("wrote {}\n", flags.out.path);
  return 0;
}

}  // namespace reverie
