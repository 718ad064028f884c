"""Datasets between Reverie and the packages that own their layouts, in both directions.

Ours, collected with one seed in every layout, is opened by each package and compared, value by
value, with the D4RL file. Theirs, as tests/golden/datasets.py writes it, is converted by
`reverie dataset convert` into every layout, and what comes out is compared with what went in.
Exits with 1 and the name of what differs.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "golden"))

import h5py  # noqa: E402
import hdf5plugin  # noqa: E402, F401  (registers Blosc)
import minari  # noqa: E402
import numpy as np  # noqa: E402

import datasets as golden  # noqa: E402
from stable_worldmodel_hdf5 import HDF5Dataset  # noqa: E402

FORMATS = ["d4rl", "minari", "exorl", "stable-worldmodel"]
STEPS = 1500  # two and a half episodes of each environment
TASKS = {
    "waypoint": ["--env", "maze2d-umaze", "--policy", "waypoint"],
    "goals": ["--env", "pointmaze-umaze", "--policy", "random"],
    "pixels": ["--env", "cheetah-run", "--policy", "random", "--observation", "both"],
}


binary = ROOT / "reverie"


def reverie(*arguments):
    command = [str(binary), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


class Episode:
    """Columns of one episode: observation fields [T + 1, ...], action, reward and flags [T]."""

    def __init__(self, observation, action, reward, terminated):
        self.observation = {name: np.asarray(rows) for name, rows in observation.items()}
        self.action = np.asarray(action)
        self.reward = np.asarray(reward)
        self.terminated = np.asarray(terminated).astype(bool)


def same(a, b):
    return a.shape == b.shape and np.array_equal(a.astype(np.float32), b.astype(np.float32))


def compare(what, found, expected):
    if len(found) != len(expected):
        sys.exit(f"{what}: {len(found)} episodes, expected {len(expected)}")
    for index, (a, b) in enumerate(zip(found, expected)):
        where = f"{what}, episode {index}"
        if set(a.observation) != set(b.observation):
            sys.exit(f"{where}: fields {set(a.observation)}, expected {set(b.observation)}")
        for name in b.observation:
            if not same(a.observation[name], b.observation[name]):
                sys.exit(f"{where}: {name} differs")
        for name in ("action", "reward", "terminated"):
            if not same(getattr(a, name), getattr(b, name)):
                sys.exit(f"{where}: {name} differs")
    print(f"ok  {what}: {len(found)} episodes, fields {', '.join(expected[0].observation)}")


def read_d4rl(path):
    """By h5py, with the last observations that we keep beside D4RL's columns."""
    with h5py.File(path) as file:
        names = {n: ("observations" if n == "observation" else n)
                 for n in file["metadata/final_observation"]}
        ends = np.flatnonzero(file["terminals"][:] | file["timeouts"][:]) + 1
        ends = sorted({*ends, len(file["rewards"])})
        episodes, start = [], 0
        for index, end in enumerate(ends):
            observation = {
                name: np.concatenate([file[key][start:end],
                                      file[f"metadata/final_observation/{name}"][index][None]])
                for name, key in names.items()}
            episodes.append(Episode(observation, file["actions"][start:end],
                                    file["rewards"][start:end], file["terminals"][start:end]))
            start = end
        return episodes


def read_minari(path):
    dataset = minari.MinariDataset(pathlib.Path(path) / "data")
    episodes = []
    for data in dataset.iterate_episodes():
        observation = data.observations
        if not isinstance(observation, dict):
            observation = {"observation": observation}
        episodes.append(Episode(observation, data.actions, data.rewards, data.terminations))
    return episodes


def read_exorl(path):
    """As ExoRL's loader does: every key of the file, row 0 being the reset."""
    episodes = []
    fields = json.loads((pathlib.Path(path) / "metadata.json").read_text())["observation"]
    for file in sorted((pathlib.Path(path) / "buffer").glob("*.npz")):
        with np.load(file) as npz:
            length = int(file.stem.split("_")[-1])
            rows = {name: npz[name] for name in npz.files}
        if any(len(values) != length + 1 for values in rows.values()):
            sys.exit(f"{file}: arrays have {[len(v) for v in rows.values()]} rows")
        episodes.append(Episode({name: rows[name] for name in fields}, rows["action"][1:],
                                rows["reward"][1:, 0], rows["discount"][1:, 0] == 0.0))
    return episodes


