#pragma once

#include <memory>
#include <optional>

#include "drawing/picture.h"
#include "envs/wrappers/wrapper.h"

namespace reverie {

// What the field "pixels" holds and what stands beside it.
struct PixelOptions {
  ImageSize image_size = {};             // of the picture that the environment draws
  std::optional<CropBox> crop = {};      // then this part of it
  std::optional<ImageSize> resize = {};  // then scaled (PictureResizer)
  bool grey = false;                     // then one channel instead of three
  bool keep_fields = false;              // the environment's own fields come first
};

// The field "pixels", uint8 [H, W, 3] (grey: [H, W, 1]), top row first: Env::draw() with
// View::kObservation, straight into the caller's row where nothing is to be done with it.
class PixelObservation final : public ObservationWrapper {
 public:
  // Throws Error when the fields that are kept have one named "pixels".
  PixelObservation(std::unique_ptr<Env> inner, const PixelOptions& options);

 private:
  FieldViews inner_views(FieldViews obs) override;
  void observe(FieldViews obs, bool first) override;

  PixelOptions options_;
  std::unique_ptr<const PictureResizer> resizer_;  // where there is something to scale
  // Where the environment's own fields go when they are not kept.
  std::vector<std::vector<std::byte>> dropped_;
  std::vector<FieldView> dropped_views_;
};

}  // namespace reverie
