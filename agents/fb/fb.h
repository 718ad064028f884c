#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"
#include "agents/off_policy/options.h"

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
// with eps ~ clip(N(0, noise^2), -noise_clip, noise_clip). The z_i are uniform on the sphere of
// radius sqrt(d); those of a share `goal_share` of the batch, drawn at random, are the tasks of
// next states of the batch.
//
// Which task a policy is evaluated with: that of the goal, where the environment shows a
// `desired_goal`; else that of the data's own reward, from the first 10,000 transitions that were
// learnt from, or that of another environment (TaskAgent::pursue()).
//
// Source: Touati & Ollivier 2021, arXiv:2103.07945, section 5; Touati, Rapin & Ollivier 2023,
// arXiv:2209.14935, appendix; the authors' code (facebookresearch/controllable_agent, fb_ddpg.py).
// Differs: networks 256 wide and batches of 256, a sixtieth of the arithmetic; the share of goals
// is the same in every batch.
struct FbConfig : AgentConfig {
  int64_t task_size = 50;  // d
  int64_t hidden_size = 256;
  double learning_rate = 1e-4;
  double backward_learning_rate = 1e-4;
  double actor_learning_rate = 1e-4;
  double gamma = 0.98;
  int64_t minibatch = 256;
  double tau = 0.01;
  double orthonormality = 1.0;
  double goal_share = 0.5;
  double noise = 0.2;
  double noise_clip = 0.3;
  std::vector<int64_t> goal_numbers = {};
  bool normalize_observation = false;

  void describe(ConfigFields& fields) override;

  // Throws Error for discrete actions, for an environment without floating-point fields beside its
  // goals, for goal_numbers that it does not have, and for goals of another size.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry fb_entry();

}  // namespace reverie
