#pragma once

// What is saved, as tests look at it.

#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>

#include "nn/checkpoint.h"
#include "nn/state_list.h"

namespace reverie::test {

// All tensors of a group, read.
inline TensorMap group_of(const Checkpoint& checkpoint, const std::string& name) {
  TensorMap tensors;
  const TensorReader& reader = checkpoint.reader(name);
  for (const std::string& key : reader.names()) tensors.add(key, reader.read(key));
  return tensors;
}

// Copies of all tensors that an object lists, under "prefix.".
template <Stateful T>
TensorMap saved(T& object, std::string_view prefix = "") {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors_of(object, prefix)) copies.add(name, tensor.clone());
  return copies;
}

// Gives the object the tensors under "prefix." back, from a checkpoint with that group alone.
template <Stateful T>
void load(T& object, std::string_view prefix, const TensorMap& tensors,
          const std::string& group = "model") {
  Checkpoint checkpoint;
  for (const auto& [name, tensor] : tensors) {
    if (prefix.empty() || name.starts_with(std::string(prefix) + ".")) {
      checkpoint.group(group).add(name, tensor);
    }
  }
  checkpoint.group(group);
  StateList list;
  if (prefix.empty()) {
    object.state(list);
  } else {
    list.add(prefix, object);
  }
  list.load(checkpoint);
}

}  // namespace reverie::test
