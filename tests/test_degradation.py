"""A watch finds what was planted, knows nothing of the future, and raises false alarms no more often than allowed."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.degradation import watched
from handoff_analytics.errors import ArgumentError

START = datetime(2026, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone


def signals(events, trials, *, metric="validation_errors"):
    """Series of counts as `handoff_signals` would return them: one handoff a row."""
    events, trials = np.atleast_2d(events).astype(float), np.atleast_2d(trials).astype(float)
    series, days = events.shape
    return pl.DataFrame(
        {
            "source": np.repeat([f"s{n:03d}" for n in range(series)], days),
            "target": "t",
            "channel": "http",
            "metric": metric,
            "bucket_at": [START + timedelta(days=day) for _ in range(series) for day in range(days)],
            "trials": np.broadcast_to(trials, events.shape).ravel(),
            "events": events.ravel(),
            "seconds": pl.Series([None] * events.size, dtype=pl.Float64),
            "threshold": pl.Series([None] * events.size, dtype=pl.Float64),
        }
    ).with_columns(pl.col("bucket_at").cast(pl.Datetime("us")))


def panel(seed, *, series, days, rate=0.02, trials=50, burst=0.0, multiple=1.0, since=0, worse=0):
    """Counts of handoffs that are well, the first few of which become worse."""
    random = np.random.default_rng(seed)
    mean = np.full((series, days), rate * trials)
    mean[:worse, since:] *= multiple
    scale = random.gamma(1 / burst, burst, mean.shape) if burst else 1.0
    return signals(random.poisson(mean * scale), np.full(mean.shape, float(trials)))


def warnings(frame):
    first = pl.col("degraded") & ~pl.col("degraded").shift(1, fill_value=False).over("source")
    return frame.filter(first)


@pytest.mark.parametrize(
    ("rate", "trials", "burst"), [(0.002, 50, 0.0), (0.02, 50, 0.0), (0.1, 50, 0.5), (0.02, 50, 1.0), (0.1, 500, 0.2)]
)
def test_handoffs_that_are_well_raise_as_many_false_alarms_as_were_allowed(rate, trials, burst):
    """Although what is usual, and how failures cluster, is learnt from eight weeks and not known."""
    allowed = 90.0
    frame = watched(panel(1, series=60, days=300, rate=rate, trials=trials, burst=burst), false_alarm_days=allowed)
    ratio = warnings(frame).height / (frame["usual"].is_not_null().sum() / allowed)
    # 181 are allowed: three standard errors are 22 %.
    assert ratio == pytest.approx(1.0, abs=0.22)
    # Two of 60 series, at most: confirmation allows one finding in ten to be false, and here nothing is to be found.
    assert frame.filter("confirmed")["source"].n_unique() <= 2


def test_a_doubling_is_found_soon_and_dated_well():
    frame = watched(panel(2, series=20, days=200, trials=200, multiple=2.0, since=120, worse=10))
    begun = START + timedelta(days=120)
    after = warnings(frame).filter(pl.col("bucket_at") >= begun).filter(pl.col("source") < "s010")
    assert after["source"].n_unique() == 10
    delays = [(at - begun).days for at in after.sort("bucket_at").unique("source", keep="first")["bucket_at"]]
    # Expected 4 a day: a doubling takes about five days at 90 days between false alarms.
    assert np.mean(delays) < 8
    dated = [abs((since - begun).days) for since in after["since"]]
    assert np.median(dated) <= 3


def test_of_the_confirmed_no_more_are_false_than_allowed():
    false, power = [], []
    for seed in range(6):
        frame = watched(
            panel(seed, series=60, days=160, trials=200, multiple=2.5, since=110, worse=10), false_discovery_rate=0.1
        )
        sure = set(frame.filter("confirmed")["source"])
        false.append(sum(name >= "s010" for name in sure) / max(1, len(sure)))
        power.append(sum(name < "s010" for name in sure) / 10)
    assert np.mean(false) <= 0.1
    assert np.mean(power) >= 0.9


@settings(max_examples=8, deadline=None)
@given(st.integers(35, 119), st.integers(0, 1000))
def test_nothing_that_comes_later_changes_what_was_said(until, seed):
    whole = panel(seed, series=5, days=120, multiple=3.0, since=70, worse=2, burst=0.3)
    cut = whole.filter(pl.col("bucket_at") < START + timedelta(days=until))
    columns = ["source", "bucket_at", "usual", "limit", "smoothed", "calm_days", "alarm", "confirmed", "since"]
    then = watched(cut).select(columns)
    now = watched(whole).filter(pl.col("bucket_at") < START + timedelta(days=until)).select(columns)
    assert then.equals(now)


def test_no_alarm_while_it_learns_and_none_without_events():
    frame = watched(signals(np.r_[np.full(20, 9), np.zeros(300)], np.full(320, 10.0)))
    assert not frame["alarm"].any()
    assert frame["usual"].is_null().to_list()[:28] == [True] * 28


def test_a_token_needs_no_learning():
    events = np.zeros(40)
    events[[3, 4, 5]] = 2
    frame = watched(signals(events, np.full(40, 8.0), metric="token_slack"))
    assert frame.filter("alarm")["bucket_at"].min() == START + timedelta(days=3)


def test_what_is_usual_is_the_share_of_the_weeks_before_the_last():
    # 1 of 10 calls on each of 60 days: (x + .5) / (n + .5 / everybody's share), where everybody is this handoff.
    frame = watched(signals(np.full(60, 1.0), np.full(60, 10.0)))
    x, n = 59 - 7, (59 - 7) * 10
    everybody = (x + 0.5) / (n + 1)
    assert frame["usual"][-1] == pytest.approx((x + 0.5) / (n + 0.5 / everybody))


def test_a_change_that_stays_becomes_usual():
    random = np.random.default_rng(5)
    events = np.r_[random.poisson(1.0, 100), random.poisson(6.0, 200)]
    frame = watched(signals(events, np.full(300, 50.0)))
    assert frame["usual"][99] == pytest.approx(0.02, abs=0.01)
    assert frame["usual"][-1] == pytest.approx(0.12, abs=0.03)
    assert not frame["degraded"][-1]


@pytest.mark.parametrize(("name", "value"), [("false_alarm_days", 0), ("false_discovery_rate", 1.0)])
def test_a_parameter_outside_its_meaning_is_refused(name, value):
    with pytest.raises(ArgumentError, match=name):
        ha.degradation(ha.History(), **{name: value})
