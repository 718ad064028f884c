#include "replay/storage.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/file.h"
#include "nn/pch.h"
#include "nn/tensor_map.h"

namespace reverie {
namespace {

constexpr double kMegabyte = 1e6;

[[noreturn]] void fail_disk(const std::string& name, size_t bytes,
                            const std::filesystem::path& folder, int error) {
  fail_run("replay: {:.1f} MB on disk for '{}' in {}: {}", static_cast<double>(bytes) / kMegabyte,
           name, folder.string(), std::strerror(error));
}

// A file without a name, with all its blocks reserved.
FileDescriptor unnamed_file(const std::string& name, size_t bytes,
                            const std::filesystem::path& folder) {
  std::string path = (folder / "replay-XXXXXX").string();
  FileDescriptor file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file.is_open()) fail_disk(name, bytes, folder, errno);
  ::unlink(path.c_str());
  // Checked first, because filling a disk to learn that it is too small disturbs all its users.
  struct statvfs disk = {};
  if (::fstatvfs(file.get(), &disk) == 0) {
    const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
    REVERIE_CHECK_RUN(
        static_cast<double>(bytes) <= free,
        "replay: {:.1f} MB on disk for '{}', but {} has {:.1f} MB free; lower --replay-capacity",
        static_cast<double>(bytes) / kMegabyte, name, folder.string(), free / kMegabyte);
  }
  const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (error != 0) fail_disk(name, bytes, folder, error);
  return file;
}

}  // namespace

void use_huge_pages(void* memory, size_t bytes) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kHugePage * kHugePage;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

at::Tensor reserve_rows(const std::string& name, const std::vector<int64_t>& shape, DType dtype,
                        const std::filesystem::path& folder) {
  size_t bytes = item_size(dtype);
  for (const int64_t n : shape) {
    REVERIE_CHECK(n >= 0 && !__builtin_mul_overflow(bytes, static_cast<size_t>(n), &bytes) &&
                      bytes <= size_t{1} << 62,
                  "replay: a shape of [{}] for '{}', more bytes than an address holds",
                  fmt::join(shape, ", "), name);
  }
  if (folder.empty() || bytes == 0) {
    try {
      at::Tensor rows = at::empty(shape, scalar_type(dtype));
      use_huge_pages(rows.mutable_data_ptr(), bytes);
      return rows;
    } catch (const c10::Error&) {
      fail_run("replay: no memory for {:.1f} MB of '{}'; lower --replay-capacity",
               static_cast<double>(bytes) / kMegabyte, name);
    }
  }
  const FileDescriptor file = unnamed_file(name, bytes, folder);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) fail_disk(name, bytes, folder, errno);
  return at::from_blob(
      memory, shape, [bytes](void* mapped) { ::munmap(mapped, bytes); }, scalar_type(dtype));
}

size_t stored_frame_bytes(const Field& field) {
  const auto numel = static_cast<size_t>(field.numel() / std::max<int64_t>(field.stacked, 1));
  return numel * item_size(learnt_dtype(field.dtype));
}

Column::Column(const Field& of, int64_t slots, const std::filesystem::path& folder)
    : field(of), stored(learnt_dtype(of.dtype)), frames(of.stacked) {
  std::vector<int64_t> shape = field.shape;
  REVERIE_CHECK(frames == 1 || (frames > 1 && !shape.empty() && shape[0] == frames),
                "replay: '{}' is said to be a stack of {} frames, its shape is [{}]", field.name,
                frames, fmt::join(shape, ", "));
  if (frames > 1) shape.erase(shape.begin());
  frame_numel = field.numel() / frames;
  frame_bytes = stored_frame_bytes(field);
  given_frame_bytes = field.bytes() / static_cast<size_t>(frames);
  shape.insert(shape.begin(), slots);
  data = reserve_rows(field.name, shape, stored, folder);
  begin = static_cast<std::byte*>(data.mutable_data_ptr());
}

void Column::write(int64_t slot, const std::byte* given) {
  if (stored == field.dtype) {
    std::memcpy(frame(slot), given, frame_bytes);
    return;
  }
  const auto* in = reinterpret_cast<const double*>(given);
  std::transform(in, in + frame_numel, reinterpret_cast<float*>(frame(slot)),
                 [](double x) { return static_cast<float>(x); });
}

}  // namespace reverie
