#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "agents/observation_features.h"
#include "agents/off_policy/options.h"
#include "agents/zero_shot/networks.h"
#include "agents/zero_shot/options.h"
#include "nn/adam.h"
#include "nn/noise_source.h"

namespace reverie::zero_shot {

// What the agent reads of an environment. A state consists of the S floating-point numbers of the
// observation beside its goals, a goal of those G of them that `goal_numbers` names.
class Inputs {
 public:
  // Throws Error for discrete actions, for an environment without floating-point fields beside its
  // goals, for goal_numbers that it does not have, and for goals of another size.
  Inputs(const EnvSpec& spec, const ZeroShotOptions& options, at::Device device);

  at::Device device() const { return features_.device(); }
  int64_t state_size() const { return features_.size(); }      // S
  int64_t goal_size() const { return goal_numbers_.size(0); }  // G
  int64_t action_size() const { return action_size_; }         // A
  bool shows_goals() const { return shows_goals_; }            // desired_goal is observed

  at::Tensor state_of(const TensorMap& obs) const { return features_(obs); }  // [N, S]
  at::Tensor goal_part(const at::Tensor& s) const { return s.index_select(1, goal_numbers_); }
  at::Tensor goal_part_of(const TensorMap& obs) const;  // in the environment's units: [N, G]
  // Goals [N, G] in the environment's units as goal_part() gives them.
  at::Tensor read_goals(const at::Tensor& goals) const;

  void observe(const TensorMap& obs) { features_.observe(obs); }
  void state(StateList& list) { features_.state(list); }

 private:
  ObservationFeatures features_;
  int64_t action_size_;
  at::Tensor goal_numbers_;  // [G] int64
  bool shows_goals_;
};

// What agents share that learn features f(s) of states without a reward, and with them a policy
// for every task z in R^d: pi_z maximises the reward f(s')^T z.
//
//   F         two estimates of what pi_z reaches after an action: sums of features, discounted
//   actor     maximise  mean of q(F_1, F_2),  q = min over i of F_i(x, a, z)^T z,
//             a = clip(mu(x, z) + eps)
//   targets   F' <- (1 - tau) F' + tau F
//
// with eps ~ clip(N(0, noise^2), -noise_clip, noise_clip). x is s, or a latent of it. The tasks of
// a batch are uniform on the sphere of radius sqrt(d); those of a share `goal_share` of the batch,
// drawn at random, are the tasks of next states of the batch.
//
// Evaluation pursues the task of the goal, where the environment shows a `desired_goal`; else that
// of the data's own reward, from the first 10,000 transitions that were learnt from, or that of
// another environment (TaskAgent::pursue()). Exploration pursues a random task in each episode,
// with noise on actions.
//
// A derived class says what the features are, and how they and F learn.
class ZeroShotAgent : public TaskAgent {
 public:
  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;
  void observe(const TensorMap& obs) override { inputs_.observe(obs); }
  SampleRequest request() const override;
  void pursue(const TensorMap& obs, const at::Tensor& reward) override;
  bool follows_goals() const override { return inputs_.shows_goals(); }
  bool has_reward() const override;
  at::Tensor values(const TensorMap& obs) const override;
  at::Tensor occupancy(const TensorMap& start, const TensorMap& states) const override;
  void state(StateList& list) override;

  // For the actor.
  at::Device device() const { return inputs_.device(); }

  // z that evaluation pursues where obs are seen: [N, d], or [1, d] of all.
  at::Tensor pursued_task(const TensorMap& obs) const;

  at::Tensor random_task(int64_t count, const NoiseSource& noise) const;  // [count, d]

  // mu(x, z) of the environments' observations: [N, A] in [-1, 1] on the CPU. z: [N or 1, d].
  at::Tensor act(const TensorMap& obs, const at::Tensor& z) const;

  // clip(mu(x, z) + eps): [N, A] on the CPU.
  at::Tensor explore(const TensorMap& obs, const at::Tensor& z, const NoiseSource& noise) const;

 protected:
  struct Networks {
    Forward forward;
    Policy actor;
  };
  // latent_size: X.
  static Networks networks(const ZeroShotOptions& options, const Inputs& inputs,
                           int64_t latent_size, Rng& rng);

  ZeroShotAgent(const ZeroShotOptions& options, const Inputs& inputs, const Networks& networks,
                uint64_t seed);

  // f of goals as goal_part() gives them [N, G]: [N, d].
  virtual at::Tensor features(const at::Tensor& g) const = 0;

  // The task of being at a state, from its features: [N, d] on the sphere.
  virtual at::Tensor task_of(const at::Tensor& f) const = 0;

  // The density, relative to the data's distribution, of states of features f [M, d] in the
  // discounted occupancy that F [1, d] sums up: [M].
  virtual at::Tensor relative_density(const at::Tensor& sum, const at::Tensor& f) const = 0;

  // The task of goals in the environment's units [N, G], seen from s [N, S]: task_of() by default.
  virtual at::Tensor goal_task(const at::Tensor& s, const at::Tensor& goals) const;

  // The task of a reward r [n] at states of features f [n, d], not on the sphere: the regression of
  // r on f by default. Rows from `known` on are 0, and so are their rewards.
  virtual at::Tensor reward_task(const at::Tensor& f, const at::Tensor& r, int64_t known) const;

  virtual at::Tensor latent(const at::Tensor& s) const { return s; }  // x: [N, X]

  // One value of both q_i [2, N]: [N].
  virtual at::Tensor judged(const at::Tensor& q) const { return q.amin(0); }

  // Begins an update: its noise, and samples of the reward.
  struct Transitions {
    at::Tensor s, a, s_next;  // [B, S], [B, A], [B, S]
    at::Tensor g_next;        // goal_part(s_next): [B, G]
    at::Tensor discount;      // [B, 1]
  };
  Transitions begin(const Batch& batch);

  at::Tensor draw_tasks(const at::Tensor& g_next) const;  // [B, d]

  // Of the samples that the task is inferred from: [n].
  at::Tensor known_rewards() const { return task_rewards_.slice(0, 0, task_samples_); }

  // clip(mu(x, z) + eps); the gradient passes the clip.
  at::Tensor noisy_action(const at::Tensor& x, const at::Tensor& z) const;

  at::Tensor update_actor(const at::Tensor& x, const at::Tensor& z);  // its loss

  void update_target() { target_forward_.parameters().soft_update(forward_.parameters(), tau_); }

  Inputs inputs_;
  Forward forward_, target_forward_;  // F, F'
  Adam forward_optimizer_;

 private:
  // F(x, mu(x, z), z) [2, N, d] of the pursued task z [N or 1, d].
  struct Measured {
    at::Tensor f, z;
  };
  Measured measured_forward(const TensorMap& obs) const;
  void keep_for_task(const TensorMap& obs, const at::Tensor& reward);

  const ZeroShotOptions options_;
  const double tau_;
  const SmoothingOptions smoothing_;  // eps
  Policy actor_;
  Adam actor_optimizer_;
  at::Tensor task_goals_, task_rewards_;  // [kSamples, G] in the environment's units, [kSamples]
  int64_t task_samples_ = 0;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
};

}  // namespace reverie::zero_shot
