"""Small datasets as the packages that own the layouts write them, for tests/replay/foreign_test.cpp.

    bench/interoperability/setup            # prints the Python to run this with
    PYTHON tests/golden/datasets.py         # writes tests/golden/datasets/ and the fuzzers' seeds

Written with minari 0.5.4, h5py 3.16.0, hdf5plugin 7.1.0 and numpy 2.4.6, and, for
stable_worldmodel.h5, the HDF5Writer of stable-worldmodel 0.1.1; the versions in use are checked. All values follow
value(episode, step, column), so that the test knows them without a second file.
"""

import importlib.metadata
import os
import pathlib
import shutil
import sys
import tempfile

import gymnasium
import h5py
import hdf5plugin
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "interoperability"))
from stable_worldmodel_hdf5 import HDF5Writer  # noqa: E402

GOLDEN = pathlib.Path(__file__).resolve().parent / "datasets"
CORPUS = GOLDEN.parent.parent / "fuzz" / "corpus"
VERSIONS = {"minari": "0.5.4", "h5py": "3.16.0", "hdf5plugin": "7.1.0", "numpy": "2.4.6"}
LENGTHS = [4, 3]  # [steps] of the two episodes; the first one terminates


def value(episode, step, column):
    return np.float32(100 * episode + 10 * column + step)


def rows(episode, count, column, width=2):
    """[count, width]: the first number of each row is value(), the next one is half more."""
    first = np.array([value(episode, step, column) for step in range(count)], np.float32)
    return np.stack([first + np.float32(0.5) * i for i in range(width)], axis=1)


def pixels(episode, count):
    """[count, 4, 5, 3], of which the first number of a row is 50 * episode + step."""
    frames = np.zeros((count, 4, 5, 3), np.uint8)
    frames += (50 * episode + np.arange(count, dtype=np.uint8))[:, None, None, None]
    return frames


def write_exorl(folder):
    (folder / "buffer").mkdir(parents=True)
    for episode, length in enumerate(LENGTHS):
        action = rows(episode, length + 1, 1)
        action[0] = 0.0
        reward = rows(episode, length + 1, 2, width=1)
        reward[0] = 0.0
        discount = np.ones((length + 1, 1), np.float32)
        discount[-1] = 0.0 if episode == 0 else 1.0
        with open(folder / "buffer" / f"episode_{episode:06d}_{length}.npz", "wb") as file:
            np.savez_compressed(
                file, observation=rows(episode, length + 1, 0), action=action, reward=reward,
                discount=discount, physics=rows(episode, length + 1, 3, 5).astype(np.float64))


def write_d4rl(path):
    columns = {"observations": [], "actions": [], "rewards": []}
    terminals, timeouts = [], []
    for episode, length in enumerate(LENGTHS):
        columns["observations"].append(rows(episode, length, 0))
        columns["actions"].append(rows(episode, length, 1))
        columns["rewards"].append(rows(episode, length, 2)[:, 0])
        terminals += [False] * (length - 1) + [episode == 0]
        timeouts += [False] * (length - 1) + [episode == 1]
    with h5py.File(path, "w") as file:
        for name, parts in columns.items():
            file.create_dataset(name, data=np.concatenate(parts), compression="gzip")
        file.create_dataset("terminals", data=np.array(terminals), compression="gzip")
        file.create_dataset("timeouts", data=np.array(timeouts), compression="gzip")


def write_minari(folder):
    space = gymnasium.spaces.Dict({
        "observation": gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32),
        "desired_goal": gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)})
    buffers = []
    for episode, length in enumerate(LENGTHS):
        ends = np.arange(length) == length - 1
        buffers.append(EpisodeBuffer(
            id=episode, seed=1000 + episode,
            observations={"observation": rows(episode, length + 1, 0),
                          "desired_goal": rows(episode, length + 1, 4)},
            actions=rows(episode, length, 1), rewards=list(rows(episode, length, 2)[:, 0]),
            terminations=list(ends & (episode == 0)), truncations=list(ends & (episode == 1)),
            infos={"qpos": rows(episode, length + 1, 3)}))
    with tempfile.TemporaryDirectory() as root:
        os.environ["MINARI_DATASETS_PATH"] = root
        dataset = minari.create_dataset_from_buffers(
            "golden/test-v0", buffers, observation_space=space,
            action_space=gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32))
        source = pathlib.Path(dataset.storage.data_path)
        (folder / "data").mkdir(parents=True)
        for name in ("metadata.json", "main_data.hdf5"):
            shutil.copy(source / name, folder / "data" / name)


