// D4RL's layout: the input is the HDF5 file.

#include "tests/fuzz/dataset_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = reverie::fuzz::clean_folder() / "input.hdf5";
  reverie::fuzz::write(file, {data, size});
  reverie::fuzz::read_dataset(file);
  return 0;
}
