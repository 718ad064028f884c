#pragma once

#include <cstdint>
#include <memory>

#include "agents/ddpg/ddpg.h"
#include "agents/rnd/random_network_distillation.h"

namespace reverie {

// Exploration without a task: DDPG whose reward is the novelty of an observation
// (random_network_distillation.h). The environment's reward is ignored.
//
//   reward_i(s) = scale * novelty(s),   after the predictor has seen the batch
//
// Source: rll-research/url_benchmark, agent/rnd.py, rnd.yaml and ddpg.py @710c3eb (Laskin et al.
// 2021, "URLB"), which gathered ExoRL's `rnd` datasets; scale, gamma, tau, n_step, noise and the
// predictor's step size are taken from it. differs:
// - DDPG here has one critic instead of the smaller of two, a target actor, no noise on the actions
//   that are learned from, and PyTorch's default weights instead of orthogonal ones
// - two layers of 256, an embedding of 64 and minibatches of 256 instead of 1024, 512 and 1024: for
//   CPUs, and for tens of thousands of steps instead of two million. For those actor and critic
//   learn ten times as fast, at 1e-3; docs/results/datasets.md compares
struct RndConfig : AgentConfig {
  RndConfig();

  DistillationOptions distillation;
  double intrinsic_scale = 1.0;
  DdpgConfig ddpg;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error as DdpgConfig::make() does.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry rnd_entry();

}  // namespace reverie
