#pragma once

#include <memory>
#include <span>

#include "datasets/dataset.h"

namespace reverie {

// The schema of the episodes of one or more datasets together. Throws Error(kInput) that names both
// datasets when they contradict each other: different fields or bounds, different environments
// (attribute `env`) or environment options (`config`), or rewards of another task in only one of
// them (`relabelled`). If some do not name their environment, neither does the schema. Other
// attributes that differ are joined as "a + b" if all datasets have them.
DatasetSchema merged_schema(std::span<const std::unique_ptr<Dataset>> datasets);

}  // namespace reverie
