"""How long do people work on tickets, and how long do others wait for them?

Three different times: hours of work cost wages, hours elapsed cost customers, working hours elapsed are what a team
could have used. None stands in for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from . import catalogue
from .person_hours import person_hours
from .prices import ASSUMED_TEAM_HOURS
from .statistics.credibility import credible_means
from .statistics.survival import survival
from .vocabulary import Basis
from .working_time import OFFICE_HOURS, working_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .catalogue import Calendar
    from .history import History

    Floats = NDArray[np.float64]

KEYS = ["source", "target", "channel"]


def ticket_times(
    history: History, *, calendar: Calendar | None = None, horizon_hours: float | None = None
) -> pl.DataFrame:
    """Time every ticket, and say which handoffs it is shared out over.

    Parameters
    ----------
    history
        Whose tickets.
    calendar
        Working hours; left out, the catalogue's, else Monday to Friday, nine to five, UTC.
    horizon_hours
        Longest time that elapsed means count; left out, the 99 % point of closed tickets.

    Returns
    -------
    polars.DataFrame
        One row a ticket and handoff, by ticket, source, target, channel:

        =======================  ========  ================================================================
        ticket_uid               Int64     the ticket
        source, target, channel  String    the handoff; null for the part that none explains
        share                    Float64   part of the ticket; the parts of one sum to 1
        opened_at, resolved_at   Datetime  UTC; resolved_at null while open
        open                     Boolean   not yet resolved
        reassignments            Int64     how often it changed teams
        touch_hours              Float64   hours worked; for open ones, expected in the end
        touch_basis              String    measured (booked), derived (from who had it in hand when) or assumed
        waits                    Boolean   others wait for it: it follows no earlier ticket that they wait for already
        elapsed_hours            Float64   opened to resolved; for open ones, until last seen
        elapsed_total            Float64   the same in the end, at most the horizon
        business_hours           Float64   working hours in elapsed_hours
        business_total           Float64   the same in the end, at most the horizon
        bulk_closed              Boolean   closed together with many others, or at an age at which many are
        =======================  ========  ================================================================
    """
    kept = calendar or catalogue.calendar(history._store.reader()) or OFFICE_HOURS  # noqa: SLF001 - as prices
    rows = history.sql(
        """
        SELECT ticket_uid, source, target, channel, share, opened_at, resolved_at, coalesce(open, FALSE) AS open,
               CAST(coalesce(reassignments, 0) AS BIGINT) AS reassignments, touch_hours, elapsed_hours
        FROM recoveries
        WHERE share > 0
        ORDER BY ticket_uid, source, target, channel
        """
    )
    tickets = rows.unique("ticket_uid", keep="first", maintain_order=True).select(
        "ticket_uid",
        "opened_at",
        "open",
        "reassignments",
        "resolved_at",
        pl.col("elapsed_hours").clip(0).fill_null(0.0),
        touched="touch_hours",
    )
    tickets = (
        tickets.join(person_hours(history, kept), on="ticket_uid", how="left", maintain_order="left")
        .rename({"hours": "derived"})
        .join(_followers(history), on="ticket_uid", how="left", maintain_order="left")
        .with_columns(waits=~pl.col("follows").fill_null(value=False))
    )
    timed = _timed(tickets, kept, horizon_hours)
    return rows.select("ticket_uid", *KEYS, "share").join(timed, on="ticket_uid", how="left", maintain_order="left")


def _followers(history: History) -> pl.DataFrame:
    """List the tickets that are linked to an earlier one: duplicates, parts of it, follow-ups."""
    return history.sql(
        """
        SELECT DISTINCT l.ticket_uid, TRUE AS follows
        FROM ticket_links AS l
        JOIN tickets AS t ON t.ticket_uid = l.ticket_uid
        JOIN tickets AS other ON other.ticket_id = l.other_id AND other.ticket_uid <> l.ticket_uid
        WHERE (other.opened_at, other.ticket_id) < (t.opened_at, t.ticket_id)
        ORDER BY l.ticket_uid
        """
    )


def _timed(tickets: pl.DataFrame, calendar: Calendar, horizon_hours: float | None) -> pl.DataFrame:
    """Bring every ticket to its end: open ones last as long as those that were as old and went on."""
    ended = ~tickets["open"].to_numpy()
    elapsed = tickets["elapsed_hours"].to_numpy()
    seen_at = tickets["opened_at"] + pl.Series(np.round(elapsed * 3.6e9).astype(np.int64)).cast(pl.Duration("us"))
    business = np.nan_to_num(working_hours(tickets["opened_at"], seen_at, calendar))
    # Tickets without any booking (0 is what forms start with) have no record of work.
    booked = tickets["touched"].fill_null(0.0).to_numpy()
    derived = tickets["derived"].fill_null(0.0).to_numpy()
    told = np.select([booked > 0, derived > 0], [Basis.MEASURED, Basis.DERIVED], Basis.ASSUMED)
    guessed = (tickets["reassignments"].to_numpy() + 1) * ASSUMED_TEAM_HOURS.mean
    touch = np.select([booked > 0, derived > 0], [booked, derived], guessed)
    finished = touch.copy()
    for basis in (Basis.MEASURED, Basis.DERIVED):
        alike = told == basis
        if (alike & ~ended).any():
            finished[alike & ~ended] = _completed(touch[alike], ended[alike], None)[~ended[alike]]
    return tickets.select("ticket_uid", "opened_at", "resolved_at", "open", "reassignments", "waits").with_columns(
        touch_hours=pl.Series(finished),
        touch_basis=pl.Series(told.tolist(), dtype=pl.String),
        elapsed_hours=pl.Series(elapsed),
        elapsed_total=pl.Series(_completed(elapsed, ended, horizon_hours)),
        business_hours=pl.Series(business),
        business_total=pl.Series(_completed(business, ended, None)),
        bulk_closed=pl.Series(_in_bulk(tickets, elapsed, ended), dtype=pl.Boolean),
    )


def _completed(durations: Floats, ended: NDArray[np.bool_], horizon: float | None) -> Floats:
    """Cut durations at a horizon, and let those that have not ended last as long as is to be expected."""
    if not len(durations):
        return durations
    if horizon is None:
        closed = durations[ended]
        horizon = float(np.quantile(closed, 0.99)) if len(closed) else float(durations.max())
    curve = survival(durations, ended)
    expected = curve.expected(durations, horizon=horizon)
    return np.where(ended, np.minimum(durations, horizon), np.maximum(expected, np.minimum(durations, horizon)))


def _in_bulk(tickets: pl.DataFrame, elapsed: Floats, ended: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flag closings in batches: many in one minute, or many at one age."""
    if not ended.any():
        return np.zeros(len(ended), dtype=bool)
    minute = tickets["resolved_at"].dt.truncate("1m").to_physical().fill_null(-1).to_numpy()
    flagged = np.zeros(len(ended), dtype=bool)
    found, place, counts = np.unique(minute[ended], return_inverse=True, return_counts=True)
    crowded = (counts >= 10) & (counts > 10 * max(float(np.median(counts)), 1.0)) & (found >= 0)
    flagged[ended] = crowded[place]
    flagged[ended] |= _at_one_age(elapsed[ended])
    return flagged


