"""What has not ended yet counts as long as it must: against lifelines and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from handoff_analytics.statistics.survival import survival


def censored(seed: int = 1, size: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    true, limit = random.lognormal(1.5, 1.2, size), random.uniform(0, 60, size)
    return np.minimum(true, limit), true <= limit, true


@pytest.mark.filterwarnings("ignore")
def test_curve_median_and_restricted_mean_are_those_of_lifelines() -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    durations, ended, _ = censored()
    mine = survival(durations, ended)
    theirs = KaplanMeierFitter().fit(durations, ended)
    assert mine.at([1.0, 5.0, 20.0]) == pytest.approx(theirs.predict([1.0, 5.0, 20.0]).to_numpy())
    assert mine.median == pytest.approx(theirs.median_survival_time_)
    assert mine.restricted_mean(30) == pytest.approx(restricted_mean_survival_time(theirs, t=30), rel=1e-6)


def test_closed_ones_alone_look_shorter_than_the_truth() -> None:
    durations, ended, true = censored(seed=2, size=4000)
    wanted = np.minimum(true, 30).mean()
    assert survival(durations, ended).restricted_mean(30) == pytest.approx(wanted, rel=0.05)
    assert durations[ended].mean() < 0.8 * wanted


def test_open_ones_brought_to_their_end_average_to_the_restricted_mean() -> None:
    durations, ended, _ = censored()
    curve = survival(durations, ended)
    whole = np.where(ended, np.minimum(durations, 30), curve.expected(durations, horizon=30))
    assert np.minimum(whole, 30).mean() == pytest.approx(curve.restricted_mean(30), rel=0.01)


def test_weights_count_as_repetitions() -> None:
    weighted = survival([1, 2, 3], [True, False, True], weights=[2, 1, 3])
    repeated = survival([1, 1, 2, 3, 3, 3], [True, True, False, True, True, True])
    assert weighted.survival == pytest.approx(repeated.survival)


def test_a_median_that_was_never_reached_is_infinite() -> None:
    assert survival([1, 5, 5], [True, False, False]).median == float("inf")
    assert survival([], []).restricted_mean(3) == 3.0
