"""Golden data of the ant mazes: ant_maze_rollouts.bin and ant_maze_resets.txt.

    python3 tests/golden/ant_maze.py MAZE.h5 D4RL_ANT.xml

MAZE.h5 holds recordings of AntMaze_UMaze-v5, groups ID/seed_S with action [T, 8], qpos [T+1, 15],
qvel [T+1, 14], observation [T+1, 105], desired_goal [T+1, 2] and reward [T]. D4RL_ANT.xml is D4RL's
d4rl/locomotion/assets/ant.xml at 89141a6. The rest is played here: Gymnasium-Robotics' mazes with
the reference itself; D4RL's, which needs mujoco-py, with its model and rules on MuJoCo 4.
Made with gymnasium 1.4.0, gymnasium-robotics 1.4.2, mujoco 4.0.0, numpy 2.4.6, h5py 3.16.0.

ant_maze_rollouts.bin: rollouts one after the other, each a line of text
    ID|OPTION=VALUE,...|SEED|PLACED|T
and little-endian arrays: action float32 [T, 8], qpos float64 [T+1, 15], qvel [T+1, 14], goal
[T+1, 2], forces [T // 10, 78], reward [T], terminated uint8 [T]. goal is that of the observation,
forces are the contact forces in the observation after step 10, 20, ... (zeros for D4RL). PLACED 1:
after reset(SEED) row 0 of qpos and qvel was set as the state; 0: the rollout follows from the seed.

ant_maze_resets.txt: a line for each ID SEED goal_x goal_y start_x start_y.
"""

import sys
from pathlib import Path

import gymnasium
import gymnasium_robotics
import h5py
import mujoco
import numpy as np

HERE = Path(__file__).parent
NAMES = {"UMaze": "umaze", "Medium": "medium", "Large": "large"}
RESET_SEEDS = [*range(12), 2**32 + 5, 2**63 - 1]
FORCES_EVERY = 10

gymnasium.register_envs(gymnasium_robotics)


def write(out, env, options, seed, placed, rows):
    steps = len(rows["action"])
    out.write(f"{env}|{options}|{seed}|{int(placed)}|{steps}\n".encode())
    for name, dtype in (("action", "<f4"), ("qpos", "<f8"), ("qvel", "<f8"), ("goal", "<f8"),
                        ("forces", "<f8"), ("reward", "<f8"), ("terminated", "u1")):
        array = rows[name][FORCES_EVERY::FORCES_EVERY] if name == "forces" else rows[name]
        out.write(np.ascontiguousarray(array, dtype=dtype).tobytes())


def recorded(group):
    assert np.array_equal(group["observation"][:, :13], group["qpos"][:, 2:])
    assert np.array_equal(group["observation"][:, 13:27], group["qvel"][:])
    return {"action": group["action"][:], "qpos": group["qpos"][:], "qvel": group["qvel"][:],
            "goal": group["desired_goal"][:], "forces": group["observation"][:, 27:],
            "reward": group["reward"][:], "terminated": np.zeros(len(group["action"]))}


