// Minari's folder: the input is metadata.json, a zero byte, and the HDF5 file.

#include <algorithm>

#include "tests/fuzz/dataset_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const auto end = static_cast<size_t>(std::find(data, data + size, uint8_t{0}) - data);
  const auto& folder = reverie::fuzz::clean_folder();
  std::filesystem::create_directories(folder / "data");
  reverie::fuzz::write(folder / "data/metadata.json", input.first(end));
  reverie::fuzz::write(folder / "data/main_data.hdf5", input.subspan(std::min(end + 1, size)));
  reverie::fuzz::read_dataset(folder);
  return 0;
}
