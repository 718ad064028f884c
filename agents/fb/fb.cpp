#include "agents/fb/fb.h"

#include <algorithm>

#include "agents/continuous_actions.h"
#include "agents/fb/fb_networks.h"
#include "agents/observation_features.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void FbConfig::describe(ConfigFields& f) {
  f.add("task_size", task_size, "numbers of a task z", between(1, 65536));
  f.add("hidden_size", hidden_size, "width of every hidden layer", between(2, 65536));
  f.add("learning_rate", learning_rate, "Adam's step size of F", above(0));
  f.add("backward_learning_rate", backward_learning_rate, "Adam's step size of B", above(0));
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size of the actor", above(0));
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("minibatch", minibatch, "transitions per update", between(2, 1 << 20));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("orthonormality", orthonormality, "weight of the loss that keeps B's outputs orthonormal",
        at_least(0));
  f.add("goal_share", goal_share, "share of a batch's tasks that are those of reached states",
        between(0, 1));
  f.add("noise", noise,
        "standard deviation of the noise on actions, learnt from and explored with, in units of "
        "half the action range",
        at_least(0));
  f.add("noise_clip", noise_clip, "largest noise on actions", at_least(0));
  f.add("goal_numbers", goal_numbers,
        "numbers of the observation that a goal consists of, which B reads; empty = all "
        "(point mazes: 0,1)",
        between(0, 65535));
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by running mean and variance");
}

namespace {

constexpr const char* kGoal = "desired_goal";

// What F reads: the environment's state without its goals.
EnvSpec without_goals(const EnvSpec& spec) {
  EnvSpec state = spec;
  std::erase_if(state.observation, [](const Field& field) {
    return field.name == kGoal || field.name == "achieved_goal";
  });
  return state;
}

class Fb final : public TaskAgent {
 public:
  Fb(const EnvSpec& spec, const FbConfig& config, at::Device device, uint64_t seed)
      : Fb(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  SampleRequest request() const override {
    return {.batch = config_.minibatch, .spec = {.gamma = config_.gamma}};
  }

  Learned update(const Batch& batch) override {
    noise_.reseed(rng_.next_uint64());
    const at::Tensor s = features_(batch.obs), s_next = features_(batch.next_obs);
    const at::Tensor g = goal_part(s_next);
    keep_for_task(batch.next_obs, batch.reward);
    const at::Tensor z = draw_tasks(g);

    const at::Tensor target = batch.discount.unsqueeze(1) * target_measure(s_next, g, z);  // [B, B]
    const at::Tensor b = backward_(g);                                                     // [B, d]
    const at::Tensor measure = at::matmul(forward_(s, batch.action, z), b.t());  // [2, B, B]
    const at::Tensor apart = (measure - target).square();
    const at::Tensor fb_loss = 0.5 * off_diagonal_mean(apart) - diagonal_mean(measure);
    const at::Tensor gram = at::mm(b, b.t()).unsqueeze(0);
    const at::Tensor orthonormality = off_diagonal_mean(gram.square()) - 2.0 * diagonal_mean(gram);
    minimize(fb_loss + config_.orthonormality * orthonormality,
             {&forward_optimizer_, &backward_optimizer_});

    const at::Tensor actor_loss = update_actor(s, z);
    target_forward_.parameters().soft_update(forward_.parameters(), config_.tau);
    target_backward_.parameters().soft_update(backward_.parameters(), config_.tau);
    return {.metrics = {{"loss/measure", fb_loss.detach()},
                        {"loss/orthonormality", orthonormality.detach()},
                        {"loss/actor", actor_loss}}};
  }

  void pursue(const TensorMap& obs, const at::Tensor& reward) override {
    task_rewards_.zero_();
    task_samples_ = 0;
    keep_for_task(obs, reward.to(device()));
  }

  bool follows_goals() const override { return shows_goals_; }

  bool has_reward() const override { return task_rewards_.ne(0).any().item<bool>(); }

  at::Tensor values(const TensorMap& obs) const override {
    const at::NoGradGuard no_grad;
    const auto [f, z] = measured_forward(obs);
    return (f * z).sum(2).amin(0).cpu();
  }

  at::Tensor occupancy(const TensorMap& start, const TensorMap& states) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor f = measured_forward(start).f.mean(0);  // [1, d]
    return at::mm(f, backward_(goal_part(features_(states))).t()).squeeze(0).cpu();
  }

  // z that evaluation pursues where obs are seen: [N, d], or [1, d] of all.
  at::Tensor pursued_task(const TensorMap& obs) const {
    return shows_goals_ ? goal_task(obs.at(kGoal)) : reward_task();
  }

  // z of the reward of the samples: [1, d].
  at::Tensor reward_task() const {
    const at::NoGradGuard no_grad;
    const at::Tensor b = backward_(read_goals(task_goals_));  // those that are not there earn 0
    return fb::on_sphere((task_rewards_.unsqueeze(1) * b).mean(0, true));
  }

