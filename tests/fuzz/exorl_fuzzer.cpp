// ExoRL's layout: the input is one episode, a .npz file.

#include "tests/fuzz/dataset_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto& folder = reverie::fuzz::clean_folder();
  reverie::fuzz::write(folder / "episode_000000_2.npz", {data, size});
  reverie::fuzz::read_dataset(folder);
  return 0;
}