def _at_one_age(hours: Floats) -> NDArray[np.bool_]:
    """Flag ages (in hours, beyond the first day) that stand out from the hours around them."""
    bins = np.floor(hours).astype(np.int64)
    width = int(bins.max()) + 1
    flagged = np.zeros(len(hours), dtype=bool)
    if width < 26:
        return flagged
    # Ages far past the last crowd are sparse: a spike there would need ten tickets in one hour anyway.
    ages, counts = np.unique(bins, return_counts=True)
    size = dict(zip(ages.tolist(), counts.tolist(), strict=True))
    for age, count in size.items():
        if age < 24 or count < 10:
            continue
        around = sorted(size.get(age + step, 0) for step in range(-12, 13) if abs(step) > 1)
        usual = float(np.median(around))
        if count > usual + 6 * np.sqrt(usual + 1):
            flagged |= bins == age
    return flagged


@dataclass(frozen=True, slots=True)
class _Believed:
    mean: Floats
    error: Floats
    weight: Floats
    grand: float
    grand_error: float


def handoff_times(tickets: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, float]]:
    """Average the tickets of each handoff, as far as each can be believed.

    Parameters
    ----------
    tickets
        As `ticket_times` returns them.

    Returns
    -------
    frame : polars.DataFrame
        One row a handoff, and one without names for the unlinked part: tickets, open_tickets, touch_hours,
        touch_hours_error, touch_basis, elapsed_hours, business_hours, elapsed_median_hours, credibility, work_hours,
        assumed_hours (of them, of tickets that tell nothing of work), wait_hours, bulk_closed.
    usual : dict
        What is expected of a handoff without tickets, by column.
    """
    share = pl.col("share")
    groups = (
        tickets.group_by(KEYS)
        .agg(
            share.sum().alias("tickets"),
            share.filter(pl.col("open")).sum().alias("open_tickets"),
            pl.len().cast(pl.Float64).alias("rows"),
            (share * pl.col("touch_hours")).sum().alias("work_hours"),
            (share * pl.col("business_total")).filter(pl.col("waits")).sum().alias("wait_hours"),
            (share * pl.col("touch_hours")).filter(pl.col("touch_basis") == "assumed").sum().alias("assumed_hours"),
            share.filter(pl.col("bulk_closed")).sum().alias("bulk_closed"),
            pl.when((share * (pl.col("touch_basis") == "measured")).sum() * 2 >= share.sum())
            .then(pl.lit("measured"))
            .otherwise(pl.col("touch_basis").filter(pl.col("touch_basis") != "measured").min())
            .alias("touch_basis"),
            *((share * pl.col(name)).sum().alias(f"sum {name}") for name in _MEANS),
            *((share * pl.col(name) ** 2).sum().alias(f"squares {name}") for name in _MEANS),
        )
        .sort(KEYS, nulls_last=True)
    )
    medians = [
        survival(part["elapsed_hours"], ~part["open"], weights=part["share"]).median
        for _, part in sorted(
            tickets.group_by(KEYS, maintain_order=True),
            key=lambda pair: tuple((key is None, key or "") for key in pair[0]),
        )
    ]
    found = {name: _believed(groups, name) for name in _MEANS}
    frame = groups.select(
        *KEYS, "tickets", "open_tickets", "work_hours", "assumed_hours", "wait_hours", "bulk_closed", "touch_basis"
    ).with_columns(
        touch_hours=pl.Series(found["touch_hours"].mean, dtype=pl.Float64),
        touch_hours_error=pl.Series(found["touch_hours"].error, dtype=pl.Float64),
        elapsed_hours=pl.Series(found["elapsed_total"].mean, dtype=pl.Float64),
        business_hours=pl.Series(found["business_total"].mean, dtype=pl.Float64),
        elapsed_median_hours=pl.Series(medians, dtype=pl.Float64),
        credibility=pl.Series(found["touch_hours"].weight, dtype=pl.Float64),
    )
    usual = {
        "touch_hours": found["touch_hours"].grand,
        "touch_hours_error": found["touch_hours"].grand_error,
        "elapsed_hours": found["elapsed_total"].grand,
        "business_hours": found["business_total"].grand,
    }
    return frame, usual


