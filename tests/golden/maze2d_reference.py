"""The episodes behind D4RL's reference returns of maze2d: maze2d_reference_starts.txt.

    python3 tests/golden/maze2d_reference.py

D4RL's script (scripts/reference_scores/maze2d_controller.py @89141a6) plays 100 episodes after
env.seed(0). Its environments need mujoco-py; their resets need only NumPy's old generator and the
way in which Gym 0.x seeds it, and both are played here. Made with numpy 2.4.6.

A line for each episode: MAP qpos_x qpos_y qvel_x qvel_y, [m] and [m/s], 100 lines a map.
"""

import hashlib
import struct
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent
EPISODES = 100


def gym_generator(seed):
    """gym.utils.seeding.np_random of Gym 0.x: the first 8 bytes of SHA-512 of the seed's digits.

    The four zero bytes behind them are what Gym's padding adds to a length that needs none.
    """
    digest = hashlib.sha512(str(seed).encode()).digest()[:8] + bytes(4)
    words = list(struct.unpack("3I", digest))
    while words[-1] == 0:
        words.pop()
    generator = np.random.RandomState()
    generator.seed(words)
    return generator


def starts(rows):
    """reset_model() of d4rl/pointmaze/maze_model.py, one episode after the other."""
    cells = [(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row)]
    empty = [(i, j) for i, j in cells if rows[i][j] == "."]
    goals = [(i, j) for i, j in cells if rows[i][j] == "G"]
    generator = gym_generator(0)
    for _ in range(EPISODES):
        cell = (empty + goals)[generator.choice(len(empty + goals))]
        place = np.array(cell, np.float64) + generator.uniform(low=-0.1, high=0.1, size=2)
        velocity = generator.randn(2) * 0.1
        yield (*place, *velocity)


def main():
    with open(Path(__file__).with_name("maze2d_reference_starts.txt"), "w") as out:
        for name in ("umaze", "medium", "large"):
            lines = (ROOT / f"assets/maps/maze2d/{name}.txt").read_text().splitlines()
            rows = [line for line in lines if line and set(line) <= set("#.G")]
            for start in starts(rows):
                print(f"maze2d-{name}", *(repr(float(x)) for x in start), file=out)


if __name__ == "__main__":
    main()
