"""Which instant does a text mean?

Exports write times in the order, the zone and the unit that somebody once set. What can be told from the values is told
and flagged; what cannot, such as 03/04/2026 in a column of small numbers, is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from ..errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INSTANT = pl.Datetime("us")
_ISO = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y%m%dT%H%M%S%#z",
    "%Y%m%dT%H%M%S",
)
EPOCHS_US = {"epoch_s": 1_000_000.0, "epoch_ms": 1_000.0, "epoch_us": 1.0, "epoch_ns": 0.001}
"""Formats of numbers since 1970, with the microseconds of one unit."""
# From 2000 to 2100 the four units do not overlap, so that the size of a number tells its unit.
_EPOCH_WINDOW_S = (9.4e8, 4.1e9)
_EXCEL_DAY_US = 86_400_000_000
_EXCEL_ZERO_US = -2_209_161_600_000_000  # 1899-12-30, which makes 1900-03-01 day 61
_EARLIEST, _LATEST = 1971, 2100
# Month names of other languages, where their first three letters are not the English ones.
_MONTHS = {
    "jän": "jan", "ene": "jan", "gen": "jan", "fév": "feb", "fev": "feb", "mär": "mar", "mrt": "mar", "maa": "mar",
    "avr": "apr", "abr": "apr", "mai": "may", "mag": "may", "mei": "may", "maj": "may", "giu": "jun", "lug": "jul",
    "aoû": "aug", "aou": "aug", "ago": "aug", "set": "sep", "okt": "oct", "out": "oct", "ott": "oct", "dez": "dec",
    "déc": "dec", "dic": "dec",
}  # fmt: skip
_LONG_MONTHS = {"juin": "jun", "juil": "jul", "märz": "mar", "mars": "mar"}
DIRECTIVES = frozenset("YymdHIMSpbBjaAzfeT")
"""Directives of strptime that a format may hold."""


@dataclass(frozen=True)
class Instants:
    """A column of texts, read as instants."""

    values: pl.Series
    """Datetime in UTC, microseconds; null where the text is missing, a sentinel or unreadable."""
    unreadable: pl.Series
    """True where a text is there and means no instant."""
    doubts: dict[str, pl.Series] = field(default_factory=dict)
    """Flag and the rows that it concerns."""
    naive: str | None = None
    """A text without a zone, where no zone was given: it was read as UTC."""
    nanoseconds: pl.Series | None = None
    """Nanoseconds since 1970, exactly as given, where the unit is nanoseconds."""


def known(fmt: str) -> bool:
    """Tell whether a format is one that `instants` can read."""
    if fmt in EPOCHS_US or fmt in {"iso", "epoch", "excel"}:
        return True
    directives = re.findall(r"%(?:[-.#3-9]?)(.)", fmt)
    return bool(directives) and all(directive in DIRECTIVES for directive in directives)


def _twin(fmt: str) -> str:
    """Return a format with day and month changed places."""
    return fmt.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def ambiguous(formats: Iterable[str]) -> set[str]:
    """Return the formats that are there in both orders of day and month.

    Examples
    --------
    >>> sorted(ambiguous(["iso", "%d/%m/%Y", "%m/%d/%Y"]))
    ['%d/%m/%Y', '%m/%d/%Y']
    """
    given = set(formats)
    return {fmt for fmt in given if "%d" in fmt and "%m" in fmt and "%Y-%m-%d" not in fmt and _twin(fmt) in given}


def day_first(texts: pl.Series, formats: Sequence[str]) -> tuple[int, int, str | None, str | None]:
    """Count how many texts only day/month can be, and how many only month/day.

    Parameters
    ----------
    texts
        Stripped text; null where there is none.
    formats
        Formats of the column.

    Returns
    -------
    tuple
        Both counts, a text that decides, and a text that can be both; null where there is none.

    Examples
    --------
    >>> day_first(pl.Series(["3/4/2026", "29/2/2024"]), ["%d/%m/%Y", "%m/%d/%Y"])
    (1, 0, '29/2/2024', '3/4/2026')
    """
    both = ambiguous(formats)
    first = [fmt for fmt in formats if fmt in both and fmt.index("%d") < fmt.index("%m")]
    one, two = _any(texts, first), _any(texts, [_twin(fmt) for fmt in first])
    decides = texts.filter(one.is_not_null() != two.is_not_null())
    # The fourth of April is the same in both orders.
    either = texts.filter((one != two).fill_null(value=False))
    day, month = int((one.is_not_null() & two.is_null()).sum()), int((one.is_null() & two.is_not_null()).sum())
    return day, month, decides[0] if decides.len() else None, either[0] if either.len() else None


def ordered(formats: Sequence[str], *, day: bool) -> tuple[str, ...]:
    """Return the formats without those that put day and month in the other order."""
    both = ambiguous(formats)
    return tuple(fmt for fmt in formats if fmt not in both or (fmt.index("%d") < fmt.index("%m")) == day)


def epoch_unit(texts: pl.Series) -> str | None:
    """Return the unit of numbers since 1970 by their size, if all of them agree.

    Examples
    --------
    >>> epoch_unit(pl.Series(["1700000000123", "1700000000456"]))
    'epoch_ms'
    >>> epoch_unit(pl.Series(["1700000000", "1700000000456"])) is None
    True
    """
    numbers = texts.cast(pl.Float64, strict=False).drop_nulls()
    if numbers.is_empty():
        return None
    low, high = _EPOCH_WINDOW_S
    smallest, largest = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type] # numbers, not empty
    for unit, us in EPOCHS_US.items():
        if low <= smallest * us / 1e6 and largest * us / 1e6 <= high:
            return unit
    return None


def instants(
    texts: pl.Series, *, formats: Sequence[str] = ("iso",), zone: str | None = None, dst: str = "flag"
) -> Instants:
    """Read texts as instants.

    Parameters
    ----------
    texts
        Stripped text; null where there is none.
    formats
        Tried in this order: ``iso``, strptime formats, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``,
        ``epoch`` (unit by size) and ``excel`` (days since 1900).
    zone
        Time zone of texts that name none; without it they are read as UTC and `Instants.naive` shows one.
    dst
        What to do with an hour that a change of the clocks repeats or leaves out. ``flag`` reads it with the offset
        before the change (as RFC 5545 does), ``earlier`` and ``later`` take that instant of the two, ``reject`` calls
        it unreadable. All but ``reject`` flag it.

    Returns
    -------
    Instants
        One value a text.

    Examples
    --------
    >>> read = instants(pl.Series(["2026-03-29 02:30", "2026-01-31T09:00:00+01:00"]), zone="Europe/Berlin")
    >>> [str(value) for value in read.values]
    ['2026-03-29 01:30:00', '2026-01-31 08:00:00']
    >>> list(read.doubts)
    ['dst_gap']
    """
    doubts: dict[str, pl.Series] = {}
    given = texts.is_not_null()
    leap = texts.str.contains(":60", literal=True).fill_null(value=False)
    if leap.any():
        leap = texts.str.contains(r":60(?:\D|$)").fill_null(value=False)
    if leap.any():
        # A leap second is the last microsecond of its minute: no clock of ours has a sixtieth second.
        texts = _choose(leap, texts.str.replace(r":60(?:[.,]\d+)?", ":59"), texts)
        doubts["leap_second"] = leap
    local, zoned, date_only = _parsed(texts, formats)
    numbers, nanoseconds, guessed = _numbers(texts, formats)
    if guessed:
        doubts["epoch_unit_guessed"] = numbers.is_not_null()
    missing = given & local.is_null() & zoned.is_null() & numbers.is_null()
    if missing.any():
        local, zoned, more = _rescued(texts, missing, formats, local, zoned)
        date_only = date_only | more
    sentinel = _sentinel(local) | _sentinel(zoned)
    if missing.any():
        sentinel = sentinel | texts.str.starts_with("0000-00-00").fill_null(value=False)
    if sentinel.any():
        doubts["sentinel_time"] = sentinel
        local, zoned = _without(local, sentinel), _without(zoned, sentinel)
    naive = texts.filter(local.is_not_null() & zoned.is_null())
    if zone is not None and naive.len():
        local, unusable = _in_zone(local, zone, dst, doubts)
    else:
        unusable = _nowhere(texts)
    values = _first(_first(local, zoned), numbers)
    if leap.any():
        values = _choose(leap, values + pl.duration(microseconds=999_999), values)
    if date_only.any():
        doubts["date_only"] = date_only
    years = values.dt.year()
    outside = ((years < _EARLIEST) | (years > _LATEST)).fill_null(value=False)
    values = _without(values, outside | unusable)
    return Instants(
        values=values,
        unreadable=given & values.is_null() & ~sentinel,
        doubts={flag: rows for flag, rows in doubts.items() if rows.any()},
        naive=str(naive[0]) if zone is None and naive.len() else None,
        nanoseconds=nanoseconds,
    )


def _nowhere(values: pl.Series) -> pl.Series:
    return pl.Series([False]).new_from_index(0, values.len())


def _choose(rows: pl.Series, yes: pl.Series | pl.Expr, no: pl.Series) -> pl.Series:
    return pl.select(pl.when(rows).then(yes).otherwise(no).alias(no.name)).to_series()


def _first(one: pl.Series, two: pl.Series) -> pl.Series:
    return one if not one.has_nulls() else one.zip_with(one.is_not_null(), two)


def _without(values: pl.Series, rows: pl.Series) -> pl.Series:
    return values.set(rows, None) if rows.any() else values


def _strptime(texts: pl.Series, fmt: str) -> pl.Series:
    """Parse with one format; a year that nobody means is a format that does not fit."""
    # Python writes a fraction after its point, the parser with it.
    parsed = texts.str.strptime(_INSTANT, fmt.replace(".%f", "%.f"), strict=False)
    if "%y" in fmt or "%Y" not in fmt:
        return parsed
    # "%Y" takes the 24 of 05-01-24 for the year 24; the years 1 and 9999 are somebody's "never".
    years = parsed.dt.year()
    if not (years < 1900).any():
        return parsed
    return _without(parsed, (years.is_between(2, 1899) | (years < 1)).fill_null(value=False))


def _any(texts: pl.Series, formats: Iterable[str]) -> pl.Series:
    """Parse with the first format that fits, without zones."""
    found = pl.Series(texts.name, [None], dtype=_INSTANT).new_from_index(0, texts.len())
    for fmt in formats:
        if not found.has_nulls():
            break
        found = _first(found, _strptime(texts, fmt))
    return found


def _patterns(formats: Sequence[str]) -> list[str]:
    return [pattern for fmt in formats for pattern in (_ISO if fmt == "iso" else (fmt,)) if "%" in pattern]


def _parsed(texts: pl.Series, formats: Sequence[str]) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return the times without a zone, those with one in UTC, and which are dates alone."""
    local = pl.Series(texts.name, [None], dtype=_INSTANT).new_from_index(0, texts.len())
    zoned = local.clone()
    date_only = _nowhere(texts)
    open_rows = texts.is_not_null()
    patterns = _patterns(formats)
    for pattern in _likeliest_first(patterns, texts):
        if not open_rows.any():
            break
        found = _strptime(texts if open_rows.all() else _without(texts, ~open_rows), pattern)
        fresh = found.is_not_null()
        if not fresh.any():
            continue
        open_rows = open_rows & ~fresh
        if "z" in pattern:
            zoned = _first(zoned, found.dt.replace_time_zone(None))
        elif pattern.endswith(" UTC"):
            zoned = _first(zoned, found)
        else:
            local = _first(local, found)
            if "%H" not in pattern and "%I" not in pattern:
                date_only = date_only | fresh
    return local, zoned, date_only


