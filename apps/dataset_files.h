#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"

namespace reverie {

// Calls Dataset::open(), and prints a line on stderr for everything in the files that is not read.
std::unique_ptr<Dataset> open_dataset(const std::string& path);

// Commits the writer and reports on stderr what was written. Throws Error(kInput) when nothing was.
void finish_dataset(DatasetWriter& writer, const std::string& path);

}  // namespace reverie
