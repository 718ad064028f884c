#pragma once

#include <cstdint>
#include <string>

namespace reverie {

// What a measurement was made on.
struct Machine {
  std::string processor;  // "Intel(R) Xeon(R) Processor @ 2.60GHz"; "unknown" where nothing says it
  int64_t cores = 0;      // that this process may use at once

  bool operator==(const Machine&) const = default;
};

Machine this_machine();

}  // namespace reverie
