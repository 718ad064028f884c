#pragma once

#include <cstdint>
#include <memory>

#include "agents/training/experience.h"
#include "agents/training/trainer.h"
#include "agents/training/world_model_agent.h"

namespace reverie {

// Trains a decoder of a world model's latents, for people to look at (DecoderLearner): a stage that
// follows the model's own training, and counts updates. At the end it writes decoder.safetensors
// and videos/decoder.png into the run. config, agent and experience must outlive it.
std::unique_ptr<Trainer> make_decoder_trainer(const RunConfig& config, WorldModelAgent& agent,
                                              const Experience& experience, int64_t updates);

}  // namespace reverie
