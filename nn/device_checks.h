#pragma once

#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/error.h"

namespace reverie {

// Conditions on the values of tensors. They are evaluated on their device and read together at the
// point where a result leaves it, so that checks do not wait for the device one by one.
class DeviceChecks {
 public:
  // condition: bool of any shape; all elements must be true.
  void expect(const at::Tensor& condition, ErrorKind kind, std::string message);

  // Waits for the device once and clears all conditions. Throws Error with the kind and message of
  // the first condition that fails.
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
