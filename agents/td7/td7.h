#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/off_policy/options.h"

namespace reverie {

// TD7: TD3 with state-action embeddings (SALE), prioritised replay (LAP) and policy checkpoints,
// for continuous actions.
//
//   embeddings  z_s = f(s),  z_sa = g(z_s, a)                               (td7_networks.h)
//               minimise  mean (z_sa - z_s')^2, z_s' without gradient; nothing else trains f and g
//   critics     minimise  sum over i of mean huber(Q_i(s, a, z_sa, z_s) - y),
//               y = r + discount clip(min over i of Q_i'(s', a', z_sa', z_s'), low, high)
//               a' = clip(mu'(s', z_s') + clip(N(0, target_noise^2), -c, c))
//   actor       every d-th update: maximise  mean over both i of Q_i(s, mu(s, z_s), z_sa, z_s);
//               with `bc_weight` (0.1 in the paper's offline runs) it also imitates the data
//               (CloningOptions)
//   targets     every `target_every` updates, in this order: mu' <- mu, Q' <- Q,
//               target embeddings <- fixed embeddings, fixed embeddings <- f and g;
//               low and high <- the extremes of y so far
//
// Critics and actor read the fixed embeddings, the targets the target embeddings.
//
// LAP: transitions are drawn with the priority max(|TD error|, 1)^0.4; the trainer's
// --priority-exponent 0.4 and --priority-beta 0 are this agent's defaults.
//
// Policy checkpoints: the agent does not learn while its policy is assessed, for up to n episodes;
// n = 1, and `assessment_episodes` after `assessment_starts` updates. The policy replaces the kept
// one if none of its returns is below the kept one's least return; a lower return ends its
// assessment at once. Then the updates that the assessment's steps have earned are made. Evaluation
// uses the kept policy. With several environments an assessed episode may have begun under the
// policy before.
//
// From pictures, which the paper does not treat, s is ours: the convolutions' features through one
// trunk of `feature_size` numbers (agents/off_policy/state_encoder.h). f, actor and critics read
// these numbers, so every network is as large as from vectors; each reading the features itself
// would hold ten million weights a layer at 84x84. Convolutions and trunk learn from the critics'
// loss alone, as DrQ-v2's convolutions do: a state that the embeddings' loss could move would
// be easiest to predict if it told nothing. The kept policy has a copy of them.
//
// Source: Fujimoto et al. 2023, arXiv:2306.02451, algorithm 1, appendix and the authors' repository
// (sfujim/TD7). Differs: new transitions get the greatest priority that the buffer has seen, which
// is not computed again.
struct Td7Config : AgentConfig,
                   SamplingOptions,
                   DeterministicOptions,
                   SmoothingOptions,
                   CloningOptions,
                   PictureOptions {
  int64_t hidden_size = 256;     // of every layer
  int64_t embedding_size = 256;  // of z_s and z_sa
  double learning_rate = 3e-4;
  int64_t policy_delay = 2;
  int64_t target_every = 250;
  double least_priority = 1.0;
  bool policy_checkpoints = true;
  int64_t assessment_episodes = 20;
  int64_t assessment_starts = 750000;
  double assessment_reset = 0.9;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry td7_entry();

}  // namespace reverie
