#pragma once

#include <cstdint>

namespace reverie::test {

// The number of allocations of this program, for tests that nothing is allocated.
int64_t allocations();

}  // namespace reverie::test
