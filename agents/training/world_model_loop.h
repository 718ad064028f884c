#pragma once

#include "agents/training/training_loop.h"

namespace reverie {

// Trains a WorldModelAgent on sequences of a dataset, or on experience that it gathers with random
// actions:
//
//   repeat:  gather a step of each environment (or nothing);  update on the sequences that it
//   earned
//
// The log holds every loss term and the gradient's norm, the same losses and the state of the
// latents on held-out episodes ("held_out/effective_rank", ...), and how long was waited for
// batches ("time/waiting_share"), from the first update on. Every picture_every steps a picture of
// nearest neighbours is written to videos/neighbours_step_XXXXXXXXX.png. A run that comes to its
// end trains a decoder of its latents and writes it to decoder.safetensors, and what it draws to
// videos/decoder.png. Neither changes what is learnt, nor what is drawn next from any generator.
//
// Saves a checkpoint every `checkpoint_every` steps, when the session's `stop` becomes true and at
// the end; throws Error(kRun) that names term and step when a loss is not finite, and the last
// checkpoint stays.
const TrainingLoop& world_model_loop();

}  // namespace reverie
