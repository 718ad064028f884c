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

// The options of one way to train, and the trainer made from them. A trainer reads only its own
// options, so --help shows exactly those that matter.
class TrainingConfig {
 public:
  virtual ~TrainingConfig() = default;

  // Lists every option once: flags, TOML, help and dump all come from it.
  virtual void describe(ConfigFields& fields) = 0;

  // The options that `reverie collect` needs for an agent that learns while it gathers; none by
  // default.
  virtual void describe_learning(ConfigFields& /*fields*/) {}

  // How often the run logs and saves.
  virtual const DriveOptions& drive() const = 0;

  // The dataset to learn from; null if this way of training does not support datasets. Its path is
  // "" if experience is gathered.
  virtual const DatasetOptions* dataset() const { return nullptr; }
  virtual DatasetOptions* dataset() { return nullptr; }

  // Whether checkpoints hold what the agent learns from, or can do without it.
  virtual bool can_resume() const = 0;

  // The number of turns or updates of the whole run, in the unit that it counts.
  virtual int64_t length(const RunConfig& config) const = 0;

  // Reads datasets, makes environments and agent. `say` receives messages for people. Throws Error
  // for everything that does not fit together, before anything of the run is written.
  using Say = std::function<void(std::string_view line)>;
  virtual std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const = 0;
};

}  // namespace reverie
