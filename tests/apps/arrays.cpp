#include "tests/apps/arrays.h"

#include <gtest/gtest.h>

namespace reverie::test {
namespace {

Array read(hid_t group, const char* name) {
  Array array;
  const hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
  EXPECT_GE(set, 0) << name;
  if (set < 0) return array;
  const hid_t space = H5Dget_space(set);
  const hid_t type = H5Dget_type(set);
  array.shape.resize(static_cast<size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, array.shape.data(), nullptr);
  array.bytes.resize(static_cast<size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type));
  H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data());
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return array;
}

}  // namespace

Array read_array(const std::filesystem::path& file, const std::string& name) {
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(opened, 0) << file;
  if (opened < 0) return {};
  Array array = read(opened, name.c_str());
  H5Fclose(opened);
  return array;
}

void write_array(const std::filesystem::path& file, const std::string& name, const void* values,
                 size_t bytes) {
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(opened, 0) << file;
  const hid_t set = H5Dopen2(opened, name.c_str(), H5P_DEFAULT);
  ASSERT_GE(set, 0) << name;
  const hid_t space = H5Dget_space(set);
  const hid_t type = H5Dget_type(set);
  EXPECT_EQ(static_cast<size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type), bytes);
  EXPECT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0) << name;
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(opened);
}

std::map<std::string, Array> read_root(const std::filesystem::path& file) {
  std::map<std::string, Array> arrays;
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(opened, 0) << file;
  if (opened < 0) return arrays;
  const auto visit = [](hid_t group, const char* name, const H5L_info_t*, void* into) -> herr_t {
    (*static_cast<std::map<std::string, Array>*>(into))[name] = read(group, name);
    return 0;
  };
  H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &arrays);
  H5Fclose(opened);
  return arrays;
}

}  // namespace reverie::test