def _likeliest_first(patterns: list[str], texts: pl.Series) -> list[str]:
    """Return the patterns with those first that fit the first texts: on a uniform column no other is ever tried."""
    sample = texts.drop_nulls().head(8)
    misfits: dict[str, int] = {}
    for pattern in patterns:
        misfits[pattern] = _strptime(sample, pattern).null_count()
        if not misfits[pattern]:
            break
    return sorted(patterns, key=lambda pattern: misfits.get(pattern, sample.len()))


def _numbers(texts: pl.Series, formats: Sequence[str]) -> tuple[pl.Series, pl.Series | None, bool]:
    """Return the instants that numbers mean, the exact nanoseconds where given, and whether the unit was guessed."""
    found = pl.Series(texts.name, [None], dtype=_INSTANT).new_from_index(0, texts.len())
    nanoseconds, guessed = None, False
    for fmt in formats:
        unit = epoch_unit(texts) if fmt == "epoch" else fmt
        if unit is None or (unit not in EPOCHS_US and unit != "excel"):
            continue
        guessed = guessed or fmt == "epoch"
        if unit == "epoch_ns":
            whole = texts.cast(pl.Int64, strict=False)
            nanoseconds = whole
            microseconds = whole // 1000
        elif unit == "excel":
            days = texts.cast(pl.Float64, strict=False)
            # Seven decimals of a serial number are a hundredth of a second.
            microseconds = ((days * 8_640_000).round() * 10_000 + _EXCEL_ZERO_US).cast(pl.Int64, strict=False)
        else:
            whole = texts.cast(pl.Int64, strict=False)
            exact = whole * int(EPOCHS_US[unit])
            scaled = (texts.cast(pl.Float64, strict=False) * EPOCHS_US[unit]).round().cast(pl.Int64, strict=False)
            microseconds = _first(exact, scaled)
        found = _first(found, microseconds.cast(_INSTANT))
    return found, nanoseconds, guessed


