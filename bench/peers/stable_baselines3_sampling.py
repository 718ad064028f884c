"""Batches a second of Stable-Baselines3's replay buffer, the peer of `reverie bench replay`.

A full buffer of a million transitions in the shape of HalfCheetah's (17 numbers and 6 actions,
float32), 256 drawn at a time as tensors on the CPU. Prints one JSON object.
"""

import argparse
import json
import time

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.buffers import ReplayBuffer

CAPACITY = 1_000_000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    replay = ReplayBuffer(
        CAPACITY, Box(-np.inf, np.inf, (17,), np.float32), Box(-1, 1, (6,), np.float32), "cpu"
    )
    # Filled as a whole: a million calls of add() would take longer than the measurement.
    rng = np.random.default_rng(0)
    for array in (replay.observations, replay.next_observations, replay.actions):
        array[:] = rng.standard_normal(array.shape, dtype=np.float32)
    replay.pos, replay.full = 0, True

    for _ in range(100):
        replay.sample(args.batch)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        replay.sample(args.batch)
        count += 1
    print(json.dumps({"batches_per_second": count / (time.perf_counter() - start)}))


if __name__ == "__main__":
    main()
