#pragma once

#include <optional>
#include <string>

#include "apps/command.h"
#include "drawing/picture.h"

namespace reverie {

// --out of a picture or a film, and --overwrite.
struct OutFlags {
  std::string path;
  bool overwrite = false;

  // `what`: the kinds of files, for help.
  void add_to(CommandLine& line, const char* what);

  // Throws Error(kInput) unless the ending is a picture's or a film's, when a film of that ending
  // cannot have the size that was asked for, and when the file exists and --overwrite is not given.
  // Called before the work.
  void check(std::optional<ImageSize> size) const;

  bool is_picture() const { return path.ends_with(".png"); }
};

}  // namespace reverie