  // z of goals [N, G] in the environment's units: [N, d].
  at::Tensor goal_task(const at::Tensor& goals) const {
    const at::NoGradGuard no_grad;
    return backward_(read_goals(goals.to(device(), at::kFloat)));
  }

  at::Tensor random_task(int64_t count, const NoiseSource& noise) const {
    return fb::on_sphere(noise.normal({count, config_.task_size}));
  }

  // clip(mu(s, z) + eps): [N, A] on the CPU, without gradient.
  at::Tensor explore(const TensorMap& obs, const at::Tensor& z, const NoiseSource& noise) const {
    const at::NoGradGuard no_grad;
    return smoothing_.smoothed(actor_(features_(obs), z), noise).cpu();
  }

  // mu(s, z) of the environments' observations: [N, A] in [-1, 1] on the CPU.
  at::Tensor act(const TensorMap& obs, const at::Tensor& z) const {
    const at::NoGradGuard no_grad;
    const at::Tensor s = features_(obs);
    return actor_(s, z.expand({s.size(0), -1})).cpu();
  }

  at::Device device() const { return features_.device(); }

  void state(StateList& list) override {
    list.add("forward", forward_);
    list.add("backward", backward_);
    list.add("actor", actor_);
    list.add("target_forward", target_forward_);
    list.add("target_backward", target_backward_);
    list.add("forward", forward_optimizer_);
    list.add("backward", backward_optimizer_);
    list.add("actor", actor_optimizer_);
    list.add_weights("task.goals", task_goals_);
    list.add_weights("task.rewards", task_rewards_);
    list.add("task.samples", task_samples_);
    list.add("agent.rng", rng_);
    features_.state(list);
  }

 private:
  Fb(const EnvSpec& spec, const FbConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        smoothing_({.target_noise = config.noise, .target_noise_clip = config.noise_clip}),
        features_(without_goals(spec), config.normalize_observation, device),
        goal_numbers_(goal_numbers(config, features_.size(), device)),
        sizes_({.state = features_.size(),
                .action = continuous_action_size(spec),
                .goal = goal_numbers_.size(0),
                .task = config.task_size,
                .hidden = config.hidden_size}),
        forward_(sizes_, rng, device),
        backward_(sizes_, rng, device),
        actor_(sizes_, rng, device),
        target_forward_(forward_),
        target_backward_(backward_),
        forward_optimizer_(forward_.parameters(), {.learning_rate = config.learning_rate}),
        backward_optimizer_(backward_.parameters(),
                            {.learning_rate = config.backward_learning_rate}),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        shows_goals_(shows_goals(spec, sizes_.goal)),
        task_goals_(at::zeros({kSamples, sizes_.goal}, at::device(device))),
        task_rewards_(at::zeros({kSamples}, at::device(device))),
        rng_(update_rng(seed)),
        noise_(device, 0) {}

  // F(s, mu(s, z), z) [2, N, d] of the pursued task z [N or 1, d].
  struct Measured {
    at::Tensor f, z;
  };
  Measured measured_forward(const TensorMap& obs) const {
    const at::Tensor s = features_(obs), z = pursued_task(obs);
    const at::Tensor each = z.expand({s.size(0), -1});
    return {.f = forward_(s, actor_(s, each), each), .z = z};
  }

  static at::Tensor goal_numbers(const FbConfig& config, int64_t size, at::Device device) {
    if (config.goal_numbers.empty()) return at::arange(size, at::device(device).dtype(at::kLong));
    for (const int64_t number : config.goal_numbers) {
      REVERIE_CHECK(number < size, "--goal-numbers {}: the observation has {} numbers, from 0 on",
                    number, size);
    }
    return at::tensor(config.goal_numbers).to(device);
  }

  static bool shows_goals(const EnvSpec& spec, int64_t size) {
    for (const Field& field : spec.observation) {
      if (field.name != kGoal) continue;
      REVERIE_CHECK(field.numel() == size,
                    "--goal-numbers: {} shows goals of {} numbers, and B reads {}; expected the "
                    "numbers of the observation that they are (point mazes: 0,1)",
                    spec.id, field.numel(), size);
      return true;
    }
    return false;
  }

  // Goals [N, G] in the environment's units as B reads them.
  at::Tensor read_goals(const at::Tensor& goals) const {
    const at::Tensor state = at::zeros({goals.size(0), features_.size()}, goals.options());
    state.index_copy_(1, goal_numbers_, goals);
    return goal_part(features_.normalized(state));
  }

  at::Tensor goal_part(const at::Tensor& s) const { return s.index_select(1, goal_numbers_); }

  static at::Tensor diagonal_mean(const at::Tensor& x) {  // x: [K, B, B]; summed over K
    return x.diagonal(0, 1, 2).mean(1).sum();
  }

  static at::Tensor off_diagonal_mean(const at::Tensor& x) {
    const auto n = static_cast<double>(x.size(1));
    return (x.sum({1, 2}) - x.diagonal(0, 1, 2).sum(1)).sum() / (n * (n - 1.0));
  }

  // Tasks of the batch: [B, d]. g: goals of the next states.
  at::Tensor draw_tasks(const at::Tensor& g) const {
    const at::NoGradGuard no_grad;
    const at::Tensor z = random_task(g.size(0), noise_);
    const auto count = static_cast<int64_t>(config_.goal_share * static_cast<double>(g.size(0)));
    const auto draw = [&] { return noise_.permutation(g.size(0)).slice(0, 0, count); };
    const at::Tensor rows = draw(), goals = draw();
    return z.index_copy(0, rows, backward_(g.index_select(0, goals)));
  }

  // clip(mu(s, z) + eps); the gradient passes the clip.
  at::Tensor noisy_action(const at::Tensor& s, const at::Tensor& z) const {
    const at::Tensor mu = actor_(s, z);
    return mu + (smoothing_.smoothed(mu, noise_) - mu).detach();
  }

  // The smaller of both F'(s', a', z)^T B'(g): [B, B].
  at::Tensor target_measure(const at::Tensor& s_next, const at::Tensor& g,
                            const at::Tensor& z) const {
    const at::NoGradGuard no_grad;
    const at::Tensor f = target_forward_(s_next, noisy_action(s_next, z), z);
    return at::matmul(f, target_backward_(g).t()).amin(0);
  }

  at::Tensor update_actor(const at::Tensor& s, const at::Tensor& z) {
    const Frozen frozen({&forward_.parameters()});
    const at::Tensor q = (forward_(s, noisy_action(s, z), z) * z).sum(2).amin(0);
    const at::Tensor loss = -q.mean();
    minimize(loss, {&actor_optimizer_});
    return loss.detach();
  }

  void keep_for_task(const TensorMap& obs, const at::Tensor& reward) {
    const int64_t count = std::min(reward.size(0), kSamples - task_samples_);
    if (count <= 0) return;
    const at::Tensor g = goal_part(features_.joined(obs));
    task_goals_.slice(0, task_samples_, task_samples_ + count).copy_(g.slice(0, 0, count));
    task_rewards_.slice(0, task_samples_, task_samples_ + count).copy_(reward.slice(0, 0, count));
    task_samples_ += count;
  }

  const FbConfig config_;
  const SmoothingOptions smoothing_;  // eps
  ObservationFeatures features_;
  at::Tensor goal_numbers_;  // [G] int64
  const fb::Sizes sizes_;
  fb::Forward forward_;
  fb::Backward backward_;
  fb::Policy actor_;
  fb::Forward target_forward_;
  fb::Backward target_backward_;
  Adam forward_optimizer_, backward_optimizer_, actor_optimizer_;
  const bool shows_goals_;
  at::Tensor task_goals_, task_rewards_;  // [kSamples, G] in the environment's units, [kSamples]
  int64_t task_samples_ = 0;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
};

// Explores with a random task for each episode and noise on actions.
class FbActor final : public Actor {
 public:
  FbActor(const Fb& agent, int64_t num_envs, bool explores, uint64_t seed)
      : agent_(agent),
        explores_(explores),
        starting_(at::ones({num_envs}, at::kBool)),
        rng_(seed),
        noise_(agent.device(), 0) {}

