"""Steps a second of EnvPool on the environment that a Reverie id stands for.

Random actions drawn beforehand, synchronous stepping, observations, rewards and resets included:
what `reverie bench envs` measures of Reverie. Prints one JSON object.
"""

import argparse
import json
import time

import envpool
import numpy as np

TASKS = {
    "pointmaze-open": "PointMaze_Open-v3",
    "pointmaze-umaze": "PointMaze_UMaze-v3",
    "pointmaze-medium": "PointMaze_Medium-v3",
    "pointmaze-large": "PointMaze_Large-v3",
    "car-racing": "CarRacing-v3",
    "half-cheetah": "HalfCheetah-v5",
    "cheetah-run": "CheetahRun-v1",
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("id")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    if args.id not in TASKS:
        print(json.dumps({"steps_per_second": None}))
        return
    env = envpool.make(
        TASKS[args.id], env_type="gymnasium", num_envs=args.num_envs, num_threads=args.threads, seed=0
    )
    env.reset()
    rng = np.random.default_rng(0)
    shape = (16, args.num_envs, *env.action_space.shape)
    actions = rng.uniform(-1, 1, shape).astype(env.action_space.dtype)
    for action in actions:
        env.step(action)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        for action in actions:
            env.step(action)
        steps += len(actions) * args.num_envs
    rate = steps / (time.perf_counter() - start)
    print(json.dumps({"steps_per_second": rate, "envpool": envpool.__version__}))


if __name__ == "__main__":
    main()
