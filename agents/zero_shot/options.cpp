#include "agents/zero_shot/options.h"

namespace reverie {

void ZeroShotOptions::describe(ConfigFields& f) {
  f.add("task_size", task_size, "numbers of a task z", between(1, 65536));
  f.add("hidden_size", hidden_size, "width of every hidden layer", between(2, 65536));
  f.add("learning_rate", learning_rate, "Adam's step size of the predictions of the future",
        above(0));
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size of the actor", above(0));
  f.add("gamma", gamma, "discount per environment step", {.low = 0, .high = 1, .open_high = true});
  f.add("minibatch", minibatch, "transitions per update", between(2, 1 << 20));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("goal_share", goal_share, "share of a batch's tasks that are those of reached states",
        between(0, 1));
  f.add("noise", noise,
        "standard deviation of the noise on actions, learnt from and explored with, in units of "
        "half the action range",
        at_least(0));
  f.add("noise_clip", noise_clip, "largest noise on actions", at_least(0));
  f.add("goal_numbers", goal_numbers,
        "numbers of the observation that a goal consists of, and rewards are read from; empty = "
        "all (point mazes: 0,1)",
        between(0, 65535));
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by running mean and variance");
}

}  // namespace reverie
