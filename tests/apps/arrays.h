#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <hdf5.h>

namespace reverie::test {

// A dataset of an HDF5 file, as the library itself reads it.
struct Array {
  std::vector<hsize_t> shape;
  std::string bytes;  // as they are in the file
  bool operator==(const Array&) const = default;

  template <typename T>
  std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

// Fails the test and returns an empty array if there is none of that name.
Array read_array(const std::filesystem::path& file, const std::string& name);

// Replaces the values of a dataset in its own type by `bytes` bytes from `values` on. Fails the
// test if the dataset has another size.
void write_array(const std::filesystem::path& file, const std::string& name, const void* values,
                 size_t bytes);

// All datasets at the root.
std::map<std::string, Array> read_root(const std::filesystem::path& file);

}  // namespace reverie::test
