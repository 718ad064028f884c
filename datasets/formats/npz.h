#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "datasets/formats/npy.h"

struct zip;

namespace reverie {

// A .npz file of NumPy: a zip archive with an entry NAME.npy for each array. Files are treated as
// hostile: names that numpy.savez never writes for plain keys (with a path, or repeated) are
// refused, and the sizes that the archive declares must match the arrays' headers; unpacking stops
// at that size, however much the packed bytes would give. Every Error names the file and the array.
class NpzFile {
 public:
  struct Array {
    std::string name;  // without .npy
    NpyHeader header;
    std::string unread = {};  // why its type cannot be read (text, objects, ...); "" if it can
  };

  // Reads the directory and the headers. Arrays of unreadable types are listed too, because people
  // store names and dates beside their numbers. Throws Error(kInput).
  explicit NpzFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const std::vector<Array>& arrays() const { return arrays_; }

  // nullptr when there is none of that name.
  const Array* find(const std::string& name) const;

  // The values of one of arrays(), in its header's dtype. Throws Error(kInput) when they take more
  // than max_bytes of memory, when the packed bytes are damaged, and for an unreadable type.
  std::vector<std::byte> read(const Array& array, int64_t max_bytes) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };

  std::string locate(const std::string& name) const;
  std::vector<std::byte> unpack(size_t entry, size_t first, size_t count) const;

  std::string path_;
  std::unique_ptr<zip, Close> archive_;
  std::vector<Array> arrays_;  // in the archive's order
};

// Writes whole .npy files as compressed entries. The file appears complete or not at all, but is
// not synced; the same arrays give the same bytes. Throws Error(kRun) when the disk fails.
void write_npz(const std::filesystem::path& path,
               std::span<const std::pair<std::string, std::vector<std::byte>>> arrays);

}  // namespace reverie
