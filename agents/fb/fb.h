#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/zero_shot/options.h"

namespace reverie {

// Forward-backward representations (FB) for continuous actions. They are learnt without a reward,
// and give a policy for every reward that is named afterwards.
//
// F(s, a, z) and B(s') in R^d factorise the discounted occupancy of a policy pi_z, relative to the
// distribution rho of the data:  M(s, a, ds') = F(s, a, z)^T B(s') rho(ds').  The policy of a task
// z is  pi_z(s) = argmax over a of F(s, a, z)^T z.  The task of a reward r, and that of a goal g,
// is
//
//   z = sphere(E over rho of r(s) B(s)),    z = sphere(B(g)),    sphere(x) = sqrt(d) x / |x|.
//
// With the transitions i of a batch, and their next states as samples of rho:
//
//   F, B     minimise, summed over two F,
//              1/2 mean over i != j of (F(s_i, a_i, z_i)^T B(s'_j) - discount_i M'_ij)^2
//              - mean over i of F(s_i, a_i, z_i)^T B(s'_i)
//            + orthonormality (mean over i != j of (B(s'_i)^T B(s'_j))^2 - 2 mean over i of
//            |B(s'_i)|^2), M'_ij the smaller of both F'(s'_i, a'_i, z_i)^T B'(s'_j),  a'_i =
//            clip(mu(s'_i, z_i) + eps)
//   actor    maximise  mean of the smaller of both F(s, a, z)^T z,  a = clip(mu(s, z) + eps)
//   targets  theta' <- (1 - tau) theta' + tau theta  of F and B
//
// with the tasks z_i, the noise eps and the choice of a task for evaluation that all such agents
// share (agents/zero_shot/zero_shot_agent.h).
//
// Source: Touati & Ollivier 2021, arXiv:2103.07945, section 5; Touati, Rapin & Ollivier 2023,
// arXiv:2209.14935, appendix; the authors' code (facebookresearch/controllable_agent, fb_ddpg.py).
// Differs: networks 256 wide and batches of 256, a sixtieth of the arithmetic; the share of goals
// is the same in every batch.
struct FbConfig : AgentConfig, ZeroShotOptions {
  double backward_learning_rate = 1e-4;
  double orthonormality = 1.0;

  void describe(ConfigFields& fields) override;

  // Throws Error as zero_shot::Inputs.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry fb_entry();

}  // namespace reverie
