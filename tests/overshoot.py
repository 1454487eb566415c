"""How far does the detector jump over its threshold? `python tests/overshoot.py` prints the table of `sequential`.

Summed over the moments of change, the law of a series until the alarm is its law in control times the statistic at the
alarm. So 1 = (mean time between false alarms) * E(1 / statistic at the alarm), with the expectation over series that do
change, once the detector has run for a while: those alarms come soon, false ones would take all day.
"""

from __future__ import annotations

import sys

import numpy as np

from handoff_analytics.statistics.sequential import BURSTS, MEANS, MULTIPLES, log_ratio, start, statistic, step

# The factor hardly depends on the threshold; this one is reached soon.
THRESHOLD = 100.0


def drawn(random: np.random.Generator, means: np.ndarray, burst: float) -> np.ndarray:
    """Draw counts with these means, clustered by bursts."""
    scale = random.gamma(1 / burst, burst, len(means)) if burst > 0 else 1.0
    return random.poisson(means * scale).astype(np.float64)


def computed(mean: float, burst: float, *, paths: int = 1000, warm_up: int = 300) -> float:
    """Return the mean time between false alarms over the threshold."""
    random = np.random.default_rng(1)
    limit = np.log(THRESHOLD)
    multiples = np.repeat(MULTIPLES, paths)
    state = start(len(multiples))
    for _ in range(warm_up):
        state = step(state, log_ratio(drawn(random, np.full(len(multiples), mean), burst), mean, burst))
        state[statistic(state) >= limit] = -np.inf
    inverse = np.empty(0)
    while len(multiples):
        state = step(state, log_ratio(drawn(random, mean * multiples, burst), mean, burst))
        level = statistic(state)
        over = level >= limit
        inverse = np.append(inverse, np.exp(limit - level[over]))
        state, multiples = state[~over], multiples[~over]
    return float(1 / inverse.mean())


def simulated(mean: float, burst: float, log_threshold: float, *, runs: int, seed: int = 1) -> tuple[float, float]:
    """Return the mean run length in control, by brute force, and its standard error."""
    random = np.random.default_rng(seed)
    state, alive, ended = start(runs), np.arange(runs), np.zeros(runs)
    steps = 0
    while len(alive):
        steps += 1
        state = step(state, log_ratio(drawn(random, np.full(len(alive), mean), burst), mean, burst))
        over = statistic(state) >= log_threshold
        ended[alive[over]] = steps
        state, alive = state[~over], alive[~over]
    return float(ended.mean()), float(ended.std() / runs**0.5)


if __name__ == "__main__":
    for burst in BURSTS:
        row = ", ".join(
            f"{computed(mean, burst, paths=4000 if mean >= 1 else 1500 if mean >= 0.1 else 400):.2f}" for mean in MEANS
        )
        sys.stdout.write(f"    ({row}),\n")
