#include <cerrno>
#include <csignal>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "datasets/hdf5_library.h"

namespace reverie::hdf5 {
namespace {

constexpr rlim_t kCheckSeconds = 20;                     // of processor time
constexpr rlim_t kMaxGrowth = rlim_t{1} << 30;           // [byte] of memory
constexpr int kOutOfBounds = 2;                          // the child's exit status
constexpr int64_t kMaxScratchBytes = int64_t{64} << 20;  // longer rows are not tried

void visit_attributes(const Handle& object, hsize_t count) {
  for (hsize_t i = 0; i < count; ++i) {
    const Handle attribute(
        H5Aopen_by_idx(object.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
    if (!attribute) return;
    const Handle type(H5Aget_type(attribute.get()));
    const Handle space(H5Aget_space(attribute.get()));
  }
}

// Reads row `index` of the first axis as numbers.
void try_row(const OpenDataset& dataset, hsize_t index, std::vector<double>& scratch) {
  std::vector<hsize_t> start(dataset.shape.size(), 0);
  std::vector<hsize_t> count(dataset.shape.begin(), dataset.shape.end());
  start[0] = index;
  count[0] = 1;
  const Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
  if (H5Sselect_hyperslab(dataset.space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                          nullptr) < 0) {
    return;
  }
  H5Dread(dataset.handle.get(), H5T_NATIVE_DOUBLE, memory.get(), dataset.space.get(), H5P_DEFAULT,
          scratch.data());
}

void visit_dataset(const OpenFile& file, const std::string& name) {
  const OpenDataset dataset = open_dataset(file, name);
  checked_dtype(file, name, dataset);
  H5Dget_storage_size(dataset.handle.get());  // walks the index of the chunks
  std::vector<int64_t> row(dataset.shape);
  const int64_t rows = row.empty() ? 1 : row[0];
  if (!row.empty()) row[0] = 1;
  const std::optional<int64_t> bytes = array_bytes(row, sizeof(double));
  if (rows == 0 || !bytes || *bytes == 0 || *bytes > kMaxScratchBytes) return;
  std::vector<double> scratch(static_cast<size_t>(*bytes) / sizeof(double));
  if (row.empty()) {
    H5Dread(dataset.handle.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, scratch.data());
    return;
  }
  try_row(dataset, 0, scratch);
  try_row(dataset, static_cast<hsize_t>(rows - 1), scratch);
}

// Errors in single objects are reported by their readers.
void visit(const OpenFile& file, const std::string& name, std::set<haddr_t>& visited) {
  try {
    std::vector<std::string> names;
    {
      const Handle object = open_object(file, name);
      H5O_info_t info;
      if (H5Oget_info2(object.get(), &info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS) < 0) return;
      if (!visited.insert(info.addr).second) return;
      visit_attributes(object, info.num_attrs);
      if (H5Iget_type(object.get()) == H5I_DATASET) return visit_dataset(file, name);
      if (H5Iget_type(object.get()) == H5I_GROUP) names = names_in(file, name, object);
    }
    for (const std::string& child : names) visit(file, name + "/" + child, visited);
  } catch (const Error&) {
    return;
  }
}

// The greatest memory use of the process so far [byte].
int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// Limits processor time, and memory beyond the parent's. Without the latter an allocating loop
// would fill the machine first.
void limit_child() {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const rlimit time{.rlim_cur = kCheckSeconds, .rlim_max = kCheckSeconds + 1};
  setrlimit(RLIMIT_CPU, &time);
  rlim_t pages = 0;
  if (!(std::ifstream("/proc/self/statm") >> pages)) return;
  const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + 2 * kMaxGrowth;
  const rlimit memory{.rlim_cur = bytes, .rlim_max = bytes};
  setrlimit(RLIMIT_AS, &memory);
}

[[noreturn]] void run_child(const std::string& path) {
  const int silence = ::open("/dev/null", O_RDWR);  // a sanitizer would report the crash
  if (silence >= 0) ::dup2(silence, STDERR_FILENO);
  const int64_t before = peak_memory();
  try {
    limit_child();
    // Never destroyed: that would wait for the lock, which the parent held at the fork.
    auto* file = new OpenFile;
    file->path = path;
    open_for_reading(*file);
    std::set<haddr_t> visited;
    visit(*file, "", visited);
  } catch (const Error&) {
    // The parent will meet the same error and report it.
  } catch (...) {
    ::_exit(kOutOfBounds);
  }
  ::_exit(peak_memory() - before > int64_t{kMaxGrowth} ? kOutOfBounds : 0);
}

}  // namespace

void check_in_child(const std::string& path) {
  const pid_t child = ::fork();
  REVERIE_CHECK_RUN(child >= 0, "{}: cannot start a process to check it: errno {}", path, errno);
  if (child == 0) run_child(path);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    REVERIE_CHECK_RUN(errno == EINTR, "{}: lost the process that checks it: errno {}", path, errno);
  }
  const bool greedy = (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) ||
                      (WIFEXITED(status) && WEXITSTATUS(status) == kOutOfBounds);
  REVERIE_CHECK(status == 0, "{}: is damaged: HDF5 {} on it", path,
                greedy ? "takes more time or memory than any sound file needs" : "crashes");
}

}  // namespace reverie::hdf5
