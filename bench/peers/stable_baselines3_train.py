"""Training with Stable-Baselines3 end to end, the peer of `reverie bench train`.

The hyper-parameters are those of apps/bench_train.cpp. Prints one JSON object: environment steps per second from the
moment on when the agent learns.
"""

import argparse
import json
import time

import gymnasium
import torch
from gymnasium.wrappers import FrameStackObservation, GrayscaleObservation, ResizeObservation
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


class Clock(BaseCallback):
    """Counts steps between the first update and the end of the time."""

    def __init__(self, seconds, warm_up):
        super().__init__()
        self.seconds, self.warm_up = seconds, warm_up
        self.begin = self.first = None

    def _on_step(self):
        if self.num_timesteps <= self.warm_up:
            return True
        if self.begin is None:
            self.begin, self.first = time.perf_counter(), self.num_timesteps
            return True
        self.end = time.perf_counter()
        return self.end - self.begin < self.seconds

    def rate(self):
        return (self.num_timesteps - self.first) / (self.end - self.begin)


class RolloutClock(Clock):
    """Likewise for whole rollouts with their updates."""

    def _on_step(self):
        if self.begin is None or self.last == self.first:  # not one whole rollout yet
            return True
        return time.perf_counter() - self.begin < self.seconds

    def _on_rollout_start(self):
        self.end, self.last = time.perf_counter(), self.num_timesteps
        if self.begin is None and self.last >= self.warm_up:
            self.begin, self.first = self.end, self.last

    def rate(self):
        return (self.last - self.first) / (self.end - self.begin)


def make_pixels(discrete):
    def make():
        env = gymnasium.make("CarRacing-v3", continuous=not discrete)
        env = ResizeObservation(GrayscaleObservation(env), (84, 84))
        return FrameStackObservation(env, 4)

    return make


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", choices=["td3", "sac", "ppo", "dqn"], required=True)
    parser.add_argument("--env", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    off_policy = {"learning_starts": 200, "buffer_size": 100_000, "train_freq": 1, "gradient_steps": 1}
    clock = Clock(args.seconds, 210)
    if args.agent in ("td3", "sac"):
        agent = {"td3": TD3, "sac": SAC}[args.agent](
            "MlpPolicy", gymnasium.make(args.env), batch_size=256, learning_rate=3e-4,
            policy_kwargs={"net_arch": [256, 256]}, device="cpu", **off_policy)
    elif args.agent == "dqn":
        agent = DQN("CnnPolicy", DummyVecEnv([make_pixels(True)] * 4), batch_size=32, learning_starts=200,
                    buffer_size=20_000, train_freq=1, gradient_steps=1, device="cpu")
    else:
        clock = RolloutClock(args.seconds, 512)
        agent = PPO("CnnPolicy", SubprocVecEnv([make_pixels(False)] * 8), n_steps=64, n_epochs=10, batch_size=64,
                    device="cpu")
    agent.learn(10**9, callback=clock)
    print(json.dumps({"steps_per_second": clock.rate()}))


if __name__ == "__main__":
    main()
