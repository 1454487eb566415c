"""When was that, in UTC?

Logs and exports write times in dozens of ways. A `Clock` belongs to one file: it knows the zone and the year of times
that name none, and it says of each moment what it had to assume.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ..errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_NS = 86_400 * 10**9
# From 1999-10-15 to 2099-12-04: the windows of the four units do not overlap, so the size of a number tells its unit.
_FIRST_SECOND, _LAST_SECOND = 940_000_000, 4_100_000_000
_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
# Offsets in hours of the names that RFC 822 and European systems write; any other name is only a hint.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip
_CLOCK = r"(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9})\d*)?)?(?:\s?(?P<ap>[AaPp]\.?[Mm]\.?)\b)?"
_ZONE = r"(?:\s?(?P<z>Z\b|[+-]\d\d:?\d\d\b|[+-]\d\d\b(?!:)|[A-Z]{2,5}\b))?"
_SURE = r"(?:\s?(?P<z>Z\b|[+-]\d\d(?::?\d\d)?\b|(?:UTC|GMT|[ECMP][SD]T|CES?T)\b))?"
_NAME = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
# What nearly every machine writes, read without the detour over names.
_PLAIN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:(Z)|([+-])(\d\d):?(\d\d))?"
    r"(?![\w:.,+-]| ?(?:[+-]\d|[A-Z]))"
)
# Shapes that also fit the beginning of another one, or a number: they are asked last, however often they fit.
_LAST_ASKED = {"time", "day", "epoch", "packed", "packed_short", "no_year"}
# The zone of a leading time must be one that is known for sure: the next word of a log line is often upper-case.
_SHAPES = tuple(
    (name, re.compile(pattern))
    for name, pattern in {
        "iso": r"(?P<y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)(?:[T_]|,? |\s?@\s)" + _CLOCK + r"(?P<glued>[A-Z]{3})?" + _SURE,
        "slash": r"(?P<y>\d{4})[/.](?P<m>\d\d?)[/.](?P<d>\d\d?)[T \-_]" + _CLOCK + _SURE,
        "dashes": r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)-(?P<h>\d\d)\.(?P<mi>\d\d)\.(?P<s>\d\d)(?:\.(?P<f>\d{1,9}))?",
        "access": r"(?P<d>\d\d?)/(?P<mon>" + _NAME + r")/(?P<y>\d{2,4})[: ]" + _CLOCK + _ZONE,
        "ctime": _WEEKDAY
        + r",? (?P<mon>"
        + _NAME
        + r") +(?P<d>\d\d?) "
        + _CLOCK
        + r"(?: (?P<z>[A-Z]{3,4}))? (?P<y>\d{4})",
        "mail": r"(?:"
        + _WEEKDAY
        + r", ?)?(?P<d>\d\d?)[ -](?P<mon>"
        + _NAME
        + r")[ -](?P<y>\d{4}),?[ :T]"
        + _CLOCK
        + _ZONE,
        "named": r"(?P<mon>" + _NAME + r")\.? +(?P<d>\d\d?),? (?P<y>\d{4}),?(?: @| at)? " + _CLOCK + _SURE,
        "syslog": r"(?P<mon>" + _NAME + r") +(?P<d>\d\d?) (?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?",
        "dots": r"(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4}),? " + _CLOCK + _SURE,
        "tail_year": r"(?P<a>\d\d?)[/-](?P<b>\d\d?)[/-](?P<y>\d{4}),?[ :T]" + _CLOCK + _SURE,
        "short_year": r"(?P<a>\d\d)/(?P<b>\d\d)/(?P<c>\d\d),? " + _CLOCK + _SURE,
        "packed": r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)[-T _]?(?P<h>\d\d):?(?P<mi>\d\d):?(?P<s>\d\d)"
        r"(?:[.,:](?P<f>\d{1,9}))?(?P<z>Z|[+-]\d\d:?\d\d)?(?!\d)",
        "packed_short": r"(?P<y2>\d\d)(?P<m>\d\d)(?P<d>\d\d)[- ](?P<h>\d\d):?(?P<mi>\d\d):?(?P<s>\d\d)(?!\d)",
        "glog": r"(?<=[IWEFD])(?P<m>\d\d)(?P<d>\d\d) (?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)\.(?P<f>\d{1,9})",
        "no_year": r"(?P<m>\d\d)[-.](?P<d>\d\d) (?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?",
        "epoch": r"(?P<epoch>\d{10}(?:\.\d{1,9}|\d{3}(?:\.\d{1,6})?|\d{6}|\d{9})?)(?![\d.\w])",
        "time": r"(?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?(?![\d:])",
        "day": r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?![\d-]|[T _]\d)",
    }.items()
)


_NUMBER = re.compile(r"[+-]?\d{9,20}(?:\.\d+)?")
_PACKED = re.compile(r"(?:19|20)\d{12}")
_AFTER = re.compile(r"\s*(?:\([\w ]+\)|\[[\w/+-]+\])?")


_FIRST_NS, _LAST_NS = -62_135_596_800 * 10**9, 253_402_300_799 * 10**9


class Moment(NamedTuple):
    """A point in time, and what had to be assumed to know it."""

    ns: int
    """Nanoseconds since 1970 UTC."""
    flag: str | None = None
    detail: str = ""

    @property
    def us(self) -> int:
        """Microseconds since 1970 UTC."""
        return self.ns // 1000

    @property
    def at(self) -> datetime:
        """The time as a history stores it: UTC without a zone."""
        return at(self.ns // 1000)


def _in_history(moment: Moment | None) -> Moment | None:
    """Return a moment if a history can hold it: one from the years 1 to 9999."""
    return moment if moment is not None and _FIRST_NS <= moment.ns <= _LAST_NS else None


def at(us: int) -> datetime:
    """Return microseconds since 1970 as a time of a history: UTC without a zone."""
    return datetime(1970, 1, 1) + timedelta(microseconds=us)  # noqa: DTZ001 - times of a history carry no zone


def zone(name: str | None) -> ZoneInfo | None:
    """Return a time zone by its name.

    Raises
    ------
    MappingError
        If there is none of that name.
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        near = difflib.get_close_matches(name, sorted(available_timezones()), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else " Names look like Europe/Berlin."
        raise MappingError(f"There is no time zone {name!r}.{hint}") from fault


class Clock:
    """Reads the times of one file.

    Parameters
    ----------
    timezone
        Zone of times that name none; UTC is assumed, and said, where it is None.
    year
        Year of the first time that names none. Without it the year is the latest that does not pass `written_at`.
    written_at
        When the file was last written, UTC.

    Examples
    --------
    >>> clock = Clock(timezone="Europe/Berlin")
    >>> clock.read("2026-07-01 12:00:00,250").at
    datetime.datetime(2026, 7, 1, 10, 0, 0, 250000)
    >>> clock.read("1446249499322").flag
    'epoch_unit_guessed'
    """

    def __init__(
        self, *, timezone: str | None = None, year: int | None = None, written_at: datetime | None = None
    ) -> None:
        self._zone = zone(timezone)
        self._year = year
        self._written_at = written_at or datetime.now(UTC).replace(tzinfo=None)
        self._day_first = True
        self._short_order = "ymd"
        self._previous: int | None = None
        self._month = 0
        self._day: tuple[int, int, int] | None = None
        self._units: dict[str, str] = {}
        self._shapes = list(_SHAPES)
        self._days: dict[tuple[int, int, int], int] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Decide from some times what the place of the day is where only numbers are written.

        A number past 12 is no month. Where that leaves more than one order, the one under which the times lie closest
        together is taken: a log covers days, seldom decades.
        """
        triples: dict[str, set[tuple[int, int, int]]] = {"tail_year": set(), "short_year": set()}
        for text in texts:
            for name, shape in _SHAPES:
                if name in triples and (found := shape.search(text)) is not None:
                    last = found["y"] if name == "tail_year" else found["c"]
                    triples[name].add((int(found["a"]), int(found["b"]), int(last)))
        self._day_first = _order(triples["tail_year"], ("dmy", "mdy")) == "dmy"
        self._short_order = _order(triples["short_year"], ("ymd", "dmy", "mdy"))

    def read(self, value: Any, *, unit: str | None = None, column: str | None = None) -> Moment | None:
        """Return the moment that a whole value says; null for no time.

        Parameters
        ----------
        value
            Text, a number since 1970, or one of the objects that loggers write.
        unit
            s, ms, us or ns of a number; guessed from its size, and said, where it is None.
        column
            Name of the field: the numbers of one field must all have one unit.
        """
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return _in_history(self._epoch(value, unit, column))
        if isinstance(value, dict):
            return self._object(value)
        text = str(value).strip()
        if text.startswith("["):
            text = text.strip("[]")
        if _NUMBER.fullmatch(text) and not _PACKED.fullmatch(text):
            return _in_history(self._epoch(text, unit, column))
        for found in self._found(text, 0):
            if _AFTER.fullmatch(text, found[1]):
                return found[0]
        return None

    def leading(self, text: str, start: int = 0) -> tuple[Moment, int] | None:
        """Return the moment at a place of a text and where it ends; null where no time stands."""
        return next(self._found(text, start), None)

    def _found(self, text: str, start: int) -> Iterator[tuple[Moment, int]]:
        """Yield each reading of the time at a place, the shape that fitted last time first."""
        plain = _PLAIN.match(text, start)
        if plain is not None and (moment := self._plainly(plain)) is not None:
            yield moment, plain.end()
            return
        for place, (name, shape) in enumerate(self._shapes):
            found = shape.match(text, start)
            if found is not None and (moment := self._moment(name, found)) is not None:
                if place and name not in _LAST_ASKED:
                    self._shapes.insert(0, self._shapes.pop(place))
                yield moment, found.end()

    def _plainly(self, found: re.Match[str]) -> Moment | None:
        year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = found.groups()
        if hour > "23" or minute > "59" or second > "59" or not "0001" < year < "9999":
            return None
        try:
            local = self._start(int(year), int(month), int(day))
        except ValueError:
            return None
        local += (int(hour) * 3600 + int(minute) * 60 + int(second)) * 10**9
        if fraction:
            local += int(fraction.ljust(9, "0"))
        if utc:
            return Moment(local)
        if sign:
            offset = (int(hours) * 3600 + int(minutes) * 60) * 10**9
            return Moment(local - offset if sign == "+" else local + offset)
        moment = self._in_utc(local, None, None, None, "")
        self._previous = moment.ns
        return moment

    def _object(self, value: dict[str, Any]) -> Moment | None:
        """Read the objects in which loggers write a time."""
        if "$date" in value:
            return self.read(value["$date"])
        for seconds, nanos in (("epochSecond", "nanoOfSecond"), ("seconds", "nanos")):
            said, part = value.get(seconds), value.get(nanos)
            if isinstance(said, int | str) and re.fullmatch(r"[0-9]{1,12}", str(said)):
                within = int(part) if isinstance(part, int | str) and re.fullmatch(r"[0-9]{1,9}", str(part)) else 0
                return _in_history(Moment(int(said) * 10**9 + within))
        return None

    def _epoch(self, value: float | str, unit: str | None, column: str | None = None) -> Moment | None:
        whole, _, fraction = (str(value) if isinstance(value, str) else _decimal(value)).partition(".")
        guessed = unit is None
        if unit is None:
            size = abs(int(whole or "0"))
            fits = (name for name in _UNITS if _FIRST_SECOND <= size * _UNITS[name] // 10**9 <= _LAST_SECOND)
            unit = next(fits, None)
            if unit is None or (column is not None and self._units.setdefault(column, unit) != unit):
                return None
        scale = _UNITS[unit]
        digits = len(str(scale)) - 1
        nanos = int(whole or "0") * scale + int((fraction[:digits] or "0").ljust(digits, "0") or "0")
        return Moment(nanos, "epoch_unit_guessed" if guessed else None, f"{value} read as {unit}" if guessed else "")

    def _moment(self, name: str, found: re.Match[str]) -> Moment | None:
        parts = found.groupdict()
        if name == "epoch":
            return self._epoch(parts["epoch"], None)
        flag, detail = None, ""
        year, month, day = self._date(name, parts)
        if month == 0 or (day == 0 and name != "time"):
            return None
        if name in {"syslog", "glog", "no_year"}:
            flag, detail = "year_assumed", str(year)
        elif name == "time":
            flag, detail = "date_assumed", f"{year:04}-{month:02}-{day:02}"
        elif name == "day":
            flag, detail = "date_only", ""
        hour, minute, second = (int(parts.get(part) or 0) for part in ("h", "mi", "s"))
        if half := parts.get("ap"):
            hour = hour % 12 + (12 if half[0] in "pP" else 0)
        nanos = int((parts.get("f") or "0").ljust(9, "0"))
        if second == 60:
            second, nanos = 59, 999_999_999
            flag, detail = "leap_second", found[0]
        if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)) or not 1 < year < 9999:
            return None
        try:
            start = self._start(year, month, day)
        except ValueError:
            return None
        local = start + (hour * 3600 + minute * 60 + second) * 10**9 + nanos
        moment = self._in_utc(local, parts.get("z"), parts.get("glued"), flag, detail)
        self._previous = moment.ns
        return moment

    def _start(self, year: int, month: int, day: int) -> int:
        """Return the nanosecond at which a day begins; files have few days, so they are kept."""
        named = (year, month, day)
        if named not in self._days:
            self._days[named] = (date(*named).toordinal() - _EPOCH_ORDINAL) * _DAY_NS
        return self._days[named]

    def _date(self, name: str, parts: dict[str, str | None]) -> tuple[int, int, int]:
        if name == "tail_year":
            a, b, year = int(parts["a"] or 0), int(parts["b"] or 0), int(parts["y"] or 0)
            day_first = (self._day_first and not parts["ap"] and b <= 12) or a > 12
            return (year, b, a) if day_first else (year, a, b)
        if name == "short_year":
            order = dict(zip(self._short_order, (int(parts[part] or 0) for part in "abc"), strict=True))
            return _century(order["y"]), order["m"], order["d"]
        if name == "time":
            written = self._written_at
            return self._day or (written.year, written.month, written.day)
        word = parts.get("mon")
        month = _MONTHS.get((word or "")[:3].lower(), 0) if word else int(parts.get("m") or 0)
        day = int(parts.get("d") or 0)
        if parts.get("y2"):
            return _century(int(parts["y2"] or 0)), month, day
        if parts.get("y") is None:
            return self._year_of(month, day), month, day
        year = int(parts["y"] or 0)
        return (_century(year) if len(parts["y"] or "") == 2 else year), month, day

    def _year_of(self, month: int, day: int) -> int:
        """Return the year of a day that names none."""
        if self._year is not None:
            if self._month - month > 6:  # December is followed by January
                self._year += 1
            elif month - self._month > 6 and self._month:  # a late line of last December
                return self._year - 1
            self._month = month
            return self._year
        written = self._written_at + timedelta(days=1)
        return written.year if (month, day) <= (written.month, written.day) else written.year - 1

    def on(self, moment: Moment) -> None:
        """Say on which day times without a date happened, such as those inside a record that has a time of its own."""
        whole = moment.at
        self._day = (whole.year, whole.month, whole.day)

    def _in_utc(self, local: int, name: str | None, glued: str | None, flag: str | None, detail: str) -> Moment:
        if name and name[0] in "+-":
            digits = name[1:].replace(":", "")
            offset = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
            return Moment(local - (offset if name[0] == "+" else -offset) * 10**9, flag, detail)
        if name and name in _ZONES:
            return Moment(local - _ZONES[name] * 3600 * 10**9, flag, detail)
        if self._zone is None:
            unknown = name or glued
            said = f"zone {unknown} is unknown: UTC assumed" if unknown else "UTC assumed"
            return Moment(local, flag or "zone_assumed", detail or said)
        return self._in_zone(local, self._zone, flag, detail)

    def _in_zone(self, local: int, place: ZoneInfo, flag: str | None, detail: str) -> Moment:
        """Convert a local time; one that the clocks of its zone show twice is the later one if the file went on."""
        naive = at(local // 1000)
        first, second = (naive.replace(tzinfo=place, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        early, late = (local - int(offset.total_seconds()) * 10**9 for offset in (first, second))
        if first == second:
            return Moment(early, flag, detail)
        if first < second:
            return Moment(early, "dst_gap", f"{naive} does not exist in {place.key}")
        went_on = self._previous is not None and early < self._previous - 5 * 60 * 10**9
        return Moment(late if went_on else early, "dst_ambiguous", f"{naive} happens twice in {place.key}")


def _century(year: int) -> int:
    """Return the year that two digits stand for."""
    return year + (2000 if year < 70 else 1900)


def _decimal(value: float) -> str:
    """Write a number without an exponent, and a float with the microseconds that it can hold."""
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def _order(triples: set[tuple[int, int, int]], orders: tuple[str, ...]) -> str:
    """Return the order of day, month and year under which some dates are possible and lie closest together."""
    best: tuple[int, str] | None = None
    for order in orders:
        days = []
        for triple in triples:
            parts = dict(zip(order, triple, strict=True))
            year = _century(parts["y"]) if parts["y"] < 100 else parts["y"]
            try:
                days.append(date(year, parts["m"], parts["d"]).toordinal())
            except ValueError:
                break
        else:
            spread = max(days, default=0) - min(days, default=0)
            if best is None or spread < best[0]:
                best = spread, order
    return best[1] if best is not None else orders[0]
