"""Working hours, against counting minute by minute."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff_analytics.catalogue import Calendar
from handoff_analytics.working_time import working_hours

BERLIN = Calendar(
    timezone="Europe/Berlin", open=time(9), close=time(18), days=(0, 1, 2, 3, 4), holidays=frozenset({date(2026, 4, 3)})
)
FIRST = datetime.fromisoformat("2026-03-01T00:00")
MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


def counted(since: datetime, until: datetime) -> float:
    """Count working minutes one by one."""
    minutes, moment = 0, since
    while moment < until:
        local = moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/Berlin"))
        minutes += (
            local.weekday() in BERLIN.days
            and local.date() not in BERLIN.holidays
            and BERLIN.open <= local.time() < BERLIN.close
        )
        moment += timedelta(minutes=1)
    return minutes / 60


@settings(max_examples=25, deadline=None)
@given(MOMENTS, st.integers(0, 6 * 24 * 60))
def test_hours_are_those_of_counting_minutes(since: datetime, minutes: int) -> None:
    until = since + timedelta(minutes=minutes)
    assert working_hours(pl.Series([since]), pl.Series([until]), BERLIN)[0] == pytest.approx(counted(since, until))


def test_what_is_not_known_stays_unknown() -> None:
    moment = pl.Series([FIRST, None])
    assert np.isnan(working_hours(moment, moment, BERLIN)).tolist() == [False, True]
    nothing = pl.Series([None], dtype=pl.Datetime("us"))
    assert np.isnan(working_hours(nothing, nothing, BERLIN)).all()
