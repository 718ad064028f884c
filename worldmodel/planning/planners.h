#pragma once

#include <memory>

#include <ATen/core/TensorBody.h>

#include "worldmodel/planning/planner.h"

namespace reverie {

// The individual planners; make_planner() chooses one. Options must have been checked. Proposals of
// the problem are candidates in the first iteration; later iterations keep their influence through
// the elites.

// The cross-entropy method (Rubinstein 1999; de Boer et al. 2005): mean and standard deviation of
// each number of the plan are repeatedly fitted to the K cheapest of S Gaussian candidates. The
// first candidate is the mean itself. Returns the last mean.
//
// Source: LeWorldModel, arXiv:2603.19312, in stable-worldmodel's planning/solver/cem.py @addbab4:
// the elites' standard deviation divides by K - 1. differs: candidates are clamped to the limits;
// all worlds in one batch.
std::unique_ptr<Planner> make_cem(const PlannerOptions& options);

// iCEM (Pinneri et al. 2020, arXiv:2008.06389, algorithm 1): CEM with noise correlated in time
// (coloured_noise_basis), a decaying number of samples, S_i = max(S / decay^i, 2 K), momentum of
// the distribution, and the best elites as candidates of the next iteration. It returns the
// cheapest candidate instead of the mean.
//
// Smooth noise pays off on long horizons. On a horizon of a few steps it finds jagged plans late;
// use --noise-beta 0 there.
//
// differs: elites are not carried from plan to plan (planners have no memory: pass the rest of the
// previous plan as the guess); the mean is a candidate in the first iteration as well as in the
// last, so that no plan is worse than its guess if elites are kept; a fixed number of elites is
// kept, not a fraction; by default the number of samples does not decay (by 1.25 in the paper).
std::unique_ptr<Planner> make_icem(const PlannerOptions& options);

// Model predictive path integral control (Williams et al. 2017) as TD-MPC uses it (Hansen et al.
// 2022, arXiv:2203.04955, section 3): mean and standard deviation are those of the K cheapest
// candidates, weighted by
//
//   w_k ~ exp(-(J_k - J_1) / (temperature * std(J)))
//
// with the variance divided by 1 - sum w^2, as for the effective number of independent samples.
// Returns the last mean.
//
// differs: the temperature is in units of the elites' spread of costs, so it need not be tuned to
// the scale of a cost; the standard deviation has no lower bound unless min_std sets one; proposals
// take part in the first iteration, not in all.
std::unique_ptr<Planner> make_mppi(const PlannerOptions& options);

// Gradient descent through the model: Adam on S sequences at once. The first begins as the guess,
// the others as the guess plus noise, and the proposals as themselves. After each step all are
// clamped to the limits.
// Returns the cheapest sequence seen.
//
// Source: LeWorldModel's Adam solver. differs: plain Adam instead of AdamW, whose decay pulls
// actions towards 0.
std::unique_ptr<Planner> make_gradient_planner(const PlannerOptions& options);

// CEM for discrete actions: the probability of each choice at each step is fitted to its frequency
// among the K cheapest of S candidates, with Laplace smoothing and momentum. The first candidate is
// the likeliest sequence. Returns the cheapest candidate seen.
//
// In the first iteration the first candidate begins with the guess, and at the guess's steps half
// of all draws are its choices. At later steps all choices are equally likely.
// Source: stable-worldmodel's planning/solver/categorical_cem.py @addbab4. differs: the original
// returns the likeliest sequence and ignores guesses.
std::unique_ptr<Planner> make_categorical_cem(const PlannerOptions& options);

// The matrix M [T, T] float32 that turns T independent standard normal numbers n into noise M n of
// T steps with the power spectrum 1 / f^beta and variance 1 at each step; f = 0 has the power of
// f = 1 / T. beta = 0 is white noise, 2 a random walk's.
//
// Source: Timmer & König 1995. differs: computed in the time domain with the real Fourier basis,
// which gives the same distribution; f = 0 also contributes to the variance.
at::Tensor coloured_noise_basis(int64_t steps, double beta);

}  // namespace reverie