def _rescued(
    texts: pl.Series, missing: pl.Series, formats: Sequence[str], local: pl.Series, zoned: pl.Series
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Try what fits no format once more: midnight written as 24:00, a comma before the fraction, other languages."""
    rest = _without(texts, ~missing)
    midnight = rest.str.contains(r"(?:^|[T ])24:00(?::00)?(?:\D|$)").fill_null(value=False)
    rest = rest.str.replace(r"([T ])24:00", "${1}00:00").str.replace(r"(:\d\d),(\d)", "$1.$2")
    if any("%b" in fmt or "%B" in fmt for fmt in formats):
        rest = rest.str.replace_many(list(_LONG_MONTHS), list(_LONG_MONTHS.values()), ascii_case_insensitive=True)
        rest = rest.str.to_lowercase().str.replace_many(list(_MONTHS), list(_MONTHS.values()))
        rest = rest.str.replace_all(r"\b(\p{L}{3})\.", "$1")
    more_local, more_zoned, date_only = _parsed(rest, formats)
    if midnight.any():
        more_local = _choose(midnight, more_local + pl.duration(days=1), more_local)
        more_zoned = _choose(midnight, more_zoned + pl.duration(days=1), more_zoned)
    return _first(local, more_local), _first(zoned, more_zoned), date_only


def _sentinel(values: pl.Series) -> pl.Series:
    """Tell which times mean that there is none: the first and last of calendars, and zero of clocks."""
    first, last = values.min(), values.max()
    if first is None or (first.year > 1970 and last.year < 9999):  # type: ignore[union-attr] # datetimes
        return _nowhere(values)
    year = values.dt.year()
    zero = values.dt.timestamp("us").is_in([0, _EXCEL_ZERO_US, _EXCEL_ZERO_US + 2 * _EXCEL_DAY_US])
    return ((year <= 1) | (year >= 9999) | zero).fill_null(value=False)


def _in_zone(local: pl.Series, zone: str, dst: str, doubts: dict[str, pl.Series]) -> tuple[pl.Series, pl.Series]:
    """Return local times in UTC, and which of them `dst` refuses; flag the hours that a clock change makes doubtful."""
    nothing = _nowhere(local)
    if zone == "UTC":
        return local, nothing
    late = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    late = late.dt.replace_time_zone(None)
    early = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    early = early.dt.replace_time_zone(None)
    gap = local.is_not_null() & early.is_null()
    fold = (early != late).fill_null(value=False)
    if gap.any():
        doubts["dst_gap"] = gap
        # In a gap the offset before it puts the instant after it, and the offset after it before it.
        before, after = (_shifted(local, zone, hours) for hours in (3, -3))
        late, early = late.zip_with(~gap, before), early.zip_with(~gap, after if dst == "earlier" else before)
    if fold.any():
        doubts["dst_ambiguous"] = fold
    return (late if dst == "later" else early), (gap | fold) if dst == "reject" else nothing


def _shifted(local: pl.Series, zone: str, hours: int) -> pl.Series:
    moved = local.dt.offset_by(f"{-hours}h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return moved.dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.offset_by(f"{hours}h")


_UNITS_S = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "excel_days": 86400.0}
DURATION_UNITS = (*_UNITS_S, "iso8601", "hh:mm:ss", "since_1970")
"""Units that a duration may have: a number of them, or a way to write it."""
_ISO_DURATION = r"^(-)?P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
_CLOCK = r"^(-)?(?:(\d+)(?:\.|\s+days?,?\s+))?(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?$"


def durations_s(texts: pl.Series, *, unit: str) -> pl.Series:
    """Read texts as spans of time, in seconds; null where unreadable.

    Parameters
    ----------
    texts
        Stripped text; null where there is none.
    unit
        Unit of a number (ns, us, ms, s, min, h, d, excel_days), or the way it is written: ``iso8601`` (PT1H30M),
        ``hh:mm:ss``, ``since_1970`` (a date and time that stands for the time since 1970, or a number of seconds).

    Returns
    -------
    polars.Series
        Seconds, Float64.

    Examples
    --------
    >>> durations_s(pl.Series(["PT1H30M"]), unit="iso8601").item(), durations_s(pl.Series(["1500"]), unit="ms").item()
    (5400.0, 1.5)
    """
    if unit == "iso8601":
        return _counted(texts, _ISO_DURATION)
    if unit == "hh:mm:ss":
        return _counted(texts, _CLOCK)
    numbers = texts.cast(pl.Float64, strict=False)
    if unit == "since_1970":
        dated = texts.str.strptime(_INSTANT, "%Y-%m-%d %H:%M:%S", strict=False)
        return _first(numbers, dated.dt.timestamp("us") / 1e6)
    if unit not in _UNITS_S:
        raise MappingError(f"unit = {unit!r}, must be one of {', '.join(DURATION_UNITS)}.")
    if unit == "excel_days":
        # A cell of more than a day comes as a date, counted from the last day of 1899.
        dated = texts.str.strptime(_INSTANT, "%Y-%m-%d %H:%M:%S%.f", strict=False)
        since = (dated.dt.timestamp("us") - (_EXCEL_ZERO_US + _EXCEL_DAY_US)) / 1e6 / 86400.0
        numbers = _first(_first(numbers, since), _counted(texts, _CLOCK) / 86400.0)
    return numbers * _UNITS_S[unit]


def _counted(texts: pl.Series, pattern: str) -> pl.Series:
    """Add up days, hours, minutes and seconds that a pattern finds."""
    parts = texts.str.extract_groups(pattern).struct.unnest()
    minus, days, hours, minutes, seconds = (parts.to_series(place) for place in range(5))
    total = pl.repeat(0.0, texts.len(), eager=True)
    for part, worth in ((days, 86400.0), (hours, 3600.0), (minutes, 60.0), (seconds, 1.0)):
        total = total + part.cast(pl.Float64, strict=False).fill_null(0.0) * worth
    total = _choose(minus.is_not_null(), -total, total)
    nothing = days.is_null() & hours.is_null() & minutes.is_null() & seconds.is_null()
    return _without(total, nothing)
