"""Changes of a rate, against statsmodels, ruptures, the F distribution and simulations with a truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from handoff_analytics.statistics.bursts import overdispersion
from handoff_analytics.statistics.rates import change_points, neighbour_dispersion, rate_ratio, rate_trend


def bursty(random: np.random.Generator, mean: np.ndarray, burst: float) -> np.ndarray:
    """Draw counts whose variance is mean + burst * mean²."""
    multiple = random.gamma(1 / burst, burst, mean.shape) if burst else np.ones(mean.shape)
    return random.poisson(mean * multiple).astype(float)


@pytest.mark.filterwarnings("ignore")
def test_the_trend_is_the_generalised_linear_model_of_statsmodels() -> None:
    import statsmodels.api as sm

    random = np.random.default_rng(1)
    days = np.arange(84)
    calls = 200 + 60 * (days % 7 < 5) + days
    x = bursty(random, calls * 0.02 * np.exp(0.01 * days + 0.3 * (days % 7 == 2)), 0.5)
    design = np.column_stack([days % 7 == weekday for weekday in range(7)] + [days / 7]).astype(float)
    theirs = sm.GLM(x, design, family=sm.families.Poisson(), offset=np.log(calls)).fit(scale="X2", use_t=True)
    mine = rate_trend(x, calls, days / 7, season=(days % 7).tolist())
    assert mine is not None
    assert mine.growth == pytest.approx(theirs.params[-1], rel=1e-6)
    assert mine.error == pytest.approx(theirs.bse[-1], rel=1e-6)
    assert mine.dispersion == pytest.approx(theirs.scale, rel=1e-6)
    assert mine.p_value == pytest.approx(theirs.pvalues[-1], rel=1e-5)
    assert (mine.low, mine.high) == pytest.approx(tuple(theirs.conf_int(0.1)[-1]), rel=1e-5)


def test_weekdays_without_any_failure_say_nothing_and_break_nothing() -> None:
    days = np.arange(56)
    x = np.where(days % 7 < 5, 3.0 + days / 10, 0.0)
    whole = rate_trend(x, np.full(56, 100), days / 7, season=(days % 7).tolist())
    working = days % 7 < 5
    part = rate_trend(x[working], np.full(40, 100), days[working] / 7, season=(days[working] % 7).tolist())
    assert whole == part


@pytest.mark.parametrize(
    ("counts", "calls"), [([0, 0, 0, 0], [5] * 4), ([1, 2], [5, 5]), ([], []), ([3, 3, 3], [0, 9, 9])]
)
def test_too_little_gives_no_trend(counts: list[int], calls: list[int]) -> None:
    assert rate_trend(counts, calls, range(len(counts))) is None


def trends(phi: float, growth: float, repetitions: int) -> tuple[float, float]:
    """Share of trends found at the 5 % level, and of 90 % intervals that hold the truth, with growing traffic."""
    random = np.random.default_rng(int(phi * 10 + growth * 100))
    days, hits, held = np.arange(90), [], []
    calls = np.round(300 * np.exp(0.02 * days / 7 + 0.3 * np.sin(days * 2 * np.pi / 7)))
    mean = calls * 0.02 * np.exp(growth * days / 7)
    for _ in range(repetitions):
        found = rate_trend(bursty(random, mean, (phi - 1) / mean.mean()), calls, days / 7, season=(days % 7).tolist())
        assert found is not None
        hits.append(found.p_value < 0.05)
        held.append(found.low <= growth <= found.high)
    return float(np.mean(hits)), float(np.mean(held))


def test_growing_traffic_is_no_trend_and_a_trend_is_one() -> None:
    for phi in (1.0, 3.0):
        false, held = trends(phi, 0.0, 300)
        assert false <= 0.08
        assert 0.86 <= held <= 0.94
    assert trends(1.0, 0.03, 100)[0] >= 0.75
    assert trends(3.0, 0.06, 100)[0] >= 0.85


@pytest.mark.filterwarnings("ignore")
def test_changes_are_the_optimal_ones_of_ruptures() -> None:
    import ruptures

    random = np.random.default_rng(2)
    for case in range(6):
        calls = random.integers(50, 200, 40).astype(float)
        rate = np.where(np.arange(40) < 22, 0.03, 0.09 if case % 2 else 0.03)
        x = random.poisson(calls * rate).astype(float)
        phi = neighbour_dispersion(x, calls)

        class Poisson(ruptures.base.BaseCost):
            model, min_size = "", 3

            def fit(self, *_):  # type: ignore[no-untyped-def]
                return self

            def error(self, start, end):  # type: ignore[no-untyped-def]
                s, e = self.x[start:end].sum(), self.e[start:end].sum()
                return -2 * (s * np.log(s / e) if s else 0.0) / self.phi

        cost = Poisson()
        cost.x, cost.e, cost.phi = x, calls, phi
        cost.signal = x[:, None]
        search = ruptures.Dynp(custom_cost=cost, min_size=3, jump=1).fit(x[:, None])
        penalty = 3 * np.log(40)
        cuts = [search.predict(n_bkps=n)[:-1] if n else [] for n in range(4)]
        worth = [sum(cost.error(a, b) for a, b in zip([0, *c], [*c, 40], strict=True)) + penalty * len(c) for c in cuts]
        assert change_points(x, calls) == cuts[int(np.argmin(worth))]


@pytest.mark.parametrize(("burst", "most", "least"), [(0.0, 0.04, 0.95), (0.3, 0.07, 0.85)])
def test_bursts_are_no_changes_and_a_doubling_is_one(burst: float, most: float, least: float) -> None:
    random = np.random.default_rng(7)
    false, right, missed = 0, 0, []
    for _ in range(100):
        calls = random.poisson(1000, 90).astype(float)
        false += bool(change_points(bursty(random, calls * 0.01, burst), calls))
        found = change_points(bursty(random, calls * np.where(np.arange(90) < 45, 0.01, 0.02), burst), calls)
        right += len(found) == 1
        missed += [abs(found[0] - 45)] if len(found) == 1 else []
    assert false / 100 <= most
    assert right / 100 >= least
    assert np.median(missed) <= 1


def test_without_bursts_the_ratio_is_f_distributed() -> None:
    for (x1, n1), (x2, n2) in (((40, 1000), (20, 1000)), ((3, 100), (9, 400)), ((0, 50), (2, 50))):
        found = rate_ratio((x1, n1), (x2, n2))
        # Two gammas of shapes x + 1/2 and rates n: their ratio over its scale follows F.
        exact = stats.f(2 * x2 + 1, 2 * x1 + 1)
        scale = (x2 + 0.5) / n2 / ((x1 + 0.5) / n1)
        assert found.p_fell == pytest.approx(exact.cdf(1 / scale), abs=0.01)
        assert found.ratio == pytest.approx(scale * exact.median(), rel=0.02)
        if x1:
            assert (found.low, found.high) == pytest.approx(tuple(scale * exact.ppf([0.05, 0.95])), rel=0.03)


def test_the_ratio_lies_near_the_exact_conditional_one() -> None:
    found = rate_ratio((30, 1000), (12, 800))
    # Given their sum, the later failures are binomial: Clopper and Pearson's bounds of their share, as a ratio.
    share = np.array([stats.beta.ppf(0.05, 12, 31), stats.beta.ppf(0.95, 13, 30)])
    low, high = share / (1 - share) * 1000 / 800
    assert low < found.low < found.ratio < found.high < high
    assert found.low == pytest.approx(low, rel=0.12)
    assert found.high == pytest.approx(high, rel=0.12)


def ratios(burst: float, days: tuple[int, int], repetitions: int) -> float:
    """Share of 90 % intervals of a ratio that hold the truth: 20 handoffs, half of them repaired halfway."""
    random = np.random.default_rng(int(burst) + sum(days))
    size, held = sum(days), []
    early = np.arange(size) < days[0]
    for repetition in range(repetitions):
        truth = 0.5 if repetition % 2 else 1.0
        calls = np.round(1000 * np.exp(random.normal(0, 0.1, (20, size))))
        x = bursty(random, calls * random.beta(4, 1000, 20)[:, None] * np.where(early, 1.0, truth), burst)
        failed = np.stack([x[:, side].sum(axis=1) for side in (early, ~early)])
        called = np.stack([calls[:, side].sum(axis=1) for side in (early, ~early)])
        mean = np.where(early, (failed[0] / called[0])[:, None], (failed[1] / called[1])[:, None]) * calls
        found = overdispersion(np.repeat(np.arange(20), size), x.ravel(), mean.ravel(), groups=20)
        spread = np.stack([(calls[:, side] ** 2).sum(axis=1) for side in (early, ~early)]) / called**2
        for place in range(20):
            ratio = rate_ratio(
                (failed[0, place], called[0, place]),
                (failed[1, place], called[1, place]),
                excess=(found.alpha[place] * spread[0, place], found.alpha[place] * spread[1, place]),
            )
            held.append(ratio.low <= truth <= ratio.high)
    return float(np.mean(held))


@pytest.mark.parametrize("burst", [0.0, 5.0])
def test_intervals_of_a_ratio_hold_under_bursts(burst: float) -> None:
    assert 0.84 <= ratios(burst, (60, 30), 12) <= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("burst", [0.0, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("days", [(60, 30), (90, 14)])
def test_ninety_percent_intervals_of_a_ratio_cover_85_to_93_percent(burst: float, days: tuple[int, int]) -> None:
    assert 0.84 <= ratios(burst, days, 60) <= 0.94
