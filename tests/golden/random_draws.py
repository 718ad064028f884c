"""Writes random_draws.txt: what numpy.random.default_rng draws, for tests/core/random_test.cpp.

Made with numpy 2.4.6, Python 3.11, glibc 2.36:
  python3 random_draws.py > random_draws.txt

A line is one call on the generator of the last `rng` line: name, arguments, '=', results. The whole
file is replayed in order, so every call also checks the state that the ones before it left.
Floats are hexadecimal. `hash NAME ARGS COUNT = H` is COUNT draws, x_0, x_1, ..., as
H = sum of m(bits(x_i)) * (2 i + 1) modulo 2^64, where m spreads the bits (else two wrong signs
would cancel): long enough to meet every layer of the ziggurat, its wedges and its tail.
`seed WORDS` is mix_seed(), `state` and `text` the generator's state.
"""

import numpy as np

RNG = None


def text(value):
    return float(value).hex() if isinstance(value, (float, np.floating)) else str(int(value))


def line(name, args, results):
    print(name, *(text(a) for a in args), "=", *(text(r) for r in np.atleast_1d(results)))


DRAW = {
    "uint64": lambda n: RNG.bit_generator.random_raw(n),
    "uint32": lambda n: RNG.integers(0, 2**32, size=n, dtype=np.uint32),
    "random": lambda n: RNG.random(n),
    "random_float": lambda n: RNG.random(n, dtype=np.float32),
    "normal": lambda n: RNG.standard_normal(n),
    "normal_float": lambda n: RNG.standard_normal(n, dtype=np.float32),
    "integers": lambda low, high, n: RNG.integers(low, high, size=n),
    "uniform": lambda low, high, n: RNG.uniform(low, high, size=n),
    "normal_scaled": lambda loc, scale, n: RNG.normal(loc, scale, size=n),
}


def draw(name, *args):
    line(name, args, DRAW[name](*args))


def long_run(name, *args):
    hashed(name, args, DRAW[name](*args))


def hashed(name, args, values):
    bits = values.view(f"u{values.itemsize}").astype(np.uint64)
    odd = 2 * np.arange(len(bits), dtype=np.uint64) + np.uint64(1)
    mixed = bits * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    line("hash " + name, args, np.sum(mixed * odd, dtype=np.uint64))


def choice(n):
    line("choice", [n], RNG.choice(n))


def choose(n, count):
    values = RNG.choice(n, count, replace=False)
    (line if count < 100 else hashed)("choose", [n, count], values)


def shuffle(n, dtype):
    values = np.arange(n, dtype=dtype)
    RNG.shuffle(values)
    line(f"shuffle_{dtype}", [n], values)


def permutation(n):
    line("permutation", [n], RNG.permutation(n))


def state():
    s = RNG.bit_generator.state
    low = 2**64 - 1
    half = s["uinteger"] if s["has_uint32"] else 0
    position, stream = s["state"]["state"], s["state"]["inc"]
    words = [position >> 64, position & low, stream >> 64, stream & low, s["has_uint32"], half]
    print("state =", *words)
    print(f"text = pcg64:{position:032x}:{stream:032x}:{words[4]:x}:{half:08x}")


def seed(*words):
    halves = np.array(words, np.uint64).view(np.uint32)
    mixed = np.random.SeedSequence([len(words), *halves]).generate_state(1, np.uint64)
    line("seed", words, mixed)


def start(*entropy):
    global RNG
    RNG = np.random.default_rng(list(entropy) if len(entropy) != 1 else entropy[0])
    print("rng", *entropy)


for entropy in [(0,), (42,), (2**63 + 5,), (2**64 - 1,), (2**32,), (), (0, 0), (1, 2, 3),
                (2**40 + 7, 0, 2**32 - 1), (1, 2**63, 3, 4, 5, 2**33, 7)]:
    start(*entropy)
    state()
    draw("uint64", 4)
    draw("uint32", 3)
    state()
    draw("random", 3)  # 64-bit draws leave the half in its place
    draw("uint32", 2)
    draw("random_float", 5)
    draw("uniform", -2.5, 7.25, 3)
    draw("normal", 4)
    draw("normal_float", 5)
    draw("normal_scaled", 3.0, 0.125, 2)
    choice(6)

start(42)
for low, high in [(0, 1), (-3, 4), (0, 2**31 + 1), (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1),
                  (-5, 2**62 + 2**61), (-2**63, 2**63 - 1), (2**63 - 2, 2**63 - 1), (-2**63, 2)]:
    draw("integers", low, high, 9)
choice(1)
choice(3)
choice(2**40)
for n, count in [(5, 0), (0, 0), (1, 1), (7, 3), (100, 100), (10000, 300), (10001, 200),
                 (10001, 201), (10100, 10100), (2**40, 5)]:
    choose(n, count)
for n in [0, 1, 2, 3, 17, 100]:
    for dtype in ["int64", "uint8", "float32"]:
        shuffle(n, dtype)
    permutation(n)
state()

start(7, 11)
for name in DRAW:
    if name not in ("integers", "uniform", "normal_scaled"):
        long_run(name, 1_000_000)
draw("uint32", 1)  # odd, so that the runs below begin with a half left over
for name in ("normal_float", "random_float", "uint32"):
    long_run(name, 1_000_001)
long_run("integers", -10, 1000, 1_000_000)
long_run("integers", 0, 3 * 2**30, 1_000_000)
long_run("integers", 0, 3 * 2**61, 1_000_000)
long_run("integers", 0, 2**32, 1_000_000)
state()

# The way of a training loop: short draws of all kinds in turn.
start(2**63 + 5, 3)
for turn in range(40):
    draw("integers", 0, 5 + turn, 1 + turn % 3)
    draw("normal_float", 1 + turn % 4)
    draw("random", 1)
    draw("random_float", turn % 3 + 1)
    shuffle(turn % 5, "int64")
    draw("normal", 1)
state()

for words in [(), (0,), (0, 0), (5,), (5, 0), (5, 1), (2**32 + 5,), (1, 2, 3), (2**64 - 1, 7, 2**33)]:
    seed(*words)
