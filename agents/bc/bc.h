#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "agents/off_policy/options.h"
#include "agents/offline/bottleneck.h"
#include "agents/offline/policy_head.h"

namespace reverie {

// Behaviour cloning (BC) of continuous actions: maximise  mean log pi(a | s)  over a dataset.
//
// `policy` gaussian or binned, see agents/offline/policy_head.h. The lower reference of every
// offline learner. With `--best-episodes 0.1` it clones the tenth of the episodes that returned
// most: BC-10 % (Chen et al. 2021, arXiv:2106.01345, section 5). With `--bottleneck` the policy
// reads a narrow code of the state (agents/offline/bottleneck.h).
struct BcConfig : AgentConfig, PolicyHeadOptions, PictureOptions {
  std::string policy = "gaussian";
  std::vector<int64_t> hidden_sizes = {256, 256};
  double learning_rate = 3e-4;
  int64_t minibatch = 256;
  bool normalize_observation = false;
  BottleneckOptions bottleneck = {};

  void describe(ConfigFields& fields) override;

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry bc_entry();

}  // namespace reverie
