#pragma once

#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/error.h"

namespace reverie {

// Conditions on the values of tensors, judged on their device and read together where a result
// leaves it, so that code which checks its numbers does not wait for the device at every check.
class DeviceChecks {
 public:
  // condition: bool of any shape, all of which has to hold.
  void expect(const at::Tensor& condition, ErrorKind kind, std::string message);

  // Waits for the device once, and forgets all conditions. Throws Error with the kind and message
  // of the first that does not hold.
  void read();

 private:
  struct Expectation {
    ErrorKind kind;
    std::string message;
    at::Tensor holds;  // []
  };
  std::vector<Expectation> expectations_;
};

}  // namespace reverie
