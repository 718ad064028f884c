#include "envs/wrappers/pixel_observation.h"

#include "drawing/canvas.h"

namespace reverie {
namespace {

// A thread's canvas for pictures of one size, set up to draw into `pixels`. Environments share it,
// because a canvas has more scratch memory than a small picture.
Canvas& thread_canvas(ImageSize size, std::span<uint8_t> pixels) {
  constexpr size_t kMaxSizes = 8;  // more sizes in one program only cost time
  thread_local std::vector<Canvas> canvases;
  for (Canvas& canvas : canvases) {
    if (canvas.width() != size.width || canvas.height() != size.height) continue;
    canvas.set_pixels(pixels);
    canvas.set_transform({});
    canvas.set_antialias(true);
    return canvas;
  }
  if (canvases.size() == kMaxSizes) canvases.erase(canvases.begin());
  return canvases.emplace_back(size.width, size.height, pixels);
}

// A thread's memory for an intermediate picture; it grows to the largest one.
std::span<uint8_t> grown(std::vector<uint8_t>& memory, ImageSize size) {
  memory.resize(3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
  return memory;
}

std::string note_of(const PixelOptions& options) {
  std::string note = fmt::format("pixels {}", to_string(options.image_size));
  if (options.crop) {
    note += fmt::format(" cropped to {}+{}+{}", to_string(options.crop->size), options.crop->left,
                        options.crop->top);
  }
  if (options.resize) note += fmt::format(" resized to {}", to_string(*options.resize));
  if (options.grey) note += " grey";
  return note;
}

}  // namespace

PixelObservation::PixelObservation(std::unique_ptr<Env> wrapped, const PixelOptions& options)
    : ObservationWrapper(std::move(wrapped), note_of(options)), options_(options) {
  EnvSpec& spec = edit_spec();
  if (options.keep_fields) {
    for (const Field& field : spec.observation) {
      REVERIE_CHECK(field.name != "pixels",
                    "{}: --observation both: the environment has a field 'pixels' of its own; "
                    "expected state or pixels",
                    spec.id);
    }
  } else {
    for (const Field& field : inner().spec().observation) {
      dropped_.emplace_back(field.bytes());
      dropped_views_.push_back({&field, dropped_.back().data(), 1});
    }
    spec.observation.clear();
  }
  ImageSize size = options.crop ? options.crop->size : options.image_size;
  if (options.resize && *options.resize != size) {
    resizer_ = std::make_unique<const PictureResizer>(size, *options.resize);
    size = *options.resize;
  }
  spec.observation.push_back({.name = "pixels",
                              .shape = {size.height, size.width, options.grey ? 1 : 3},
                              .dtype = DType::kUInt8,
                              .low = {0.0F},
                              .high = {255.0F}});
}

FieldViews PixelObservation::inner_views(FieldViews obs) {
  return options_.keep_fields ? obs.first(obs.size() - 1) : FieldViews(dropped_views_);
}

void PixelObservation::observe(FieldViews obs, bool /*first*/) {
  thread_local std::vector<uint8_t> drawn;
  thread_local std::vector<uint8_t> scaled;
  const std::span<uint8_t> out = obs.back().as<uint8_t>();
  const bool direct = !options_.crop && !resizer_ && !options_.grey;
  const std::span<uint8_t> picture = direct ? out : grown(drawn, options_.image_size);
  inner().draw(thread_canvas(options_.image_size, picture), View::kObservation);
  if (direct) return;
  PictureView view(picture, options_.image_size);
  if (options_.crop) view = view.crop(*options_.crop);
  if (resizer_) {
    const std::span<uint8_t> target = options_.grey ? grown(scaled, *options_.resize) : out;
    resizer_->resize(view, target);
    view = PictureView(target, *options_.resize);
  }
  if (options_.grey) {
    grey_picture(view, out);
  } else if (!resizer_) {
    copy_picture(view, out);
  }
}

}  // namespace reverie
