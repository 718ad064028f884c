"""Golden data of the cheetahs: cheetah_rollouts.bin, cut from recordings of the references.

    python3 tests/golden/cheetah.py HALF_CHEETAH.h5 DM_CHEETAH.h5

HALF_CHEETAH.h5 holds episodes of HalfCheetah-v5 (gymnasium 1.4.0, mujoco 4.0.0), DM_CHEETAH.h5 of
cheetah run (dm_control 985d094, mujoco 3.16.0), both played from the seed with random
actions: groups seed_S with action [T, 6], qpos and qvel [T+1, 9], reward [T], observation [T+1, 17],
and for the second speed [T]. Made with numpy 2.4.6 and h5py 3.16.0.

cheetah_rollouts.bin: episodes one after the other, each a line of text
    ID|SEED|T
and little-endian float64 arrays: action [T, 6], qpos and qvel [T+1, 9], reward [T], speed [T].
speed is what dm_control's sensor says after each step; NaN for half-cheetah, which has none.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

SEEDS = (0, 7)


def main():
    with open(Path(__file__).parent / "cheetah_rollouts.bin", "wb") as out:
        for env, name in zip(("half-cheetah", "cheetah-run"), sys.argv[1:], strict=True):
            with h5py.File(name) as file:
                for seed in SEEDS:
                    group = file[f"seed_{seed}"]
                    rows = {key: group[key][:].astype("<f8") for key in ("action", "qpos", "qvel", "reward")}
                    steps = len(rows["action"])
                    rows["speed"] = group["speed"][:] if "speed" in group else np.full(steps, np.nan)
                    seen = np.concatenate([rows["qpos"][:, 1:], rows["qvel"]], axis=1)
                    assert np.array_equal(seen, group["observation"]), "observation is not qpos[1:], qvel"
                    out.write(f"{env}|{seed}|{steps}\n".encode())
                    for values in rows.values():
                        out.write(np.ascontiguousarray(values, "<f8").tobytes())


if __name__ == "__main__":
    main()
