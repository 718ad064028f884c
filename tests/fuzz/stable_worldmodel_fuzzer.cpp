// The HDF5 layout of stable-worldmodel: the input is the file.

#include "tests/fuzz/dataset_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = reverie::fuzz::clean_folder() / "input.h5";
  reverie::fuzz::write(file, {data, size});
  reverie::fuzz::read_dataset(file);
  return 0;
}