  Decision act(const TensorMap& obs) override {
    if (explores_) return {explore(obs)};
    if (agent_.follows_goals() || !task_.defined()) task_ = agent_.pursued_task(obs);
    return {agent_.act(obs, task_)};
  }

  void on_episode_start(const at::Tensor& env_mask) override { starting_.logical_or_(env_mask); }

  void state(StateList& list) override {
    list.add("rng", rng_);
    list.add_changing("task", task_, agent_.device());
    list.add_changing("starting", starting_, at::kCPU);
  }

 private:
  at::Tensor explore(const TensorMap& obs) {
    noise_.reseed(rng_.next_uint64());
    const at::Tensor drawn = agent_.random_task(starting_.size(0), noise_);
    const at::Tensor anew = starting_.unsqueeze(1).to(agent_.device());
    task_ = task_.defined() ? at::where(anew, drawn, task_) : drawn;
    starting_.zero_();
    return agent_.explore(obs, task_, noise_);
  }

  const Fb& agent_;
  const bool explores_;
  at::Tensor task_;      // [N, d], or [1, d] of all; undefined before the first act()
  at::Tensor starting_;  // [N] bool
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every step
};

std::unique_ptr<Actor> Fb::actor(int64_t num_envs, const Acting& acting, uint64_t seed) {
  return std::make_unique<FbActor>(*this, num_envs, acting.mode == ActMode::kExplore, seed);
}

}  // namespace

std::unique_ptr<Agent> FbConfig::make(const EnvSpec& spec, at::Device device, uint64_t seed) const {
  return std::make_unique<Fb>(spec, *this, device, seed);
}

AgentEntry fb_entry() {
  return {.name = "fb",
          .summary = "forward-backward representations: a policy for any reward (Touati 2021)",
          .config = [] { return std::make_unique<FbConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
