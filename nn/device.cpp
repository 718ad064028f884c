#include "nn/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "core/error.h"
#include "nn/matrix_products.h"

namespace reverie {

at::Device open_device(std::string_view name) {
  choose_matrix_products();
  if (name == "cpu") return at::kCPU;
  if (name != "cuda") fail_unknown_name("device", name, {"cpu", "cuda"});
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail_input("--device cuda: {}. Run scripts/setup --cuda for the CUDA libraries.", dlerror());
  }
  REVERIE_CHECK(
      at::globalContext().hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0,
      "--device cuda: no NVIDIA GPU is visible (see nvidia-smi and CUDA_VISIBLE_DEVICES)");
  return {at::kCUDA, 0};
}

void set_compute_threads(int threads) {
  REVERIE_CHECK(threads >= 1, "{} compute threads, expected at least 1", threads);
  at::set_num_threads(threads);
}

}  // namespace reverie
