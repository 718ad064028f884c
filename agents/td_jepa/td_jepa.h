#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/zero_shot/options.h"

namespace reverie {

// TD-JEPA for continuous actions: latents of states and of tasks that predict each other's
// discounted future, without a reward, and a policy for every reward that is named afterwards.
//
// The encoder phi gives the latent state that predictions and policy read, psi the features in R^d
// that tasks are made of. A predictor T of psi's future reads phi, and U of phi's future reads psi;
// each is an ensemble of two. With phi', psi', T', U' slow copies and a' = clip(mu(phi'(s'), z) +
// eps):
//
//   phi, psi, minimise  mean |T_i(phi(s), a, z) - psi'(s') - discount T'(phi'(s'), a', z)|^2
//   T, U              + mean |U_i(psi(s), a, z) - phi'(s') - discount U'(psi'(s'), a', z)|^2
//                     + state_orthonormality orth(phi(s)) + orthonormality orth(psi(s)),
//             orth(e) = 1/2 mean over i != j of (e_i^T e_j)^2 - mean over i of |e_i|^2
//   actor     maximise  mean of T(phi(s), a, z)^T z,  a = clip(mu(phi(s), z) + eps)
//   copies    theta' <- (1 - tau) theta' + tau theta
//
// where T' and U', and T for the actor, are means of both members, and the first two lines are
// means over members too. The outputs of phi and psi lie on spheres of radius sqrt(numbers). The
// tasks z and the noise eps are those of zero_shot/zero_shot_agent.h: so T is what is called F
// there, the successor features psi.
//
// The task of a reward is sphere(w), w its linear regression on psi; that of a goal or a reached
// state is psi of it, or with `whiten_tasks` sphere(C^-1 psi), C the second moment of psi. Where
// `goal_numbers` names a goal's numbers, psi reads no others.
//
// `symmetric`: psi is phi, with psi's size and layers; there is no U.
//
// Source: TD-JEPA, arXiv:2510.00739, and its authors' code (marbaga/td_jepa_public,
// agents/td_jepa), of which formulas and hyper-parameters were used: those for dm_control, with the
// batch of 256 and the tau of 0.005 of those for OGBench. Differs: networks 256 wide; both members
// share the layers before their heads, as F's do; the share of reached states among the tasks is
// the same in every batch; weights begin as PyTorch's defaults instead of orthogonal.
struct TdJepaConfig : AgentConfig, ZeroShotOptions {
  TdJepaConfig() { tau = 0.005; }

  int64_t state_size = 256;
  int64_t state_layers = 0;
  bool symmetric = false;
  double state_learning_rate = 1e-4;
  double task_learning_rate = 1e-4;
  double state_orthonormality = 0.1;
  double orthonormality = 0.1;
  bool whiten_tasks = false;

  void describe(ConfigFields& fields) override;

  // Throws Error as zero_shot::Inputs, and for goal_numbers with `symmetric`.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry td_jepa_entry();

}  // namespace reverie
