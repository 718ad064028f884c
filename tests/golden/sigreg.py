"""Writes sigreg.safetensors: SIGReg's statistic and gradient in plain NumPy, for
tests/worldmodel/sigreg_test.cpp.

Made with numpy 2.4.6, safetensors 0.8.0:
  python3 sigreg.py

The characteristic function is written out as a sum of complex exponentials in float64, knot by knot,
as LeJEPA (arXiv 2511.08544, section 4) defines the test. `lejepa`: 17 knots on [-5, 5], trapezoid
rule, window exp(-t^2 / 2). `lewm`: 17 knots on [0, 3], both halves of the axis by one. `smooth`:
Neyman's smooth test with the probabilists' Hermite polynomials He_1 .. He_4, of numpy.polynomial.
Gradients are those of the mean over slices and time steps.
"""

import functools
import math
import pathlib

import numpy as np
from numpy.polynomial import hermite_e
from safetensors.numpy import save_file


def epps_pulley(x, low, high, count, scale):
    """x: [B] of one direction. Returns the statistic and its gradient [B]."""
    knots = np.linspace(low, high, count)
    step = (high - low) / (count - 1)
    value, gradient = 0.0, np.zeros_like(x)
    for k, t in enumerate(knots):
        target = np.exp(-t * t / 2)
        weight = scale * step * (0.5 if k in (0, count - 1) else 1.0) * target
        error = np.exp(1j * t * x).mean() - target
        value += weight * abs(error) ** 2
        # d|e|^2 = 2 Re(conj(e) de), de = i t exp(i t x) / B
        gradient += weight * 2 * np.real(np.conj(error) * 1j * t * np.exp(1j * t * x)) / len(x)
    return len(x) * value, len(x) * gradient


def smooth(x):
    """x: [B] of one direction. Returns the statistic and its gradient [B]."""
    value, gradient = 0.0, np.zeros_like(x)
    for k in range(1, 5):
        polynomial = [0] * k + [1]
        mean = hermite_e.hermeval(x, polynomial).mean()
        value += mean**2 / math.factorial(k)
        slope = hermite_e.hermeval(x, hermite_e.hermeder(polynomial)) / len(x)
        gradient += 2 * mean * slope / math.factorial(k)
    return len(x) * value, len(x) * gradient


TESTS = {
    "lejepa": functools.partial(epps_pulley, low=-5.0, high=5.0, count=17, scale=1.0),
    "lewm": functools.partial(epps_pulley, low=0.0, high=3.0, count=17, scale=2.0),
    "smooth": smooth,
}


def sigreg(z, directions, test):
    """z: [T, B, D], directions: [D, M]. Returns the mean statistic and its gradient [T, B, D]."""
    total, gradient = 0.0, np.zeros_like(z)
    pieces = z.shape[0] * directions.shape[1]
    for t in range(z.shape[0]):
        for m in range(directions.shape[1]):
            value, slope = test(z[t] @ directions[:, m])
            total += value / pieces
            gradient[t] += slope[:, None] * directions[:, m] / pieces
    return total, gradient


def main():
    rng = np.random.default_rng(7)
    directions = rng.standard_normal((6, 10))
    directions /= np.linalg.norm(directions, axis=0)
    samples = {
        "normal": rng.standard_normal((3, 32, 6)),
        "shifted": 0.7 * rng.standard_normal((3, 32, 6)) + 1.2,
        "collapsed": 1e-3 * rng.standard_normal((3, 32, 6)) + 0.5,
    }
    out = {"directions": directions}
    for name, z in samples.items():
        z = z.astype(np.float32).astype(np.float64)
        out[f"{name}.z"] = z
        for test_name, test in TESTS.items():
            value, gradient = sigreg(z, directions.astype(np.float32).astype(np.float64), test)
            out[f"{name}.{test_name}"] = np.array([value])
            out[f"{name}.{test_name}.gradient"] = gradient
    path = pathlib.Path(__file__).with_suffix(".safetensors")
    save_file({key: np.ascontiguousarray(value, np.float32) for key, value in out.items()}, path)


if __name__ == "__main__":
    main()
