"""Platform types are compared at equal volume and mix, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import statsmodels.api as sm
from histories import NOON, crossing, failure, history_with
from scipy import stats

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError
from handoff_analytics.platforms.comparison import poisson_interval
from handoff_analytics.platforms.regression import negative_binomial

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = np.exp(np.array([-6.5, -5.5, -4.5, -5.0, -6.0]))
MIX = np.array([[0.6, 0.2, 0.05, 0.1, 0.05], [0.1, 0.2, 0.5, 0.1, 0.1], [0.5, 0.2, 0.1, 0.1, 0.1], [0.2] * 5])
EFFECT = np.array([1, 1, 1.5, 1.0])


def portfolio(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four platform types of 25 handoffs whose mix of five types differs; the third fails 1.5 times as often."""
    platform = np.repeat(np.arange(4), 25)
    kind = np.array([random.choice(5, p=MIX[p]) for p in platform])
    calls = np.exp(random.normal(8, 1.2, 100)).astype(int) + 1
    failed = random.poisson(calls * TYPES[kind] * EFFECT[platform] * random.gamma(2, 0.5, 100))
    columns = [np.ones(100), *((platform == p) * 1.0 for p in (1, 2, 3)), *((kind == k) * 1.0 for k in range(1, 5))]
    return failed.astype(float), calls.astype(float), np.column_stack(columns)


def test_the_regression_is_that_of_statsmodels() -> None:
    random = np.random.default_rng(0)
    for _ in range(3):
        failed, calls, design = portfolio(random)
        ours = negative_binomial(failed, calls, design, adjusted=False)
        theirs = sm.NegativeBinomial(failed, design, offset=np.log(calls)).fit(disp=0, maxiter=500)
        assert ours.coefficients == pytest.approx(theirs.params[:-1], abs=1e-3)
        assert ours.dispersion == pytest.approx(theirs.params[-1], rel=1e-3)
        # Expected against observed information: close, not equal.
        assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse[:-1], rel=0.3)


def test_the_planted_ratio_is_recovered() -> None:
    random = np.random.default_rng(1)
    weights = np.eye(8)[2]
    ratios, crude = [], []
    for _ in range(60):
        failed, calls, design = portfolio(random)
        ratios.append(np.log(negative_binomial(failed, calls, design).ratio(weights)[0]))
        third, first = design[:, 2] == 1, design[:, 1:4].sum(axis=1) == 0
        crude.append(np.log((failed[third].sum() / calls[third].sum()) / (failed[first].sum() / calls[first].sum())))
    assert np.exp(np.mean(ratios)) == pytest.approx(1.5, rel=0.12)
    assert np.std(ratios) < 0.65 * np.std(crude)


def covered(spread: Callable[[np.random.Generator, int], np.ndarray], *, handoffs: int, runs: int = 250) -> float:
    """Share of 90 % intervals that hold the true ratio of two types whose handoffs vary by `spread`, mean 1."""
    random = np.random.default_rng(6)
    held, platform = 0, np.repeat([0.0, 1.0], handoffs)
    for _ in range(runs):
        calls = np.exp(random.normal(8, 1.2, 2 * handoffs))
        rates = TYPES[1] * np.where(platform == 1, 1.5, 1.0) * spread(random, 2 * handoffs)
        failed = random.poisson(calls * rates).astype(float)
        design = np.column_stack([np.ones(2 * handoffs), platform])
        _, low, high, _ = negative_binomial(failed, calls, design).ratio(np.array([0.0, 1.0]))
        held += low < 1.5 < high
    return held / runs


@pytest.mark.parametrize("handoffs", [5, 25])
def test_intervals_cover_what_they_say_where_the_model_holds(handoffs: int) -> None:
    # 250 runs: two standard errors of .90 are .038. A little more than 90 % is asked of a cautious interval.
    assert 0.87 <= covered(lambda random, n: random.gamma(2, 0.5, n), handoffs=handoffs) <= 0.97


def test_intervals_fall_short_where_few_handoffs_fail_most_and_by_how_much() -> None:
    """Lognormal with a standard deviation of 1.5 on the log scale: no interval from 25 handoffs reaches .90."""
    heavy = covered(lambda random, n: np.exp(random.normal(-1.125, 1.5, n)), handoffs=25)
    assert 0.78 <= heavy < 0.9


