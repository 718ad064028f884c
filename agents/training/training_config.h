#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agents/training/options.h"
#include "core/config.h"

namespace reverie {

struct RunConfig;
class Trainer;

// The options of one way to train, and the trainer that they make. A trainer reads its own options
// and no others: what --help shows is what counts.
class TrainingConfig {
 public:
  virtual ~TrainingConfig() = default;

  // Lists every option once: flags, TOML, help and dump all come from it.
  virtual void describe(ConfigFields& fields) = 0;

  // The part of them that `reverie collect` needs of an agent that learns while it gathers; none by
  // default.
  virtual void describe_learning(ConfigFields& /*fields*/) {}

  // How often is logged and saved.
  virtual const DriveOptions& drive() const = 0;

  // The dataset that is learnt from; null where this way to train knows none. Its path is "" where
  // experience is gathered.
  virtual const DatasetOptions* dataset() const { return nullptr; }
  virtual DatasetOptions* dataset() { return nullptr; }

  // Whether checkpoints hold, or can do without, what the agent learns from.
  virtual bool can_resume() const = 0;

  // Turns or updates that the whole run has, in the unit that it counts.
  virtual int64_t length(const RunConfig& config) const = 0;

  // Reads datasets, makes environments and agent. `say` gets lines for people. Throws Error for all
  // that does not fit together, before anything of the run is written.
  using Say = std::function<void(std::string_view line)>;
  virtual std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const = 0;
};

}  // namespace reverie
