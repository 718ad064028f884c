#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/training/trainer.h"

namespace reverie {

// One stage of a training: a trainer of its own that goes on from what those before it have made.
struct Stage {
  std::string name;    // "decoder"; names its part of a checkpoint, except the first stage's
  std::string title;   // "training a decoder, 1500 updates": what people are told when it begins
  int64_t length = 0;  // positions of this trainer at which the stage is done, 0 or more
  std::unique_ptr<Trainer> trainer;
};

// Trainers one after the other. The position is the sum of theirs, each no more than the
// length of its stage, so that one log, one progress
// bar and one row of checkpoints lead through all of them. A later stage starts when the one before
// it is done; a run can be resumed within and between them.
//
// A run that is resumed with a longer earlier stage goes back to it, and the stages after it start
// anew when it is done: what they had learnt was made for another one.
//
// The first stage's state has the names it has alone, so that its agent is evaluated from the
// checkpoint as ever; the others are parts of their names (StateList::add_part). Throws
// Error(kInput) where two stages have one name.
std::unique_ptr<Trainer> in_stages(std::vector<Stage> stages);

}  // namespace reverie
