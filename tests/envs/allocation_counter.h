#pragma once

#include <cstdint>

namespace reverie::test {

// How often this program has asked for memory, for promises that nothing is allocated.
int64_t allocations();

}  // namespace reverie::test
