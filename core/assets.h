#pragma once

#include <filesystem>
#include <string_view>

namespace reverie {

// A file or folder that comes with Reverie: "fonts/DejaVuSansMono.ttf", "models/half_cheetah.xml".
//
// The first of these folders that holds it wins:
//   $REVERIE_ASSETS                              where the variable is set and not empty
//   <folder of the program>/../../../assets      run from build/PRESET/bin
//   <folder of the program>/../share/reverie/assets   installed
//   the source tree that this library was built from
//
// relative: a path without "..", not absolute. Throws Error(kInput) for another one, and one that
// lists the places tried when none holds it.
std::filesystem::path asset_path(std::string_view relative);

}  // namespace reverie
