#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace reverie {

// A number that tells datasets apart by what they hold, wherever they lie. It covers the name,
// dtype and shape of every field, the length and the end of every episode, and the actions, rewards
// and flags of all episodes, or where those are more than `budget` bytes, of every k-th episode, k
// being that size over the budget, rounded up. Observations, info, seeds and attributes are left
// out. With the default budget it takes a fraction of a second. Throws Error(kInput) as
// Dataset::read() does.
uint64_t dataset_fingerprint(Dataset& dataset, int64_t budget = int64_t{64} << 20);

}  // namespace reverie
