"""When does what go wrong, and how does it show?

A `Plant` is one phenomenon: a boundary, a circumstance under which it strikes with a probability, how it shows in the
telemetry, and what people have to do afterwards. `phenomena` lists the company's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from .recording import HOUR, MINUTE, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recording import Order


def moment(text: str) -> int:
    """Return microseconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


class Window(NamedTuple):
    """A stretch of time, in microseconds since 1970."""

    since: int
    until: int

    def holds(self, at: int) -> bool:
        """Say whether a moment lies in it."""
        return self.since <= at < self.until

    def done(self, at: int) -> float:
        """Say which share of it has passed."""
        return min(1.0, max(0.0, (at - self.since) / (self.until - self.since)))


def _window(since: str, until: str) -> Window:
    return Window(moment(since), moment(until))


class Times(NamedTuple):
    """When each phenomenon strikes."""

    crm_release: Window = _window("2026-04-07T08:00", "2026-04-10T12:00")
    erp_release: Window = _window("2026-04-27T06:00", "2026-07-01T00:00")
    scope_missing: Window = _window("2026-02-18T00:00", "2026-02-27T00:00")
    database_outage: Window = _window("2026-03-17T06:00", "2026-03-18T18:00")
    pool_peak: Window = _window("2026-02-09T00:00", "2026-02-12T00:00")
    units_drift: Window = _window("2026-04-20T00:00", "2026-05-18T06:00")
    units_break: Window = _window("2026-05-18T06:00", "2026-05-20T12:00")
    endpoint_moved: Window = _window("2026-05-26T07:00", "2026-05-29T12:00")
    card_outage: Window = _window("2026-06-02T06:00", "2026-06-03T12:00")
    skewed_clock: Window = _window("2026-03-01T00:00", "2026-07-01T00:00")


TIMES = Times()
SKEW_US = -2_700_000
SKEWED_HOST = "inventory-2"
TOKEN_LIFETIME_US = 8 * HOUR
PEAK_DAYS = ("2026-02-10", "2026-03-24", "2026-05-12", "2026-06-16")


@dataclass(frozen=True, slots=True)
class Plant:
    """One phenomenon, with how it shows and what it costs to put right."""

    name: str
    source: str
    target: str
    fault: Fault
    chance: Callable[[Order, int], float]
    hours: float
    """Hours of engineers for one ticket, in the middle."""
    failures_per_ticket: float = 1.0
    """Failures that one ticket deals with; 0 where nobody opens one."""
    manual_share: float = 0.0
    """Share of failures that a clerk repairs by hand."""
    cleanup_records: float = 0.0
    contacts: float = 0.0
    lost_value_share: float = 0.0
    """Share of the orders whose margin is lost."""
    regulatory: float = 0.0
    churn: float = 0.0
    wrong_first: float = 0.4
    """Share of the tickets that go to the wrong team first."""
    looked_at: str = ""
    """The system that people look at first."""
    title: str = ""
    operation: str = ""
    channel: str = "http"
    priority: int = 3
    detect_hours: float = 2.0


def memory_pressure(at: int) -> float:
    """Return how full the payment service's heap is: it leaks, and is restarted every eleven days."""
    period = 11 * 24 * HOUR
    return ((at - moment("2026-01-05T03:00")) % period) / period


def token_age_us(at: int) -> int:
    """Return the age of the carrier's token at a moment, had it been refreshed on time."""
    return (at - moment("2026-01-01T00:00")) % TOKEN_LIFETIME_US


def load(at: int) -> float:
    """Return how busy the company is at a moment; 1 is the middle of an ordinary Wednesday."""
    when = datetime.fromtimestamp(at // 1_000_000, tz=UTC)
    day = (1.25, 1.1, 1.0, 1.0, 1.15, 0.6, 0.5)[when.weekday()]
    hour = (
        0.1,
        0.1,
        0.1,
        0.1,
        0.15,
        0.3,
        0.6,
        0.9,
        1.2,
        1.3,
        1.3,
        1.2,
        1.0,
        1.1,
        1.2,
        1.2,
        1.15,
        1.1,
        1.0,
        0.9,
        0.7,
        0.5,
        0.3,
        0.2,
    )
    return day * hour[when.hour] * (2.2 if when.date().isoformat() in PEAK_DAYS else 1.0)


def token_late_us(at: int) -> int:
    """Return how late the refresh before a moment was: under load, requests hold the lock that it needs."""
    return int(75 * MINUTE * min(1.0, max(0.0, load(at - token_age_us(at)) - 1.0) / 0.8))


def token_left_us(at: int, *, late: bool) -> int:
    """Return how long the carrier's token is still good; negative where refreshes may be late and this one is."""
    age = token_age_us(at)
    return -age if late and age < token_late_us(at) else TOKEN_LIFETIME_US - age
