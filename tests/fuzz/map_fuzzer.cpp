// Maps of mazes: the input is one text file.

#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "envs/maze/maze_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    reverie::maze::MazeMap::parse(text, "input");
  } catch (const reverie::Error& error) {
    if (error.kind() != reverie::ErrorKind::kInput) std::abort();
  }
  return 0;
}
