#pragma once

#include <string>

#include "envs/env.h"

namespace reverie {

// Adds the environments of learnt worlds to the registry (envs/registry.h):
//
//   dream:RUN    a run's world model as an environment: it begins with a picture that the run has
//                seen, and rewards, ends and what comes next are the model's. One batched
//                prediction steps all environments. Options: --dream-temperature, --max-steps,
//                --model-checkpoint
//   latent:RUN   the run's real environment as its model sees it
//
// Both show "latent" [D], the code of the picture, and "memory" [H], what is remembered of the
// episode, and take the actions of the run's environment, so a policy that was trained in one can
// be evaluated in the other (`reverie evaluate RUN --env latent:RUN`). Pictures of dreams are
// decoded latents. Call it once.
void add_learnt_worlds();

}  // namespace reverie