def test_without_extra_variation_it_is_a_poisson_regression() -> None:
    random = np.random.default_rng(2)
    calls = random.uniform(100, 1000, 200)
    design = np.column_stack([np.ones(200), random.normal(size=200)])
    failed = random.poisson(calls * np.exp(-3 + 0.5 * design[:, 1])).astype(float)
    ours = negative_binomial(failed, calls, design)
    theirs = sm.GLM(failed, design, family=sm.families.Poisson(), offset=np.log(calls)).fit()
    assert ours.coefficients == pytest.approx(theirs.params, abs=0.01)
    assert ours.dispersion < 0.01


def test_what_cannot_be_fitted_is_refused_and_no_failure_at_all_is_a_rate_of_nothing() -> None:
    with pytest.raises(ArgumentError, match="more than 2"):
        negative_binomial(np.ones(2), np.ones(2), np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="overlap"):
        negative_binomial(np.ones(9), np.ones(9), np.ones((9, 2)))
    assert np.exp(negative_binomial(np.zeros(20), np.ones(20), np.ones((20, 1))).coefficients[0]) < 1e-3


def test_the_interval_of_a_count_is_exact() -> None:
    low, high = poisson_interval(10)
    assert stats.poisson(low).sf(9) == pytest.approx(0.05)
    assert stats.poisson(high).cdf(10) == pytest.approx(0.05)
    assert poisson_interval(0)[0] == 0


def company(rates: dict[str, float], *, handoffs: int = 6, channels: tuple[str, ...] = ("http",)) -> ha.History:
    random = np.random.default_rng(4)
    crossings, failures, number = [], [], 0
    for platform, rate in rates.items():
        for place in range(handoffs):
            where = {"channel": channels[place % len(channels)], "platform": platform}
            for _ in range(400):
                number += 1
                failed = bool(random.random() < rate)
                crossings.append(crossing(number, f"{platform}{place}", "target", failed=failed, **where))
                if failed:
                    failures.append(failure(number, f"{platform}{place}", "target", **where))
    return history_with(crossings=crossings, failures=failures)


def by_platform(history: ha.History, **options: Any) -> dict[str, dict[str, Any]]:
    return {row["platform"]: row for row in ha.platforms(history, **options).to_dicts()}


def test_the_articles_table_stands_beside_and_is_attributed() -> None:
    claims = ha.platform_claims()
    assert claims.shape == (4, 7)
    assert claims.null_count().sum_horizontal().item() == 0
    assert claims["attribution"].str.contains("Decryptd").all()
    rows = by_platform(company({"ipaas": 0.02, "custom": 0.06}))
    assert list(rows) == ["ipaas", "low_code", "custom", "orchestrator"]
    assert rows["low_code"]["handoffs"] == 0
    assert rows["low_code"]["visibility_claim"]
    assert "team" in rows["ipaas"]["caveat"]


def test_a_planted_difference_is_found_with_its_size_and_the_plain_view_adds_up() -> None:
    rows = by_platform(company({"ipaas": 0.02, "custom": 0.06}), reference="ipaas")
    assert rows["custom"]["ratio_low"] < 3 < rows["custom"]["ratio_high"]
    assert rows["custom"]["p_value"] < 0.01
    assert rows["ipaas"]["rate_ratio"] == 1
    assert rows["ipaas"]["observed_to_expected"] < 1 < rows["custom"]["observed_to_expected"]
    seen = [row for row in rows.values() if row["handoffs"]]
    assert sum(row["expected_failures"] for row in seen) == pytest.approx(sum(row["failures"] for row in seen))


def test_equal_platforms_are_not_told_apart() -> None:
    row = by_platform(company({"ipaas": 0.04, "custom": 0.04}), reference="ipaas")["custom"]
    assert row["ratio_low"] < 1 < row["ratio_high"]


def test_a_comparison_without_a_common_ground_is_refused() -> None:
    few = by_platform(company({"ipaas": 0.04, "custom": 0.04}, handoffs=2), reference="ipaas")["custom"]
    assert not few["comparable"]
    assert "3 handoffs" in few["why_not"]
    assert few["rate_ratio"] is None
    assert few["observed_to_expected"] is not None
    spotless = by_platform(company({"ipaas": 0.04, "custom": 0.0}), reference="ipaas")["custom"]
    assert "nothing has failed" in spotless["why_not"]


