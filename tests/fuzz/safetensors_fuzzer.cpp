// Weights: the input is one .safetensors file.

#include <cstdlib>

#include "core/error.h"
#include "nn/safetensors.h"
#include "tests/fuzz/dataset_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path file = reverie::fuzz::clean_folder() / "input.safetensors";
  reverie::fuzz::write(file, {data, size});
  try {
    reverie::load_safetensors(file.string());
  } catch (const reverie::Error& error) {
    if (error.kind() != reverie::ErrorKind::kInput) std::abort();
  }
  return 0;
}