def read_stable_worldmodel(path):
    with h5py.File(path) as file:
        info = set(file.attrs.get("info", b"").decode().split(","))
    dataset = HDF5Dataset(path=path)
    skip = {"action", "reward", "terminated", "truncated", "step_idx"} | info
    episodes = []
    for index in range(len(dataset.lengths)):
        rows = {name: values.numpy() for name, values in dataset.load_episode(index).items()}
        # The package gives pictures with their channels in front.
        observation = {name: (np.moveaxis(rows[name], 1, -1) if rows[name].ndim == 4 else rows[name])
                       for name in rows if name not in skip}
        terminated = rows["terminated"][1:] if "terminated" in rows else np.zeros(
            len(rows["action"]) - 1)
        if not np.all(np.isnan(rows["action"][-1])):
            sys.exit(f"{path}: the last row of episode {index} has an action")
        episodes.append(Episode(observation, rows["action"][:-1], rows["reward"][1:], terminated))
    return episodes


READERS = {"d4rl": read_d4rl, "minari": read_minari, "exorl": read_exorl,
           "stable-worldmodel": read_stable_worldmodel}


def check_ours(folder):
    for task, arguments in TASKS.items():
        paths = {name: folder / f"{task}-{name}{'.h5' if READERS[name] in FILES else ''}"
                 for name in FORMATS}
        for name, path in paths.items():
            reverie("collect", *arguments, "--steps", STEPS, "--seed", 3, "--out", path,
                    "--format", name)
        expected = read_d4rl(paths["d4rl"])
        for name in FORMATS[1:]:
            compare(f"{task}, {name} by its package", READERS[name](paths[name]), expected)


FILES = (read_d4rl, read_stable_worldmodel)


def check_theirs(folder):
    sources = {"exorl": folder / "exorl", "minari": folder / "minari",
               "stable-worldmodel": folder / "package.h5", "blosc": folder / "blosc.h5"}
    golden.write_exorl(sources["exorl"])
    golden.write_minari(sources["minari"])
    golden.write_stable_worldmodel(sources["stable-worldmodel"])
    golden.store_flags_as_uint8(sources["stable-worldmodel"])
    golden.write_blosc(sources["blosc"])
    for source, path in sources.items():
        info = json.loads(reverie("dataset", "info", path, "--json"))
        if info["steps"] != sum(golden.LENGTHS):
            sys.exit(f"{path}: {info['steps']} steps, expected {sum(golden.LENGTHS)}")
        through = folder / f"{source}-as-minari"
        reverie("dataset", "convert", path, through, "--format", "minari")
        expected = read_minari(through)
        rows = golden.rows(1, golden.LENGTHS[1] + 1, 0)
        field = "observation" if "observation" in expected[1].observation else "proprio"
        if not same(expected[1].observation[field], rows):
            sys.exit(f"{source}: the first observations of episode 1 are not those of its package")
        for name in FORMATS:
            if name == "d4rl" and field == "proprio":
                continue  # that layout needs a field named observation
            out = folder / f"{source}-as-{name}-again{'.h5' if READERS[name] in FILES else ''}"
            reverie("dataset", "convert", path, out, "--format", name)
            compare(f"{source}'s package to {name}", READERS[name](out), expected)


def main():
    global binary
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reverie", default=binary, help="the program, where it is another")
    binary = parser.parse_args().reverie
    with tempfile.TemporaryDirectory() as name:
        os.environ["MINARI_DATASETS_PATH"] = name
        check_theirs(pathlib.Path(name))
        check_ours(pathlib.Path(name))
    print("all layouts agree")


if __name__ == "__main__":
    main()
