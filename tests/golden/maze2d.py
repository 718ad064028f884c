"""Golden data of the point mazes: maze2d_rollouts.bin and maze2d_resets.txt.

    python3 tests/golden/maze2d.py MAZE.h5

MAZE.h5 holds recordings of PointMaze_*-v3, groups ID/seed_S with action [T, 2], qpos and qvel
[T+1, 2], desired_goal [T+1, 2] and reward [T]. The rest is played here with the reference itself.
Made with gymnasium 1.4.0, gymnasium-robotics 1.4.2, mujoco 4.0.0, numpy 2.4.6, h5py 3.16.0.

maze2d_rollouts.bin: rollouts one after the other, each a line of text
    ID|OPTION=VALUE,...|SEED|T
and little-endian arrays: action float32 [T, 2], qpos, qvel, goal float64 [T+1, 2], reward float64
[T], terminated uint8 [T]. goal is that of the observation. A rollout of a seed of -1 starts from
row 0 of qpos, qvel and goal, others from reset(seed).

maze2d_resets.txt: a line for each MAP SEED goal_x goal_y start_x start_y; MAP is a file in
tests/golden/maps for the reference's maps with marks, else an id.
"""

import sys
from pathlib import Path

import gymnasium
import gymnasium_robotics
import h5py
import mujoco
import numpy as np

HERE = Path(__file__).parent
IDS = {"UMaze": "umaze", "Open": "open", "Medium": "medium", "Large": "large"}
RESET_SEEDS = [*range(12), 2**32 + 5, 2**63 - 1]
RESET_MAPS = {
    "PointMaze_UMaze-v3": "pointmaze-umaze",
    "PointMaze_Open-v3": "pointmaze-open",
    "PointMaze_Medium-v3": "pointmaze-medium",
    "PointMaze_Large-v3": "pointmaze-large",
    "PointMaze_Open_Diverse_G-v3": "open_diverse_g.txt",
    "PointMaze_Medium_Diverse_GR-v3": "medium_diverse_gr.txt",
    "PointMaze_Large_Diverse_G-v3": "large_diverse_g.txt",
}

gymnasium.register_envs(gymnasium_robotics)


def write(out, env, options, seed, rollout):
    out.write(f"{env}|{options}|{seed}|{len(rollout['action'])}\n".encode())
    for name, dtype in (("action", "<f4"), ("qpos", "<f8"), ("qvel", "<f8"), ("goal", "<f8"),
                        ("reward", "<f8"), ("terminated", "u1")):
        out.write(np.ascontiguousarray(rollout[name], dtype=dtype).tobytes())


def recorded(group):
    steps = len(group["action"])
    return {"action": group["action"][:], "qpos": group["qpos"][:], "qvel": group["qvel"][:],
            "goal": group["desired_goal"][:], "reward": group["reward"][:],
            "terminated": np.zeros(steps)}


def played(env_id, seed, steps, **options):
    """The reference under a controller that heads for the goal in a straight line, with noise."""
    env = gymnasium.make(env_id, max_episode_steps=10**6, **options)
    rng = np.random.default_rng(seed)
    obs, _ = env.reset(seed=seed)
    rows = {name: [] for name in ("action", "qpos", "qvel", "goal", "reward", "terminated")}

    def see():
        rows["qpos"].append(obs["observation"][:2])
        rows["qvel"].append(obs["observation"][2:])
        rows["goal"].append(obs["desired_goal"])

    see()
    for _ in range(steps):
        position, velocity = obs["observation"][:2], obs["observation"][2:]
        action = 6.0 * (obs["desired_goal"] - position) - velocity + rng.normal(0.0, 0.7, 2)
        action = action.astype(np.float32)
        obs, reward, terminated, _, _ = env.step(action)
        rows["action"].append(action)
        rows["reward"].append(reward)
        rows["terminated"].append(terminated)
        see()
        if terminated:
            break
    return {name: np.array(values) for name, values in rows.items()}


D4RL_MAPS = {  # name: rows, goal, sparse; the row of a cell is x
    "open": ("#######/#OOOOO#/#OOGOO#/#OOOOO#/#######", True),
    "umaze": ("#####/#GOO#/###O#/#OOO#/#####", False),
    "medium": ("########/#OO##OO#/#OO#OOO#/##OOO###/#OO#OOO#/#O#OO#O#/#OOO#OG#/########", True),
    "large": ("############/#OOOO#OOOOO#/#O##O#O#O#O#/#OOOOOO#OOO#/#O####O###O#/#OO#O#OOOOO#/"
              "##O#O#O#O###/#OO#OOO#OGO#/############", False),
}


