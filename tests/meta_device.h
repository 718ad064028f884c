#pragma once

#include <memory>
#include <string>
#include <vector>

namespace reverie::test {

// Watches the tensor operations of this thread on LibTorch's meta device, whose tensors have shapes
// and no values. Code that is meant not to wait for its device is run there without a GPU:
//
// - item(), cpu() and whatever else reads values throws by itself;
// - a tensor of the CPU that takes part in an operation on the meta device, and one that is copied
//   to it, is a fault that is written down here. LibTorch lets many of them pass (cat, matmul,
//   gather, copy_). Scalars [] of the CPU are none: operations take their value along.
//
// Where LibTorch has no Meta kernel in C++, one is registered that finds the shapes on the CPU
// (meta_device.cpp); an operator that it lacks says so by its name: add it to the list there.
class MetaDevice {
 public:
  MetaDevice();
  ~MetaDevice();
  MetaDevice(const MetaDevice&) = delete;
  MetaDevice& operator=(const MetaDevice&) = delete;

  // One line each, in the order in which they happened: "aten::cat: [3, 4] of the CPU".
  const std::vector<std::string>& faults() const;

  // For what code may do once, such as moving a table to the device.
  void forget_faults();

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace reverie::test