def stable_worldmodel_columns(episode, length):
    def after_reset(values):
        return np.concatenate([np.full_like(values[:1], np.nan), values])

    action = rows(episode, length, 1)
    ends = np.arange(length + 1) == length
    return {"pixels": pixels(episode, length + 1), "proprio": rows(episode, length + 1, 0),
            "action": np.concatenate([action, np.full_like(action[:1], np.nan)]),
            "reward": after_reset(rows(episode, length, 2)[:, 0]),
            "terminated": ends & (episode == 0), "truncated": ends & (episode == 1),
            "step_idx": np.arange(length + 1)}


def write_stable_worldmodel(path):
    with HDF5Writer(path, mode="overwrite") as writer:
        for episode, length in enumerate(LENGTHS):
            columns = stable_worldmodel_columns(episode, length)
            writer.write_episode({name: list(values) for name, values in columns.items()})


def store_flags_as_uint8(path):
    """What docs/datasets.md advises for files of libver='latest'."""
    with h5py.File(path, "a") as file:
        for name in ("terminated", "truncated"):
            flags = file[name][:].astype(np.uint8)
            del file[name]
            file[name] = flags


def write_blosc(path):
    """As published files are, packed by Blosc; with the older index and a column of texts."""
    episodes = [stable_worldmodel_columns(e, length) for e, length in enumerate(LENGTHS)]
    with h5py.File(path, "w") as file:
        for name in ("pixels", "proprio", "action", "reward"):
            data = np.concatenate([columns[name] for columns in episodes])
            file.create_dataset(name, data=data, chunks=(3, *data.shape[1:]),
                                **hdf5plugin.Blosc(cname="lz4", clevel=5,
                                                   shuffle=hdf5plugin.Blosc.SHUFFLE))
        file.create_dataset("instruction", dtype=h5py.string_dtype(),
                            data=["go"] * (sum(LENGTHS) + len(LENGTHS)))
        file["episode_idx"] = np.concatenate(
            [np.full(length + 1, e) for e, length in enumerate(LENGTHS)])
        file["step_idx"] = np.concatenate([np.arange(length + 1) for length in LENGTHS])


def write_seeds():
    """What the fuzzers start from."""
    for name in ("exorl", "npy", "d4rl", "minari", "stable_worldmodel"):
        (CORPUS / name).mkdir(parents=True)
    shutil.copy(GOLDEN / "exorl/buffer/episode_000000_4.npz", CORPUS / "exorl/episode")
    with np.load(GOLDEN / "exorl/buffer/episode_000000_4.npz") as episode:
        for name in ("observation", "physics"):
            np.save(CORPUS / "npy" / name, episode[name])
            (CORPUS / "npy" / f"{name}.npy").rename(CORPUS / "npy" / name)
    shutil.copy(GOLDEN / "d4rl.hdf5", CORPUS / "d4rl/gzip")
    shutil.copy(GOLDEN / "stable_worldmodel.h5", CORPUS / "stable_worldmodel/package")
    shutil.copy(GOLDEN / "blosc.h5", CORPUS / "stable_worldmodel/blosc")
    (CORPUS / "minari/package").write_bytes(
        (GOLDEN / "minari/data/metadata.json").read_bytes() + b"\0" +
        (GOLDEN / "minari/data/main_data.hdf5").read_bytes())


def main():
    for package, version in VERSIONS.items():
        found = importlib.metadata.version(package)
        if found != version:
            sys.exit(f"{package} {found} is installed, expected {version}")
    for folder in (GOLDEN, CORPUS):
        shutil.rmtree(folder, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    write_exorl(GOLDEN / "exorl")
    write_d4rl(GOLDEN / "d4rl.hdf5")
    write_minari(GOLDEN / "minari")
    write_stable_worldmodel(GOLDEN / "stable_worldmodel.h5")
    shutil.copy(GOLDEN / "stable_worldmodel.h5", GOLDEN / "stable_worldmodel_bool.h5")
    store_flags_as_uint8(GOLDEN / "stable_worldmodel.h5")
    write_blosc(GOLDEN / "blosc.h5")
    write_seeds()


if __name__ == "__main__":
    main()
