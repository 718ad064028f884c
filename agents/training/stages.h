#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/training/trainer.h"

namespace reverie {

// One stage of a training: a trainer that continues from the results of the stages before it.
struct Stage {
  std::string name;    // "decoder"; names its part of a checkpoint, except for the first stage
  std::string title;   // "training a decoder, 1500 updates": reported when it begins
  int64_t length = 0;  // positions of this trainer until the stage is done at the latest, >= 0
  std::unique_ptr<Trainer> trainer;
};

// Runs trainers one after the other. The position is the sum of theirs, each limited to the length
// of its stage, so one log, one progress bar and one sequence of checkpoints cover all of them. A
// later stage starts when the one before it is done; a run can be resumed within and between
// stages.
//
// A run that is resumed with a longer earlier stage goes back to it. Later stages then start again
// afterwards, because what they had learnt belongs to an earlier state.
//
// The first stage's state has the same names as without stages, so that its agent is evaluated from
// the checkpoint as usual; the others are named parts (StateList::add_part). Throws Error(kInput)
// when two stages have the same name.
std::unique_ptr<Trainer> in_stages(std::vector<Stage> stages);

}  // namespace reverie
