#include "tests/fuzz/dataset_input.h"

#include <cstdlib>
#include <fstream>

#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include "core/error.h"
#include "datasets/dataset.h"

namespace reverie::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSteps = 100'000;  // read of one dataset

// A child process visits HDF5 files first and may crash, which detects bad files. Only crashes of
// the parent are findings.
void leave_crashes_to_parent() { __sanitizer_set_death_callback(nullptr); }

struct Folder {
  Folder() {
    ::pthread_atfork(nullptr, nullptr, &leave_crashes_to_parent);
    const char* memory = fs::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    path = fs::path(memory) / ("reverie_fuzz_" + std::to_string(::getpid()));
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

}  // namespace

const fs::path& clean_folder() {
  static const Folder folder;
  fs::remove_all(folder.path);
  fs::create_directories(folder.path);
  return folder.path;
}

void write(const fs::path& file, std::span<const uint8_t> bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void read_dataset(const fs::path& path) {
  try {
    const auto dataset = Dataset::open(path.string());
    int64_t steps = 0;
    for (size_t e = 0; e < dataset->episodes().size() && steps < kMaxSteps; ++e) {
      steps += dataset->read(static_cast<int64_t>(e)).length();
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInput) std::abort();
  }
}

}  // namespace reverie::fuzz
