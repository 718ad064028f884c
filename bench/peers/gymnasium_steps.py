"""Steps a second of Gymnasium's own environment that a Reverie id stands for, on one thread.

Random actions drawn beforehand, observations, rewards and resets included: what `reverie bench
envs` measures of Reverie. Prints one JSON object.
"""

import argparse
import json
import time

import gymnasium
import numpy as np

TASKS = {
    "car-racing": ("CarRacing-v3", {}),
    "car-racing-discrete": ("CarRacing-v3", {"continuous": False}),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("id")
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    if args.id not in TASKS:
        print(json.dumps({"steps_per_second": None}))
        return
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    task, options = TASKS[args.id]
    env = gymnasium.make(task, **options)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(256)]
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        _, _, terminated, truncated, _ = env.step(actions[steps % len(actions)])
        if terminated or truncated:
            env.reset()
        steps += 1
    rate = steps / (time.perf_counter() - start)
    print(json.dumps({"steps_per_second": rate, "gymnasium": gymnasium.__version__}))


if __name__ == "__main__":
    main()
