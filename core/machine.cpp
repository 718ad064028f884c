#include "core/machine.h"

#include <fstream>
#include <thread>

namespace reverie {

Machine this_machine() {
  Machine machine{.processor = "unknown", .cores = std::thread::hardware_concurrency()};
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      machine.processor = line.substr(colon + 2);
      break;
    }
  }
  return machine;
}

}  // namespace reverie
