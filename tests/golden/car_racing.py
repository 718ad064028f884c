"""Golden data of car racing: car_racing_drives.bin, car_racing_tracks.txt, car_racing_returns.txt.

    python3 tests/golden/car_racing.py CAR_RACING.h5

CAR_RACING.h5 holds recordings of CarRacing-v3, groups seed_S and domain_randomize/seed_S. The rest
is played here with the reference itself: gymnasium 1.4.0, box2d 2.3.10, pygame-ce 2.5.8,
numpy 2.4.6, h5py 3.16.0.

car_racing_drives.bin: drives one after the other, each a line of text
    NAME|ID|OPTION=VALUE,...|SEED|T|FRAMES
and little-endian arrays: action float32 [T, 3] or int64 [T], body float32 [T+1, 6] (position,
angle, velocity, angular velocity of the hull), omega float64 [T+1, 4], joint float32 [T+1, 4],
tiles int32 [T+1], reward float64 [T], frame_step int32 [FRAMES], frame uint8 [FRAMES, 96, 96, 3].

car_racing_tracks.txt: a line for each
    SEED TILES KERBS KERB_SUM, then alpha beta x y of the points 0, TILES / 2 and TILES - 1
where KERB_SUM is the sum of the indices of the tiles with a kerb.

car_racing_returns.txt: a line for each SEED, the returns of 100 steps of each constant action in
CONSTANT_ACTIONS.
"""

import sys
from pathlib import Path

import gymnasium
import h5py
import numpy as np

HERE = Path(__file__).parent
CONSTANT_ACTIONS = [[0, 0.5, 0], [0.1, 0.3, 0], [0, 0.7, 0.1], [0, 1, 0], [0, 0, 0]]
TRACK_SEEDS = [*range(120), 2**31 + 7, 2**32 + 5, 2**63 - 1]
NO_FRAME = np.zeros((0, 96, 96, 3), np.uint8)


def write(out, name, env_id, options, seed, drive):
    head = f"{name}|{env_id}|{options}|{seed}|{len(drive['reward'])}|{len(drive['frame'])}\n"
    out.write(head.encode())
    action = "<i8" if env_id.endswith("discrete") else "<f4"
    for key, dtype in (("action", action), ("body", "<f4"), ("omega", "<f8"), ("joint", "<f4"),
                       ("tiles", "<i4"), ("reward", "<f8"), ("frame_step", "<i4"),
                       ("frame", "u1")):
        out.write(np.ascontiguousarray(drive[key], dtype=dtype).tobytes())


def recorded(group, frame_steps):
    steps = group["frame_step"][:]
    keep = [list(steps).index(k) for k in frame_steps]
    body = [group["hull_position"][:], group["hull_angle"][:][:, None], group["hull_velocity"][:],
            group["hull_angular_velocity"][:][:, None]]
    return {"action": group["action"][:], "body": np.concatenate(body, 1),
            "omega": group["wheel_omega"][:], "joint": group["wheel_joint_angle"][:],
            "tiles": group["tile_visited_count"][:], "reward": group["reward"][:],
            "frame_step": steps[keep], "frame": group["frame"][:][keep]}


def make(**options):
    env = gymnasium.make("CarRacing-v3", max_episode_steps=10**6, **options).unwrapped
    env._render = lambda mode: None
    return env


def played(env, seed, actions):
    env.reset(seed=seed)
    rows = {"body": [], "omega": [], "joint": [], "tiles": [], "reward": []}

    def see():
        hull = env.car.hull
        rows["body"].append([*hull.position, hull.angle, *hull.linearVelocity,
                             hull.angularVelocity])
        rows["omega"].append([w.omega for w in env.car.wheels])
        rows["joint"].append([w.joint.angle for w in env.car.wheels])
        rows["tiles"].append(env.tile_visited_count)

    see()
    for action in actions:
        _, reward, terminated, _, _ = env.step(action)
        rows["reward"].append(reward)
        see()
        if terminated:
            break
    return {**rows, "action": actions[: len(rows["reward"])], "frame_step": [], "frame": NO_FRAME}


def slalom(steps):
    """Full steering to both sides in turn: the front wheels hit the limits of their hinges."""
    t = np.arange(steps)
    side = np.where(t // 25 % 2 == 1, 1.0, -1.0)
    gas = np.where(t < 150, 0.6, 0.3)
    return np.stack([side, gas, np.zeros(steps)], 1).astype(np.float32)


def held_random(steps, seed):
    """Random actions for 12 steps each, some with full brakes."""
    rng = np.random.default_rng(seed)
    held = [[rng.uniform(-1, 1), rng.uniform(0, 1), rng.choice([0, 0, 0.5, 1.0])]
            for _ in range(steps // 12 + 1)]
    return np.repeat(np.array(held, np.float32), 12, axis=0)[:steps]


def write_drives(recordings):
    with open(HERE / "car_racing_drives.bin", "wb") as out, h5py.File(recordings) as source:
        for seed, frames in ((0, [0, 20, 60, 400]), (7, [40, 320])):
            write(out, "recorded", "car-racing", "", seed,
                  recorded(source[f"seed_{seed}"], frames))
        write(out, "recorded", "car-racing", "domain_randomize=true", 0,
              recorded(source["domain_randomize/seed_0"], [20, 60]))
        env = make()
        write(out, "slalom", "car-racing", "", 3, played(env, 3, slalom(400)))
        write(out, "held", "car-racing", "", 11, played(env, 11, held_random(400, 11)))
        # Backwards off the playfield, until the episode ends with -100.
        outward = np.tile(np.array([[0, 1, 0]], np.float32), (600, 1))
        write(out, "outward", "car-racing", "", 5, played(env, 5, outward))
        discrete = make(continuous=False)
        actions = np.random.default_rng(2).choice([1, 2, 3, 3, 3, 4, 0], 200)
        write(out, "discrete", "car-racing-discrete", "", 2, played(discrete, 2, actions))


def write_tracks():
    env = make()
    with open(HERE / "car_racing_tracks.txt", "w") as out:
        for seed in TRACK_SEEDS:
            env.reset(seed=seed)
            n = len(env.track)
            # road_poly holds each tile's polygon, followed by that of its kerb where it has one.
            kerbs = []
            tile = -1
            for _, color in env.road_poly:
                if isinstance(color, tuple):
                    kerbs.append(tile)
                else:
                    tile += 1
            points = [f"{v:.17g}" for i in (0, n // 2, n - 1) for v in env.track[i]]
            print(seed, n, len(kerbs), sum(kerbs), *points, file=out)


def write_returns():
    env = make()
    with open(HERE / "car_racing_returns.txt", "w") as out:
        for seed in range(100):
            returns = []
            for action in CONSTANT_ACTIONS:
                actions = np.tile(np.array([action], np.float32), (100, 1))
                returns.append(f"{sum(played(env, seed, actions)['reward']):.6f}")
            print(seed, *returns, file=out)


if __name__ == "__main__":
    write_drives(sys.argv[1])
    write_tracks()
    write_returns()
