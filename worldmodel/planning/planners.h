#pragma once

#include <memory>

#include <ATen/core/TensorBody.h>

#include "worldmodel/planning/planner.h"

namespace reverie {

// The planners one by one; make_planner() chooses. Options are taken as checked. Proposals of the
// problem are candidates in the first iteration; what they teach is carried on by the elites.

// The cross-entropy method (Rubinstein 1999; de Boer et al. 2005): mean and standard deviation of
// each number of the plan are fitted to the K cheapest of S Gaussian candidates, again and again.
// The first candidate is the mean itself. Returns the last mean.
//
// Source: LeWorldModel, arXiv:2603.19312, by stable-worldmodel's planning/solver/cem.py @addbab4:
// the standard deviation of the elites is that of a sample (divided by K - 1). differs: candidates
// are clamped to the limits; all worlds in one batch.
std::unique_ptr<Planner> make_cem(const PlannerOptions& options);

// iCEM (Pinneri et al. 2020, arXiv:2008.06389, algorithm 1): CEM whose noise is correlated in time
// (coloured_noise_basis), whose number of samples decays, S_i = max(S / decay^i, 2 K), whose best
// elites take part in the next iteration too, whose distribution has momentum, and which returns
// the cheapest candidate, not the mean.
//
// Smooth noise pays on long horizons. On a handful of steps it finds jagged plans late: there use
// --noise-beta 0.
//
// differs: elites are not carried from plan to plan (planners have no memory: pass the rest of the
// plan before as the guess); the mean is a candidate in the first iteration as in the last, so that
// no plan is worse than its guess where elites are kept; a fixed number of them is kept, not a
// share; the number of samples does not decay unless it is asked to (by 1.25 in the paper).
std::unique_ptr<Planner> make_icem(const PlannerOptions& options);

// Model predictive path integral control (Williams et al. 2017) as TD-MPC uses it (Hansen et al.
// 2022, arXiv:2203.04955, section 3): mean and standard deviation are those of the K cheapest
// candidates, weighted by
//
//   w_k ~ exp(-(J_k - J_1) / (temperature * std(J)))
//
// the variance as from so few independent samples: divided by 1 - sum w^2. Returns the last mean.
//
// differs: the temperature is in units of the elites' spread of costs, so that it need not be tuned
// to the scale of a cost; the standard deviation has no lower bound unless min_std asks for one;
// proposals take part in the first iteration, not in all.
std::unique_ptr<Planner> make_mppi(const PlannerOptions& options);

// Gradient descent through the model: Adam on S sequences at once, all of which begin at the guess
// plus noise but for the first, which is the guess, and the proposals, which are where they begin.
// After each step they are clamped to the limits.
// Returns the cheapest sequence that was seen.
//
// Source: LeWorldModel's Adam solver. differs: plain Adam; it has AdamW, whose decay pulls actions
// towards 0.
std::unique_ptr<Planner> make_gradient_planner(const PlannerOptions& options);

// CEM for discrete actions: the chances of each choice at each step are fitted to how often it
// occurs among the K cheapest of S candidates, with Laplace's smoothing and momentum. The first
// candidate is the likeliest sequence. Returns the cheapest candidate that was seen.
//
// In the first iteration the first candidate begins with the guess, and at the steps of the guess
// half of all draws are its choices; at the steps behind it all choices are alike.
// Source: stable-worldmodel's planning/solver/categorical_cem.py @addbab4. differs: it returns the
// likeliest sequence and ignores guesses.
std::unique_ptr<Planner> make_categorical_cem(const PlannerOptions& options);

// The matrix M [T, T] float32 that turns T independent standard normal numbers n into noise M n of
// T steps with the power spectrum 1 / f^beta and variance 1 at each step; f = 0 has the power of
// f = 1 / T. beta = 0 is white noise, 2 a random walk's.
//
// Source: Timmer & König 1995. differs: in the time domain, through the real Fourier basis: the
// same distribution; the share of f = 0 counts for the variance too.
at::Tensor coloured_noise_basis(int64_t steps, double beta);

}  // namespace reverie
