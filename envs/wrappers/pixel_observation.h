#pragma once

#include <memory>
#include <optional>

#include "drawing/picture.h"
#include "envs/wrappers/wrapper.h"

namespace reverie {

// What the field "pixels" holds and which fields accompany it.
struct PixelOptions {
  ImageSize image_size = {};             // of the picture that the environment draws
  std::optional<CropBox> crop = {};      // then this part of it
  std::optional<ImageSize> resize = {};  // then scaled (PictureResizer)
  bool grey = false;                     // then one channel instead of three
  bool keep_fields = false;              // the environment's own fields come first
};

// The field "pixels", uint8 [H, W, 3] (grey: [H, W, 1]), top row first: Env::draw() with
// View::kObservation, directly into the caller's row if the picture needs no processing.
class PixelObservation final : public ObservationWrapper {
 public:
  // Throws Error when one of the kept fields is named "pixels".
  PixelObservation(std::unique_ptr<Env> inner, const PixelOptions& options);

 private:
  FieldViews inner_views(FieldViews obs) override;
  void observe(FieldViews obs, bool first) override;

  PixelOptions options_;
  std::unique_ptr<const PictureResizer> resizer_;  // if scaling is needed
  // Receives the environment's own fields when they are not kept.
  std::vector<std::vector<std::byte>> dropped_;
  std::vector<FieldView> dropped_views_;
};

}  // namespace reverie
