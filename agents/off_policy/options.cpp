#include "agents/off_policy/options.h"

#include "agents/noisy_actor.h"
#include "agents/observation_encoder.h"
#include "nn/pch.h"

namespace reverie {

void SamplingOptions::describe(ConfigFields& f) {
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("n_step", n_step, "rewards summed before the bootstrap [steps]", between(1, 1000));
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
}

SampleRequest SamplingOptions::request() const {
  return {.batch = minibatch, .spec = {.n_step = n_step, .gamma = gamma}};
}

void ActorCriticOptions::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of actor and critics",
        between(1, 65536));
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size for the actor", above(0));
  f.add("critic_learning_rate", critic_learning_rate,
        "Adam's step size for the critics, and for the convolutions of pictures", above(0));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by running mean and variance");
}

void PictureOptions::describe(ConfigFields& f) {
  ObservationEncoder::describe_convolutions(f, convolutions);
  f.add("random_shift", random_shift,
        "pictures are learnt from moved by up to so many pixels, at random; 0 = as they are "
        "[pixels]",
        between(0, 1000));
  f.add("feature_size", feature_size, "numbers that each network makes of the convolutions first",
        between(1, 65536));
}

void DeterministicOptions::describe(ConfigFields& f) {
  f.add("exploration_noise", exploration_noise,
        "standard deviation of the noise on actions, in units of half the action range",
        at_least(0));
  f.add("noise_correlation", noise_correlation,
        "correlation of that noise with the noise of the step before; 0 = independent, 0.9 = lasts "
        "about ten steps (Ornstein-Uhlenbeck)",
        {.low = 0, .high = 1, .open_high = true});
  f.set_lifelong({"noise_correlation"});
  describe_acting(f);
}

void DeterministicOptions::describe_acting(ConfigFields& f) {
  f.add("action_bound", action_bound,
        "evaluation keeps actions in their range by tanh, as training does, or by clipping what "
        "tanh would read",
        {"tanh", "clip"});
}

std::unique_ptr<Actor> DeterministicOptions::actor(Policy u, int64_t num_envs, const Acting& acting,
                                                   uint64_t seed) const {
  const bool explores = acting.mode == ActMode::kExplore;
  const bool clips = !explores && action_bound == "clip";
  const auto policy = [u = std::move(u), clips](const TensorMap& obs) {
    const at::NoGradGuard no_grad;
    const at::Tensor raw = u(obs);
    return (clips ? raw.clamp(-1.0, 1.0) : at::tanh(raw)).cpu();
  };
  const ExplorationNoise noise{.deviation = explores ? exploration_noise : 0.0,
                               .correlation = noise_correlation};
  return std::make_unique<NoisyActor>(policy, num_envs, noise, seed);
}

at::Tensor imitating_loss(const at::Tensor& q, double weight, const at::Tensor& distance) {
  if (weight == 0.0) return -q.mean();
  return -q.mean() / q.detach().abs().mean() + weight * distance;
}

void CloningOptions::describe(ConfigFields& f) {
  f.add("bc_weight", bc_weight,
        "weight of the distance to the data's actions in the actor's loss, for datasets; 0 = none",
        at_least(0));
  f.add("bc_distance", bc_distance,
        "that distance: squares of the numbers of an action, their mean or their sum",
        {"mean", "sum"});
}

at::Tensor CloningOptions::actor_loss(const at::Tensor& q, const at::Tensor& mu,
                                      const at::Tensor& a) const {
  const at::Tensor squares = (mu - a).square();
  return imitating_loss(q, bc_weight,
                        bc_distance == "sum" ? squares.sum(1).mean() : squares.mean());
}

void SmoothingOptions::describe(ConfigFields& f) {
  f.add("target_noise", target_noise,
        "standard deviation of the noise on the target policy's actions, in units of half the "
        "action range",
        at_least(0));
  f.add("target_noise_clip", target_noise_clip, "largest noise on the target policy's actions",
        at_least(0));
}

at::Tensor SmoothingOptions::smoothed(const at::Tensor& a, const NoiseSource& noise) const {
  const double c = target_noise_clip;
  const at::Tensor eps = (target_noise * noise.normal(a.sizes())).clamp(-c, c);
  return (a + eps).clamp(-1.0, 1.0);
}

}  // namespace reverie
