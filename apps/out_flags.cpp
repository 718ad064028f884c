#include "apps/out_flags.h"

#include <filesystem>
#include <system_error>

#include "drawing/video.h"

namespace reverie {

void OutFlags::add_to(CommandLine& line, const char* what) {
  line.add("--out", path, {.help = what, .required = true});
  line.add("--overwrite", overwrite, {.help = "replace a file that already exists"});
}

void OutFlags::check(std::optional<ImageSize> size) const {
  is_picture() ? check_png_path(path) : check_video_path(path);
  if (size && path.ends_with(".mp4")) {
    const ImageSize even{size->width + size->width % 2, size->height + size->height % 2};
    REVERIE_CHECK(even == *size,
                  "--size {}: the sides of an .mp4 are even; expected {}, or another ending of "
                  "--out {}",
                  to_string(*size), to_string(even), path);
  }
  // VideoWriter requires that folders are new or empty.
  std::error_code error;
  REVERIE_CHECK(overwrite || !std::filesystem::exists(path, error) || path.ends_with('/'),
                "--out {}: already exists; --overwrite replaces it", path);
}

}  // namespace reverie
