#pragma once

#include <cstdint>
#include <vector>

#include "core/spec.h"
#include "envs/env_lane.h"

namespace reverie {

// Everything a VectorEnv needs to continue where another one stopped.
struct VectorEnvSnapshot {
  std::vector<double> state;
  std::vector<uint8_t> observations;
};

// N environments of one kind that step together, as a structure of arrays: simulators on threads
// (ThreadedVectorEnv), or a model that imagines them. Each environment begins its next episode by
// itself (AutoReset::kSameStep). Views stay valid until the next call.
class VectorEnv {
 public:
  virtual ~VectorEnv() = default;

  virtual const EnvSpec& spec() const = 0;
  virtual int64_t num_envs() const = 0;

  // Starts N new episodes. Only `obs` of the result has meaning.
  virtual VectorStep reset(uint64_t seed) = 0;

  // One step of all environments in two halves, so that learning can run in between. actions: N
  // rows of the action field, which are copied. At most one step may be running; nothing else may
  // be called before wait(). step_async() throws Error(kInput) that names the environment for a bad
  // action, before any has moved; wait() throws Error(kRun) when a simulator failed.
  virtual void step_async(ConstFieldView actions) = 0;
  virtual VectorStep wait() = 0;

  VectorStep step(ConstFieldView actions) {
    step_async(actions);
    return wait();
  }

  // The current observations, [N, ...], which the next actions are chosen for.
  virtual FieldViews observations() const = 0;

  // Called between two steps. Continuing from a snapshot is exact if the environments' state is
  // exact. restore() throws Error for a snapshot of other environments; the vector environment then
  // needs reset().
  virtual VectorEnvSnapshot snapshot() const = 0;
  virtual void restore(const VectorEnvSnapshot& snapshot) = 0;
};

}  // namespace reverie
