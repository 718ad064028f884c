#pragma once

#include <cstdint>
#include <string>

namespace reverie {

// The machine that a measurement was made on.
struct Machine {
  std::string processor;  // "Intel(R) Xeon(R) Processor @ 2.60GHz"; "unknown" if not reported
  int64_t cores = 0;      // that this process may use at the same time

  bool operator==(const Machine&) const = default;
};

Machine this_machine();

}  // namespace reverie
