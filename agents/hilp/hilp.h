#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/zero_shot/options.h"

namespace reverie {

// Hilbert foundation policies (HILP) for continuous actions. Features phi(s) in R^d are learnt
// whose distances are the times to reach one state from another; successor features give a policy
// for every direction z in that space, and so for every goal and reward, without a reward in
// training.
//
// V(s, g) = -|phi(s) - phi(g)| is the value of reaching g, with the reward -1 for each step that
// begins elsewhere, discounted by gamma_v = `distance_gamma`. Two phi learn it from transitions and
// goals g, with u = min over i of y_i - mean over i of V_i'(s, g):
//
//   phi       minimise  sum over i of mean |tau_e - 1(u < 0)| (V_i(s, g) - y_i)^2,
//             y_i = 0 where s = g, else -1 + gamma_v V_i'(s', g);  tau_e the `expectile`
//   phi'      phi' <- (1 - feature_tau) phi' + feature_tau phi
//   F         minimise  sum over i of mean |F_i(s, a, z) - y|^2 / d,
//             y = f(s') + discount F_j'(s', a', z),  j the one of the smaller F_j'^T z,
//             a' = clip(mu(s', z) + eps);  f(s) = phi_1(s) - its running mean over the data
//   actor     maximise  mean of the smaller of both F(s, a, z)^T z,  a = clip(mu(s, z) + eps)
//
// in this order, with the tasks z, the noise eps and F' of zero_shot/zero_shot_agent.h. A goal g is
// a state of the same episode, after a number of steps that is geometrically distributed with
// `future_gamma`, or, of a share `random_goal_share`, of any episode. Where `goal_numbers` names
// a goal's numbers, phi reads no others: distances are those between goals.
//
// The task of a goal is sphere(phi(g) - phi(s)), seen from every state anew; that of a reward is
// sphere(w), w its linear regression on f; in training that of a reached state is sphere(C^-1 f), C
// the second moment of f.
//
// The reward f(s')^T z has the same optimal policies as the paper's (phi(s') - phi(s))^T z: the
// discounted sum of the latter is (1 - gamma) times that of phi(s')^T z, less phi(s)^T z, as long
// as no episode terminates.
//
// Source: Park, Kreiman & Levine 2024, arXiv:2402.15567, equations 5 to 8; the authors' code
// (seohongpark/HILP, hilp_zsrl/url_benchmark/agent/sf.py), with its hyper-parameters. Differs:
// networks 256 wide and batches of 256; C is a running average, as in facebookresearch's TD-JEPA
// code (marbaga/td_jepa_public, agents/sf), instead of that of the batch, and has a small ridge;
// the regression has an intercept; phi has no last bias, which no distance depends on; a goal may
// be an episode's last state; the share of reached states among the tasks is the same in every
// batch; phi and its statistics are updated before F learns from them.
struct HilpConfig : AgentConfig, ZeroShotOptions {
  double distance_gamma = 0.98;
  double expectile = 0.5;
  double feature_learning_rate = 5e-4;
  double feature_tau = 0.005;
  double random_goal_share = 0.375;
  double future_gamma = 0.99;

  void describe(ConfigFields& fields) override;

  // Throws Error as zero_shot::Inputs.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry hilp_entry();

}  // namespace reverie
