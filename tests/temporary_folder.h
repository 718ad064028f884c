#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace reverie::test {

// A folder of its own for one test, removed with everything in it when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "reverie_test_XXXXXX").string();
    REVERIE_CHECK_RUN(mkdtemp(name.data()) != nullptr, "{}: cannot create", name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace reverie::test
