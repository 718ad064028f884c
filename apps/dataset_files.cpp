#include "apps/dataset_files.h"

#include <iostream>

namespace reverie {

std::unique_ptr<Dataset> open_dataset(const std::string& path) {
  std::unique_ptr<Dataset> dataset = Dataset::open(path);
  for (const std::string& line : dataset->left_out()) {
    std::cerr << fmt::format("note: {}: {}\n", path, line);
  }
  return dataset;
}

void finish_dataset(DatasetWriter& writer, const std::string& path) {
  REVERIE_CHECK(writer.episodes() > 0, "{}: there is no episode to write", path);
  writer.commit();
  std::cerr << fmt::format("wrote {}: {} steps in {} episodes\n", path, writer.steps(),
                           writer.episodes());
}

}  // namespace reverie
