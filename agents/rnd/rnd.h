#pragma once

#include <cstdint>
#include <memory>

#include "agents/ddpg/ddpg.h"
#include "agents/rnd/random_network_distillation.h"

namespace reverie {

// Exploration without a task: DDPG whose reward is how new an observation is
// (random_network_distillation.h). The environment's reward is not learned from.
//
//   reward_i(s) = scale * novelty(s),   after the predictor has seen the batch
//
// Source: rll-research/url_benchmark, agent/rnd.py, rnd.yaml and ddpg.py @710c3eb (Laskin et al.
// 2021, "URLB"), with which ExoRL's `rnd` datasets were gathered; defaults are its own. differs:
// DDPG here has one critic, no noise on the target's actions, and no layer norm; see
// agents/ddpg/ddpg.h.
struct RndConfig : AgentConfig {
  RndConfig();

  DistillationOptions distillation;
  double intrinsic_scale = 1.0;
  DdpgConfig ddpg;

  void describe(ConfigFields& fields) override;

  // Throws Error unless the action space is a bounded Box.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry rnd_entry();

}  // namespace reverie
