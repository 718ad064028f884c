"""Writes evolution.txt: what pycma and pypop7 do, for tests/agents/evolution_test.cpp.

Made with cma 4.5.0, cma 3.3.0 (its purecma alone), pypop7 0.0.82 (installed with --no-deps), scipy 1.17.1 and numba
0.68.1, which pypop7 imports, and numpy 2.4.6, in four minutes:
  pip install --no-deps --target OLD cma==3.3.0
  python3 evolution.py OLD/cma/purecma.py > evolution.txt

A line is a name, its arguments, '=', results.

constants N POPULATION   mu_eff c_c c_1 c_mu and the weights of pycma; c_sigma of purecma; damping minus learning
                         rate of pycma's step size (its learning rate is not the tutorial's)
generation POPULATION    pycma after one generation of 6 numbers: sigma, mean, covariance (lower triangle by rows).
                         Its step size learns with the tutorial's constants.
lm_generations           pypop7's LM-MA-ES after 40 generations of 40 numbers: sigma, mean
evaluations METHOD F N   median of evaluations until F < 1e-9, of 11 seeds, and how often that was reached. METHOD
                         cma-es and sep-cma-es: pycma, lm-ma-es: pypop7

Generations draw their numbers as EvolutionStrategy does with seed 7.
"""

import importlib.util
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import cma  # noqa: E402
from cma.sigma_adaptation import CMAAdaptSigmaCSA  # noqa: E402
from pypop7.optimizers.es.lmmaes import LMMAES  # noqa: E402

SEED = 7


def put(name, *results):
    print(name, "=", *(repr(float(x)) for x in results))


def mix_seed(*words):
    words = np.array(words, np.uint64)
    return int(np.random.SeedSequence([len(words), *words.view(np.uint32)]).generate_state(1, np.uint64)[0])


def noise(generation, population, n):
    return np.random.default_rng(mix_seed(SEED, generation)).standard_normal((population, n))


def sphere(x):
    return float(np.sum(np.square(x)))


def ellipsoid(x):
    return float(np.sum(1e6 ** (np.arange(len(x)) / (len(x) - 1)) * np.square(x)))


def cigar(x):
    return float(x[0] ** 2 + 1e6 * np.sum(np.square(x[1:])))


def rosenbrock(x):
    x = np.asarray(x)
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def constants(purecma, n, population):
    es = cma.CMAEvolutionStrategy(np.zeros(n), 1, {"popsize": population, "verbose": -9, "AdaptSigma": CMAAdaptSigmaCSA})
    es.adapt_sigma.initialize(es)
    old = purecma.CMAESParameters(n, population)
    sp, step = es.sp, es.adapt_sigma
    put(f"constants {n} {population}", sp.weights.mueff, sp.cc, sp.c1, sp.cmu, old.cs, step.damps - step.cs, *sp.weights)


def generation(population):
    n = 6
    mu_eff = cma.CMAEvolutionStrategy(np.zeros(n), 1, {"popsize": population, "verbose": -9}).sp.weights.mueff
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
    z = noise(0, population, n)
    es = cma.CMAEvolutionStrategy(
        np.arange(n) / 4,
        0.5,
        {"popsize": population, "verbose": -9, "AdaptSigma": CMAAdaptSigmaCSA, "randn": lambda *shape: z, "seed": np.nan},
    )
    es.adapt_sigma.initialize(es)
    damping = 1 + 2 * max(0, ((mu_eff - 1) / (n + 1)) ** 0.5 - 1)
    es.adapt_sigma.cs, es.adapt_sigma.damps = c_sigma, damping + c_sigma
    x = es.ask()
    # pycma makes the standard deviations of the start unequal by up to 5e-5.
    assert np.allclose(x, np.arange(n) / 4 + 0.5 * z, rtol=0, atol=1e-4)
    es.tell(x, [ellipsoid(row) for row in x])
    put(f"generation {population}", es.sigma, *es.mean, *es.sm.C[np.tril_indices(n)])


class Replay:
    """Draws a strategy's numbers row by row, generation by generation."""

    def __init__(self, population, n):
        self.population, self.n, self.rows = population, n, iter(())
        self.generation = 0

    def standard_normal(self, shape):
        row = next(self.rows, None)
        if row is None:
            self.rows = iter(noise(self.generation, self.population, self.n))
            self.generation += 1
            row = next(self.rows)
        return row


def lm(f, n, seed, start, sigma, limit):
    problem = {
        "fitness_function": f,
        "ndim_problem": n,
        "lower_boundary": -10 * np.ones(n),
        "upper_boundary": 10 * np.ones(n),
    }
    options = {"seed_rng": seed, "mean": start, "sigma": sigma, "verbose": False, "saving_fitness": 0, **limit}
    return LMMAES(problem, options)


def lm_generations():
    n, population, generations = 40, 15, 40
    strategy = lm(ellipsoid, n, 0, np.full(n, 0.25), 0.5, {"max_function_evaluations": 10 * generations * population})
    assert strategy.n_individuals == population
    strategy.rng_optimization = Replay(population, n)
    strategy.start_time, strategy.fitness_function = time.time(), ellipsoid
    z, d, mean, s, tm, y = strategy.initialize()
    for _ in range(generations):
        z, d, y = strategy.iterate(z, d, mean, tm, y)
        strategy._n_generations += 1
        mean, s, tm = strategy._update_distribution(z, d, mean, s, tm, y)
    put("lm_generations", strategy.sigma, *mean)


def evaluations(method, f, n):
    counts = []
    start = np.zeros(n) if f is rosenbrock else np.ones(n)
    for seed in range(1, 12):
        if method == "lm-ma-es":
            limit = {"max_function_evaluations": 1000000, "fitness_threshold": 1e-9}
            result = lm(f, n, seed, start, 0.5, limit).optimize()
            if result["best_so_far_y"] <= 1e-9:
                counts.append(result["n_function_evaluations"])
        else:
            options = {"seed": seed, "verbose": -9, "ftarget": 1e-9, "CMA_diagonal": method == "sep-cma-es"}
            es = cma.CMAEvolutionStrategy(start, 0.5, {**options, "maxfevals": 300000}).optimize(f)
            if es.result.fbest <= 1e-9:
                counts.append(es.result.evals_best)
    put(f"evaluations {method} {f.__name__} {n}", np.median(counts), len(counts))


def main():
    spec = importlib.util.spec_from_file_location("purecma", sys.argv[1])
    purecma = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(purecma)
    for n, population in [(2, 6), (5, 8), (5, 64), (10, 10), (40, 15), (867, 64)]:
        constants(purecma, n, population)
    generation(8)
    generation(64)  # so large that the weights do not cancel the decay of the matrix
    lm_generations()
    for f in (sphere, ellipsoid, cigar, rosenbrock):
        evaluations("cma-es", f, 10)
    for f in (sphere, ellipsoid, cigar):
        evaluations("sep-cma-es", f, 20)
    for f in (sphere, cigar):
        evaluations("lm-ma-es", f, 100)


if __name__ == "__main__":
    main()
