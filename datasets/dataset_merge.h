#pragma once

#include <memory>
#include <span>

#include "datasets/dataset.h"

namespace reverie {

// The schema of the episodes of several datasets together, at least one. Throws Error(kInput) that
// names both datasets where they contradict each other: other fields or bounds, another environment
// (attribute `env`) or other options of it (`config`), rewards that only one has of another task
// (`relabelled`). Where some say nothing of their environment, the schema says nothing of it
// either. Other attributes that differ are joined, "a + b", where all datasets have them.
DatasetSchema merged_schema(std::span<const std::unique_ptr<Dataset>> datasets);

}  // namespace reverie
