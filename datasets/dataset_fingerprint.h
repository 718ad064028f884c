#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace reverie {

// A number that identifies a dataset by its contents, wherever it is stored. It covers the name,
// dtype and shape of every field, the length and the end of every episode, and actions, rewards and
// flags: of all episodes, or of every k-th one if they are larger than `budget` bytes, with k that
// size divided by the budget, rounded up. Observations, info, seeds and attributes are left out.
// With the default budget it takes a fraction of a second. Throws Error(kInput) as Dataset::read()
// does.
uint64_t dataset_fingerprint(Dataset& dataset, int64_t budget = int64_t{64} << 20);

}  // namespace reverie
