#include "agents/zero_shot/zero_shot_agent.h"

#include <algorithm>

#include "agents/continuous_actions.h"
#include "agents/zero_shot/feature_statistics.h"
#include "nn/pch.h"

namespace reverie::zero_shot {
namespace {

constexpr const char* kGoal = "desired_goal";

EnvSpec without_goals(const EnvSpec& spec) {
  EnvSpec state = spec;
  std::erase_if(state.observation, [](const Field& field) {
    return field.name == kGoal || field.name == "achieved_goal";
  });
  return state;
}

at::Tensor numbers_of_goals(const ZeroShotOptions& options, int64_t size, at::Device device) {
  if (options.goal_numbers.empty()) return at::arange(size, at::device(device).dtype(at::kLong));
  for (const int64_t number : options.goal_numbers) {
    REVERIE_CHECK(number < size, "--goal-numbers {}: the observation has {} numbers, from 0 on",
                  number, size);
  }
  return at::tensor(options.goal_numbers).to(device);
}

bool shows_goals_of(const EnvSpec& spec, int64_t size) {
  for (const Field& field : spec.observation) {
    if (field.name != kGoal) continue;
    REVERIE_CHECK(
        field.numel() == size,
        "--goal-numbers: {} shows goals of {} numbers, and a goal is read as {}; expected "
        "the numbers of the observation that they are (point mazes: 0,1)",
        spec.id, field.numel(), size);
    return true;
  }
  return false;
}

}  // namespace

Inputs::Inputs(const EnvSpec& spec, const ZeroShotOptions& options, at::Device device)
    : features_(without_goals(spec), options.normalize_observation, device),
      action_size_(continuous_action_size(spec)),
      goal_numbers_(numbers_of_goals(options, features_.size(), device)),
      shows_goals_(shows_goals_of(spec, goal_size())) {}

at::Tensor Inputs::goal_part_of(const TensorMap& obs) const {
  return goal_part(features_.joined(obs));
}

at::Tensor Inputs::read_goals(const at::Tensor& goals) const {
  const at::Tensor state = at::zeros({goals.size(0), features_.size()}, goals.options());
  state.index_copy_(1, goal_numbers_, goals);
  return goal_part(features_.normalized(state));
}

ZeroShotAgent::Networks ZeroShotAgent::networks(const ZeroShotOptions& options,
                                                const Inputs& inputs, int64_t latent_size,
                                                Rng& rng) {
  const Sizes sizes{.state = latent_size,
                    .action = inputs.action_size(),
                    .task = options.task_size,
                    .hidden = options.hidden_size,
                    .outputs = options.task_size};
  return {.forward = Forward(sizes, rng, inputs.device()),
          .actor = Policy(sizes, rng, inputs.device())};
}

ZeroShotAgent::ZeroShotAgent(const ZeroShotOptions& options, const Inputs& inputs,
                             const Networks& networks, uint64_t seed)
    : inputs_(inputs),
      forward_(networks.forward),
      target_forward_(networks.forward),
      forward_optimizer_(forward_.parameters(), {.learning_rate = options.learning_rate}),
      options_(options),
      tau_(options.tau),
      smoothing_({.target_noise = options.noise, .target_noise_clip = options.noise_clip}),
      actor_(networks.actor),
      actor_optimizer_(actor_.parameters(), {.learning_rate = options.actor_learning_rate}),
      task_goals_(at::zeros({kSamples, inputs.goal_size()}, at::device(inputs.device()))),
      task_rewards_(at::zeros({kSamples}, at::device(inputs.device()))),
      rng_(update_rng(seed)),
      noise_(inputs.device(), 0) {}

SampleRequest ZeroShotAgent::request() const {
  return {.batch = options_.minibatch, .spec = {.gamma = options_.gamma}};
}

ZeroShotAgent::Transitions ZeroShotAgent::begin(const Batch& batch) {
  noise_.reseed(rng_.next_uint64());
  const at::Tensor s = inputs_.state_of(batch.obs), s_next = inputs_.state_of(batch.next_obs);
  keep_for_task(batch.next_obs, batch.reward);
  return {.s = s,
          .a = batch.action,
          .s_next = s_next,
          .g_next = inputs_.goal_part(s_next),
          .discount = batch.discount.unsqueeze(1)};
}

at::Tensor ZeroShotAgent::random_task(int64_t count, const NoiseSource& noise) const {
  return on_sphere(noise.normal({count, options_.task_size}));
}

at::Tensor ZeroShotAgent::draw_tasks(const at::Tensor& g_next) const {
  const at::NoGradGuard no_grad;
  const int64_t size = g_next.size(0);
  const at::Tensor z = random_task(size, noise_);
  const auto count = static_cast<int64_t>(options_.goal_share * static_cast<double>(size));
  const auto draw = [&] { return noise_.permutation(size).slice(0, 0, count); };
  const at::Tensor rows = draw(), goals = draw();
  return z.index_copy(0, rows, task_of(features(g_next.index_select(0, goals))));
}

at::Tensor ZeroShotAgent::noisy_action(const at::Tensor& x, const at::Tensor& z) const {
  const at::Tensor mu = actor_(x, z);
  return mu + (smoothing_.smoothed(mu, noise_) - mu).detach();
}

at::Tensor ZeroShotAgent::update_actor(const at::Tensor& x, const at::Tensor& z) {
  const Frozen frozen({&forward_.parameters()});
  const at::Tensor q = judged((forward_(x, noisy_action(x, z), z) * z).sum(2));
  const at::Tensor loss = -q.mean();
  minimize(loss, {&actor_optimizer_});
  return loss.detach();
}

void ZeroShotAgent::keep_for_task(const TensorMap& obs, const at::Tensor& reward) {
  const int64_t count = std::min(reward.size(0), kSamples - task_samples_);
  if (count <= 0) return;
  const at::Tensor g = inputs_.goal_part_of(obs);
  task_goals_.slice(0, task_samples_, task_samples_ + count).copy_(g.slice(0, 0, count));
  task_rewards_.slice(0, task_samples_, task_samples_ + count).copy_(reward.slice(0, 0, count));
  task_samples_ += count;
}

void ZeroShotAgent::pursue(const TensorMap& obs, const at::Tensor& reward) {
  task_rewards_.zero_();
  task_samples_ = 0;
  keep_for_task(obs, reward.to(device()));
}

bool ZeroShotAgent::has_reward() const { return task_rewards_.ne(0).any().item<bool>(); }

at::Tensor ZeroShotAgent::reward_task(const at::Tensor& f, const at::Tensor& r,
                                      int64_t known) const {
  return regressed(f.slice(0, 0, known), r.slice(0, 0, known));
}

at::Tensor ZeroShotAgent::goal_task(const at::Tensor& /*s*/, const at::Tensor& goals) const {
  return task_of(features(inputs_.read_goals(goals)));
}

at::Tensor ZeroShotAgent::pursued_task(const TensorMap& obs) const {
  const at::NoGradGuard no_grad;
  if (follows_goals()) {
    return goal_task(inputs_.state_of(obs), obs.at(kGoal).to(device(), at::kFloat));
  }
  const at::Tensor f = features(inputs_.read_goals(task_goals_));
  return on_sphere(reward_task(f, task_rewards_, task_samples_));
}

at::Tensor ZeroShotAgent::act(const TensorMap& obs, const at::Tensor& z) const {
  const at::NoGradGuard no_grad;
  const at::Tensor x = latent(inputs_.state_of(obs));
  return actor_(x, z.expand({x.size(0), -1})).cpu();
}

at::Tensor ZeroShotAgent::explore(const TensorMap& obs, const at::Tensor& z,
                                  const NoiseSource& noise) const {
  const at::NoGradGuard no_grad;
  return smoothing_.smoothed(actor_(latent(inputs_.state_of(obs)), z), noise).cpu();
}

ZeroShotAgent::Measured ZeroShotAgent::measured_forward(const TensorMap& obs) const {
  const at::Tensor x = latent(inputs_.state_of(obs)), z = pursued_task(obs);
  const at::Tensor each = z.expand({x.size(0), -1});
  return {.f = forward_(x, actor_(x, each), each), .z = z};
}

at::Tensor ZeroShotAgent::values(const TensorMap& obs) const {
  const at::NoGradGuard no_grad;
  const auto [f, z] = measured_forward(obs);
  return judged((f * z).sum(2)).cpu();
}

at::Tensor ZeroShotAgent::occupancy(const TensorMap& start, const TensorMap& states) const {
  const at::NoGradGuard no_grad;
  const at::Tensor sum = measured_forward(start).f.mean(0);  // [1, d]
  return relative_density(sum, features(inputs_.goal_part(inputs_.state_of(states)))).cpu();
}

void ZeroShotAgent::state(StateList& list) {
  list.add("forward", forward_);
  list.add("actor", actor_);
  list.add("target_forward", target_forward_);
  list.add("forward", forward_optimizer_);
  list.add("actor", actor_optimizer_);
  list.add_weights("task.goals", task_goals_);
  list.add_weights("task.rewards", task_rewards_);
  list.add("task.samples", task_samples_);
  list.add("agent.rng", rng_);
  inputs_.state(list);
}

namespace {

class ZeroShotActor final : public Actor {
 public:
  ZeroShotActor(const ZeroShotAgent& agent, int64_t num_envs, bool explores, uint64_t seed)
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

  const ZeroShotAgent& agent_;
  const bool explores_;
  at::Tensor task_;      // [N, d], or [1, d] of all; undefined before the first act()
  at::Tensor starting_;  // [N] bool
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every step
};

}  // namespace

std::unique_ptr<Actor> ZeroShotAgent::actor(int64_t num_envs, const Acting& acting, uint64_t seed) {
  return std::make_unique<ZeroShotActor>(*this, num_envs, acting.mode == ActMode::kExplore, seed);
}

}  // namespace reverie::zero_shot
