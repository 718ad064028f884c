#pragma once

#include <memory>

#include "agents/agent.h"
#include "agents/tabular/q_table.h"
#include "agents/training/training_config.h"
#include "envs/finite_mdp.h"

namespace reverie {

// An agent that plans in the exact model of a finite task, a sweep over all states at a time.
class SweepAgent : public Agent, public TabularAgent {
 public:
  struct Sweep {
    double residual = 0.0;  // the greatest change of a value, |V(s) - V'(s)|
    bool solved = false;    // no further sweep is needed
  };

  // One sweep. mdp: of the same number of states and actions as the agent's task.
  virtual Sweep sweep(const FiniteMdp& mdp) = 0;
};

// sum over s', r of p(s', r | s, a) [r + gamma V(s')]: the value of an action whose outcomes have
// the values V, [S] (Sutton & Barto 2018, equation 4.6).
double backup(const FiniteMdp& mdp, int64_t state, int64_t action, const double* v, double gamma);

// Sweeps until the task is solved, at most --steps times. Counts sweeps; no environment is stepped.
struct SweepTraining : TrainingConfig {
  SweepTraining();

  DriveOptions drive_options;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  bool can_resume() const override { return true; }
  int64_t length(const RunConfig& config) const override;

  // Throws Error(kInput) for an environment without an exact model, and as
  // EnvConfig::finite_model() and AgentConfig::make() do.
  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
