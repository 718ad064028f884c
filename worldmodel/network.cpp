#include "worldmodel/network.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

void Network::state(StateList& list) {
  parameters_.state(list);
  for (const auto& [name, buffer] : buffers_) list.add_weights(name, buffer);
}

}  // namespace reverie
