#pragma once

#include "envs/vector_env.h"
#include "nn/checkpoint.h"

namespace reverie {

// What the environments of a run are in, in the checkpoint's group "environments".
void save_environments(const VectorEnv& env, Checkpoint& checkpoint);

// Throws Error for a group that save_environments() did not write for such environments.
void restore_environments(VectorEnv& env, const Checkpoint& saved);

}  // namespace reverie