def random_actions(seed, steps):
    """Pushes that last three steps, some beyond the bounds."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.uniform(-1.2, 1.2, (-(-steps // 3), 8)), 3, axis=0)[:steps].astype(
        np.float32)


def played(env_id, seed, steps, place=None, **options):
    """The reference. place(goal, qpos) changes the position at the beginning."""
    env = gymnasium.make(env_id, max_episode_steps=10**6, **options)
    obs, _ = env.reset(seed=seed)
    ant = env.unwrapped.ant_env
    if place is not None:
        qpos = ant.data.qpos.copy()
        place(env.unwrapped.goal, qpos)
        ant.set_state(qpos, ant.data.qvel.copy())
    rows = {name: [] for name in ("action", "qpos", "qvel", "goal", "forces", "reward",
                                  "terminated")}

    def see():
        rows["qpos"].append(ant.data.qpos.copy())
        rows["qvel"].append(ant.data.qvel.copy())
        rows["goal"].append(obs["desired_goal"])
        rows["forces"].append(obs["observation"][27:])

    see()
    for action in random_actions(seed, steps):
        obs, reward, terminated, _, _ = env.step(np.clip(action, -1, 1))
        rows["action"].append(action)
        rows["reward"].append(reward)
        rows["terminated"].append(terminated)
        see()
        if terminated:
            break
    return {name: np.array(values) for name, values in rows.items()}


def near_goal(goal, qpos):
    qpos[:2] = goal + [0.3, 0.1]


def near_wall(_, qpos):
    """The lower left free cell of the U, its wall 0.6 m away: the legs touch it."""
    qpos[:2] = [-5.4, -5.2]


D4RL_MAPS = {
    "umaze": "#####/#R..#/###.#/#G..#/#####",
    "medium": "########/#R.##..#/#..#...#/##...###/#..#...#/#.#..#.#/#...#.G#/########",
    "large": "############/#R...#.....#/#.##.#.#.#.#/#......#...#/#.####.###.#/#..#.#.....#/"
             "##.#.#.#.###/#..#...#.G.#/############",
}


def d4rl(ant_xml, maze, seed, steps, place=None):
    cells = {(i, j): c for i, row in enumerate(maze.split("/")) for j, c in enumerate(row)}
    robot = next(cell for cell, letter in cells.items() if letter == "R")
    target = next(cell for cell, letter in cells.items() if letter == "G")
    spec = mujoco.MjSpec.from_string(ant_xml)
    for (i, j), letter in cells.items():
        if letter == "#":
            spec.worldbody.add_geom(
                spec.default, type=mujoco.mjtGeom.mjGEOM_BOX, size=[2, 2, 1],
                pos=[4 * (j - robot[1]), 4 * (i - robot[0]), 1], contype=1, conaffinity=1)
    model = spec.compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(seed)
    rng.choice(1)
    goal = np.array([4.0 * (target[1] - robot[1]), 4.0 * (target[0] - robot[0])])
    goal += [rng.uniform(0, 1), rng.uniform(0, 1)]
    goal += [rng.uniform(0, 0.5), rng.uniform(0, 0.5)]
    goal = np.maximum(goal, 0)
    data.qpos[:] += rng.uniform(-0.1, 0.1, 15)
    data.qvel[:] = 0.1 * rng.standard_normal(14)
    if place is not None:
        place(goal, data.qpos)
    rows = {"action": [], "qpos": [data.qpos.copy()], "qvel": [data.qvel.copy()], "reward": [],
            "terminated": []}
    for action in random_actions(seed, steps):
        data.ctrl[:] = 30.0 * np.clip(action.astype(float), -1, 1)
        mujoco.mj_step(model, data, nstep=5)
        reached = np.linalg.norm(data.qpos[:2] - goal) <= 0.5
        for name, value in (("action", action), ("qpos", data.qpos.copy()),
                            ("qvel", data.qvel.copy()), ("reward", float(reached)),
                            ("terminated", reached)):
            rows[name].append(value)
        if reached:
            break
    rows = {name: np.array(values) for name, values in rows.items()}
    rows["goal"] = np.tile(goal, (len(rows["qpos"]), 1))
    rows["forces"] = np.zeros((len(rows["qpos"]), 78))
    return rows


def main():
    ant_xml = Path(sys.argv[2]).read_text()
    with h5py.File(sys.argv[1]) as file, open(HERE / "ant_maze_rollouts.bin", "wb") as out:
        for seed in (0, 1):
            write(out, "antmaze-umaze", "", seed, False,
                  recorded(file[f"AntMaze_UMaze-v5/seed_{seed}"]))
        write(out, "antmaze-large-dense", "", 2, False, played("AntMaze_LargeDense-v5", 2, 30))
        write(out, "antmaze-umaze", "", 3, True, played("AntMaze_UMaze-v5", 3, 60, near_wall))
        write(out, "antmaze-medium", "reset_target=true", 4, True,
              played("AntMaze_Medium-v5", 4, 20, near_goal, reset_target=True))
        write(out, "antmaze-medium", "continuing_task=false", 5, True,
              played("AntMaze_Medium-v5", 5, 20, near_goal, continuing_task=False))
        for seed, (name, maze) in enumerate(D4RL_MAPS.items()):
            write(out, f"antmaze-{name}-d4rl", "goal_observation=true", seed, False,
                  d4rl(ant_xml, maze, seed, 40))
        write(out, "antmaze-umaze-d4rl", "goal_observation=true", 7, True,
              d4rl(ant_xml, D4RL_MAPS["umaze"], 7, 20, near_goal))

    with open(HERE / "ant_maze_resets.txt", "w") as out:
        for name, short in NAMES.items():
            env = gymnasium.make(f"AntMaze_{name}-v5")
            for seed in RESET_SEEDS:
                obs, _ = env.reset(seed=seed)
                numbers = [*obs["desired_goal"], *obs["achieved_goal"]]
                print(f"antmaze-{short}", seed, *(float(number) for number in numbers), file=out)


if __name__ == "__main__":
    main()
