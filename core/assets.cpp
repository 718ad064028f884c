#include "core/assets.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"

namespace reverie {

namespace fs = std::filesystem;

fs::path asset_path(std::string_view relative) {
  const fs::path wanted(relative);
  REVERIE_CHECK(!wanted.empty() && wanted.is_relative() &&
                    std::ranges::none_of(wanted, [](const fs::path& part) { return part == ".."; }),
                "asset '{}': expected a path relative to the assets folder, without '..'",
                relative);

  std::vector<fs::path> roots;
  if (const char* folder = std::getenv("REVERIE_ASSETS"); folder != nullptr && *folder != '\0') {
    roots.emplace_back(folder);
  }
  std::error_code error;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error) {
    const fs::path folder = program.parent_path();
    roots.push_back((folder / "../../../assets").lexically_normal());
    roots.push_back((folder / "../share/reverie/assets").lexically_normal());
  }
  roots.emplace_back(REVERIE_SOURCE_DIR "/assets");

  std::string tried;
  for (const fs::path& root : roots) {
    fs::path path = root / wanted;
    if (fs::exists(path, error)) return path;
    tried += "\n  " + path.string();
  }
  fail_input(
      "asset '{}' is missing. Set REVERIE_ASSETS to the folder 'assets' of Reverie. Tried:{}",
      relative, tried);
}

}  // namespace reverie