def test_only_cells_that_both_share_are_compared() -> None:
    history = company({"ipaas": 0.04, "custom": 0.04}, handoffs=8, channels=("http", "database"))
    assert by_platform(history, reference="ipaas")["custom"]["common_handoffs"] == 8
    mix = ha.platform_mix(history)
    assert mix["handoffs"].to_list() == [4, 4, 4, 4]
    assert mix["enough"].all()
    assert ha.platform_mix(history, mix=()).height == 2


def test_what_became_of_failures_is_counted_for_each_platform() -> None:
    crossings = [crossing(n, "a", "b", platform="ipaas") for n in range(20)]
    crossings += [crossing(50 + n, "a", "b", platform="ipaas", operation="DELETE /x", failed=n == 0) for n in range(4)]
    failures = [
        failure(1, "a", "b", platform="ipaas", silent=True),
        failure(2, "a", "b", platform="ipaas", fate="masked", recovered_at=NOON + timedelta(hours=3)),
        failure(3, "a", "b", platform="ipaas", fate="swallowed"),
        failure(4, "a", "b", platform="ipaas"),
    ]
    ticket = {"ticket_uid": 1, "source": "a", "target": "b", "channel": "http", "share": 1.0, "touch_hours": 4.0}
    tables: dict[str, Any] = {"recoveries": [ticket], "systems": [{"name": "b", "team": "t"}]}
    row = by_platform(
        history_with(
            crossings=crossings,
            failures=failures,
            handoffs=[{"source": "a", "target": "b", "channel": "http", "platform": "ipaas"}],
            **tables,
        )
    )["ipaas"]
    assert [row[f"{name}_share"] for name in ("visible", "propagated", "undone", "recovered")] == [
        0.75,
        0.5,
        0.75,
        0.25,
    ]
    assert row["visible_low"] < 0.75 < row["visible_high"]
    assert (row["teams"], row["hours_per_ticket"]) == (1, 4)


def test_unknown_words_and_missing_platforms_are_refused() -> None:
    history = company({"ipaas": 0.04}, handoffs=1)
    for asked in (ha.platforms, ha.platform_mix):
        with pytest.raises(ArgumentError, match="mix names 'colour'"):
            asked(history, mix=("colour",))
    with pytest.raises(ArgumentError, match="reference"):
        ha.platforms(history, reference="custom")
    with pytest.raises(EmptyHistoryError, match="platform"):
        ha.platforms(history_with(crossings=[crossing(1, "a", "b")]))


def growing(exponent: float) -> dict[str, dict[str, Any]]:
    """Six handoffs over twelve weeks whose failure rate goes with a power of their volume."""
    random = np.random.default_rng(8)
    crossings, failures, number = [], [], 0
    for week in range(12):
        volume = 10 * 2 ** (week / 3)
        for place in range(6):
            for _ in range(round(volume)):
                number += 1
                at = NOON + timedelta(weeks=week, hours=int(random.integers(0, 100)))
                failed = bool(random.random() < 0.05 * (volume / 10) ** exponent)
                flow = f"w{random.integers(0, 2 + 3 * week)}"
                crossings.append(crossing(number, f"s{place}", "t", started_at=at, failed=failed, workflow=flow))
                if failed:
                    failures.append(failure(number, f"s{place}", "t", failed_at=at, workflow=flow))
    return {
        row["growth_with"]: row for row in ha.scaling(history_with(crossings=crossings, failures=failures)).to_dicts()
    }


def test_failures_that_outgrow_volume_are_found_with_their_exponent() -> None:
    rows = growing(1.0)
    assert rows["volume over time"]["verdict"] == "yes"
    assert rows["volume over time"]["exponent_low"] < 1 < rows["volume over time"]["exponent_high"]
    assert rows["workflows over time"]["verdict"] == "yes"


def test_failures_that_keep_pace_are_not_said_to_grow() -> None:
    assert growing(-0.7)["volume over time"]["verdict"] == "no"
    assert growing(0.0)["volume over time"]["verdict"] != "yes"


def test_one_size_and_nothing_say_that_they_cannot_tell() -> None:
    rows = ha.scaling(company({"ipaas": 0.05}, handoffs=10))
    assert rows["verdict"].to_list() == ["cannot tell"] * 3
    assert rows["note"][0] == "It was always the same size."
    assert ha.scaling(history_with())["note"].to_list() == ["There is nothing to compare."] * 3
    assert ha.scaling(history_with(crossings=[crossing(1, "a", "b")]))["verdict"][0] == "cannot tell"
