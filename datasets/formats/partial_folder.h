#pragma once

#include <filesystem>
#include <string>

namespace reverie {

// The folder of a growing dataset: PATH.partial, which commit() renames to PATH. Without commit()
// it is removed.
class PartialFolder {
 public:
  // Makes the folder and `inside`, a folder in it. Throws Error(kInput) when PATH.partial already
  // exists, Error(kRun) when it cannot be made.
  PartialFolder(const std::string& path, const char* inside);
  ~PartialFolder();
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const std::filesystem::path& path() const { return partial_; }  // its place until commit()

  // Throws Error(kRun).
  void commit();

 private:
  std::filesystem::path path_, partial_;
  bool committed_ = false;
};

}  // namespace reverie