def d4rl(maze, sparse, seed, steps):
    """D4RL's simulator needs mujoco-py; this is its model and step rule on MuJoCo 4."""
    cells = {(i, j): c for i, row in enumerate(maze.split("/")) for j, c in enumerate(row)}
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.gravity, spec.option.iterations = 0.01, [0, 0, 0], 20
    geom = dict(friction=[0.5, 0.1, 0.1], density=1000, margin=0.002, condim=1, conaffinity=1)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[40, 40, 0.25],
                            pos=[0, 0, -0.1], contype=1, **{**geom, "conaffinity": 0})
    point = spec.worldbody.add_body(name="particle", pos=[1.2, 1.2, 0])
    point.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.1, 0, 0], contype=1, **geom)
    for axis, name in (([1, 0, 0], "x"), ([0, 1, 0], "y")):
        point.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[1, 0, 0])
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.gear[0], motor.ctrlrange, motor.ctrllimited = 100, [-1, 1], True
    for (i, j), letter in cells.items():
        if letter == "#":
            spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.5, 0.5, 0.2],
                                    pos=[i + 1, j + 1, 0], contype=2, **geom)
    model = spec.compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(seed)
    goal = np.array([cell for cell, letter in cells.items() if letter == "G"][0], float)
    free = [cell for cell, letter in cells.items() if letter != "#"]
    data.qpos[:] = free[rng.integers(len(free))] + rng.uniform(-0.1, 0.1, 2)
    data.qvel[:] = 0.1 * rng.normal(size=2)
    qpos, qvel = [data.qpos.copy()], [data.qvel.copy()]
    # Random pushes that last, so that the point meets walls.
    actions = np.repeat(rng.uniform(-1.3, 1.3, (steps // 10, 2)), 10, axis=0).astype(np.float32)
    reward = []
    for action in actions:
        data.qvel[:] = np.clip(data.qvel, -5, 5)
        data.ctrl[:] = np.clip(action, -1, 1)
        mujoco.mj_step(model, data)
        qpos.append(data.qpos.copy())
        qvel.append(data.qvel.copy())
        distance = np.linalg.norm(data.qpos - goal)
        reward.append(float(distance <= 0.5) if sparse else np.exp(-distance))
    return {"action": actions, "qpos": np.array(qpos), "qvel": np.array(qvel),
            "goal": np.tile(goal, (steps + 1, 1)), "reward": np.array(reward),
            "terminated": np.zeros(steps)}


def main():
    with h5py.File(sys.argv[1]) as file, open(HERE / "maze2d_rollouts.bin", "wb") as out:
        for name in sorted(file):
            if not name.startswith("PointMaze_"):
                continue
            map_name = name.removeprefix("PointMaze_").removesuffix("-v3")
            env = "pointmaze-" + IDS[map_name.removesuffix("Dense")]
            env += "-dense" if map_name.endswith("Dense") else ""
            for seed in sorted(file[name]):
                write(out, env, "", seed.removeprefix("seed_"), recorded(file[name][seed]))
        for seed in (3, 4):
            write(out, "pointmaze-open-dense", "reset_target=true", seed,
                  played("PointMaze_OpenDense-v3", seed, 300, reset_target=True))
            write(out, "pointmaze-open", "continuing_task=false", seed,
                  played("PointMaze_Open-v3", seed, 300, continuing_task=False))
        for name, (maze, sparse) in D4RL_MAPS.items():
            write(out, f"maze2d-{name}" + ("" if sparse else "-dense"), "max_steps=1000", -1,
                  d4rl(maze, sparse, 1, 300))

    with open(HERE / "maze2d_resets.txt", "w") as out:
        for env_id, name in RESET_MAPS.items():
            env = gymnasium.make(env_id)
            for seed in RESET_SEEDS:
                obs, _ = env.reset(seed=seed)
                assert not obs["observation"][2:].any()
                numbers = [*obs["desired_goal"], *obs["observation"][:2]]
                print(name, seed, *(float(number) for number in numbers), file=out)


if __name__ == "__main__":
    main()
