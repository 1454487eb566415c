"""How many working hours lie between two moments?"""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .catalogue import Calendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OFFICE_HOURS = Calendar(timezone="UTC", open=time(9), close=time(17), days=(0, 1, 2, 3, 4), holidays=frozenset[date]())
"""What is assumed where no calendar is declared: Monday to Friday, nine to five, UTC, no holidays."""


def working_hours(since: pl.Series, until: pl.Series, calendar: Calendar = OFFICE_HOURS) -> Floats:
    """Count the working hours between pairs of moments.

    Parameters
    ----------
    since, until
        UTC, without zone; null where not known.
    calendar
        Zone, opening hours, weekdays and holidays.

    Returns
    -------
    numpy.ndarray
        Hours; negative where until lies before since, NaN where either is null.

    Examples
    --------
    >>> from datetime import datetime
    >>> friday, monday = datetime(2026, 3, 6, 16), datetime(2026, 3, 9, 10)
    >>> working_hours(pl.Series([friday]), pl.Series([monday])).tolist()
    [2.0]
    """
    return _worked_before(until, calendar) - _worked_before(since, calendar)


def _worked_before(moments: pl.Series, calendar: Calendar) -> Floats:
    """Count the working hours from a fixed day to each moment."""
    local = (
        moments.cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(calendar.timezone)
        .dt.replace_time_zone(None)
    )
    day = local.dt.date().cast(pl.Int32).cast(pl.Float64).to_numpy()
    hour = (local.dt.time().cast(pl.Int64) / 3.6e12).to_numpy()
    known = np.isfinite(day)
    if not known.any():
        return np.full(len(moments), np.nan)
    first, last = int(day[known].min()), int(day[known].max())
    holidays = {(holiday - date(1970, 1, 1)).days for holiday in calendar.holidays}
    # 1970-01-01 was a Thursday.
    worked = np.array(
        [(number + 3) % 7 in calendar.days and number not in holidays for number in range(first, last + 1)]
    )
    # Days are counted from a Monday long past, so that moments of different calls share one zero.
    before = np.concatenate([[0], np.cumsum(worked)]) + _days_before(first, calendar, holidays)
    opens = calendar.open.hour + calendar.open.minute / 60
    length = calendar.close.hour + calendar.close.minute / 60 - opens
    place = np.where(known, day - first, 0).astype(np.int64)
    today = np.where(worked[place], np.clip(np.where(known, hour, 0) - opens, 0, length), 0)
    return np.where(known, before[place] * length + today, np.nan)


def _days_before(first: int, calendar: Calendar, holidays: set[int]) -> int:
    """Count the working days between 1970-01-05, a Monday, and a day."""
    weeks, rest = divmod(first - 4, 7)
    days = weeks * len(calendar.days) + sum(day in calendar.days for day in range(rest))
    return days - sum(4 <= holiday < first and (holiday + 3) % 7 in calendar.days for holiday in holidays)
