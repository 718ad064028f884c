#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/trained_run.h"
#include "agents/world_models/vision_memory.h"
#include "core/action_scale.h"
#include "core/random.h"

namespace reverie {

// A run's world model and the environment that it has learnt. Shared by environments, which only
// read it. Nobody may change the run's agent.
struct LearntWorld {
  std::string id;  // "dream:runs/wm"
  TrainedRun run;
  EnvSpec spec;  // of the run's environment, in its own units
  const VisionMemory* model = nullptr;
  ActionScale scale;

  // Opens a run of world-models. id: for messages and specs. Throws Error(kInput) as
  // open_trained_run() does, for a run of another agent, and for a run whose own environment it is.
  static std::shared_ptr<const LearntWorld> open(const std::string& id, const std::string& folder,
                                                 const TrainedRunOptions& options);

  // The real environment's facts with the model's view as observation: latent [D], memory [H].
  EnvSpec seen_spec() const;

  // Rows of the environment's actions as the model reads actions, [N, ...], within their bounds.
  at::Tensor unit_actions(ConstFieldView actions) const;
};

// A word of 64 bits as two numbers that a double holds exactly, and back. Throws Error(kInput) for
// numbers that are not such halves.
void push_word(std::vector<double>& numbers, uint64_t word);
uint64_t joined_word(const std::string& id, double high, double low);

// Copies what is seen to the fields "latent" and "memory", of the same number of rows.
void write_seen(const Perception::Seen& seen, FieldViews obs);

// N dreams that are dreamt together, one batched prediction a step. Each draws from its own
// generator, so a dream is the same whatever the others are, up to the rounding of batched
// products.
class DreamWorlds {
 public:
  // temperature: above 0. Throws Error(kInput) for a model without heads for reward and end or
  // whose memory has not learnt.
  DreamWorlds(std::shared_ptr<const LearntWorld> world, int64_t num_worlds, double temperature);

  const LearntWorld& world() const { return *world_; }
  int64_t size() const { return static_cast<int64_t>(rng_.size()); }

  // Dream i begins anew.
  void begin(int64_t i, uint64_t seed);

  // One step of all. action: as VisionMemory::dream(). Returns the predicted rewards [N] and
  // whether the episodes ended, [N] bool, on the CPU.
  struct Outcome {
    at::Tensor reward, ended;
  };
  Outcome step(const at::Tensor& action);

  Perception::Seen seen() const;

  // What dream i looks like: [H, W, C] uint8 on the CPU.
  at::Tensor picture(int64_t i) const;

  // The numbers that dream i depends on.
  std::vector<double> state(int64_t i) const;
  size_t state_size() const;
  void set_state(int64_t i, std::span<const double> state);

 private:
  const std::shared_ptr<const LearntWorld> world_;
  const double temperature_;
  VisionMemory::Worlds worlds_;
  std::vector<Rng> rng_;  // [N]
};

}  // namespace reverie
