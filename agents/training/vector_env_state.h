#pragma once

#include "envs/vector_env.h"
#include "nn/state_list.h"

namespace reverie {

// Lists the environments' state as the group "environments" of a checkpoint. Loading throws Error
// for a group that such environments did not write.
void list_state(StateList& list, VectorEnv& env);

}  // namespace reverie
