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
// relative: a path that is not absolute and has no "..". Throws Error(kInput) for any other path,
// and an error that lists the folders tried when none of them holds it.
std::filesystem::path asset_path(std::string_view relative);

}  // namespace reverie
