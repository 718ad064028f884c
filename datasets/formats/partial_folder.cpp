#include "datasets/formats/partial_folder.h"

#include "core/error.h"
#include "core/file.h"

namespace reverie {

namespace fs = std::filesystem;

PartialFolder::PartialFolder(const std::string& path, const char* inside)
    : path_(path), partial_(path + ".partial") {
  std::error_code error;
  REVERIE_CHECK(!fs::exists(fs::symlink_status(partial_, error)),
                "{}: already exists, perhaps left by a process that was killed; what it holds can "
                "be read. Move or remove it",
                partial_.string());
  fs::create_directories(partial_ / inside, error);
  REVERIE_CHECK_RUN(!error, "{}: cannot be made: {}", partial_.string(), error.message());
}

PartialFolder::~PartialFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(partial_, ignored);
}

void PartialFolder::commit() {
  commit_directory(partial_, path_);
  committed_ = true;
}

}  // namespace reverie