_MEANS = ("touch_hours", "elapsed_total", "business_total")


def _believed(groups: pl.DataFrame, name: str) -> _Believed:
    weight = groups["tickets"].to_numpy()
    linked = groups["source"].is_not_null().to_numpy()
    mean = np.divide(groups[f"sum {name}"].to_numpy(), weight, out=np.zeros(len(weight)), where=weight > 0)
    squares = groups[f"squares {name}"].to_numpy() - weight * mean**2
    degrees = np.maximum(groups["rows"].to_numpy() - 1, 0)
    # The unlinked part is no handoff: it learns from the others, and they do not learn from it, unless it is all.
    learnt = linked if linked.any() else np.ones(len(linked), dtype=bool)
    found = credible_means(mean[learnt], weight[learnt], np.maximum(squares, 0)[learnt], degrees[learnt], relative=True)
    believed, z = mean.copy(), np.ones(len(mean))
    believed[learnt], z[learnt] = found.means, found.weight
    total = float(weight[learnt].sum())
    pooled = found.within / total if total > 0 and np.isfinite(found.within) else 0.0
    between = found.between if np.isfinite(found.between) else 0.0
    error = np.sqrt(between * (1 - z) + pooled)
    return _Believed(believed, error, z, found.grand_mean, float(np.sqrt(between + pooled)))
