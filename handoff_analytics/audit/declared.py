"""Is the catalogue true: is what was declared there, and is what is there declared?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from .moment import latest

if TYPE_CHECKING:
    from datetime import datetime

    from ..history import History

MATCH, MISSING, UNDECLARED, REVERSED, STALE = "match", "missing", "undeclared", "reversed", "stale"
_UNLIKELY = 1e-3  # silence this improbable is no coincidence
_SHORTEST_SILENCE_DAYS = 7.0  # what rests at the weekend is not stale

DIFF = pl.Schema(
    {
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "state": pl.String(),
        "crossings": pl.Int64(),
        "first_seen_at": pl.Datetime("us"),
        "last_seen_at": pl.Datetime("us"),
        "expected_per_day": pl.Float64(),
        "seen_per_day": pl.Float64(),
        "chance_of_silence": pl.Float64(),
        "owner": pl.String(),
        "drift": pl.String(),
        "finding": pl.String(),
    }
)


def catalogue_diff(history: History, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Compare the declared handoffs with those that the evidence shows.

    Parameters
    ----------
    history
        What was seen in its window is observed; the catalogue is taken whole.
    as_of
        The moment from which silence is counted, UTC; the end of the telemetry if not given.

    Returns
    -------
    polars.DataFrame
        One row a handoff, ordered by state, source, target and channel.

        ================= ======== ===============================================================================
        source            String   system that hands over, as it was seen
        target            String   system that takes over
        channel           String   channel; null if declared without one and never seen
        state             String   match; missing (declared, never seen); undeclared (seen only); reversed (seen
                                   only in the other direction); stale (declared and seen, but no longer)
        crossings         Int64    times it was passed in the window
        first_seen_at     Datetime UTC
        last_seen_at      Datetime UTC
        expected_per_day  Float64  crossings a day, as declared
        seen_per_day      Float64  crossings a day between first and last
        chance_of_silence Float64  probability to see nothing for so long at the expected rate: small means dead,
                                   large means rare; null where neither rate is known
        owner             String   who answers for it
        drift             String   what differs from the declaration: owner, mechanism, timing, time limit
        finding           String   the row as a sentence
        ================= ======== ===============================================================================
    """
    moment = as_of or latest(history)
    seen = _seen(history)
    declared = _declared(history)
    begin = history.scope.since or min((one["first_seen_at"] for one in seen), default=None)
    rows = [_row(entry, begin, moment) for entry in _paired(seen, declared)]
    order = {state: place for place, state in enumerate((UNDECLARED, REVERSED, MISSING, STALE, MATCH))}
    rows.sort(key=lambda row: (order[row["state"]], row["source"], row["target"], row["channel"] or ""))
    return pl.DataFrame(rows, schema=DIFF)


def catalogue_coverage(history: History, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Say how far the catalogue can be trusted, and how many handoffs nobody has seen yet.

    Parameters
    ----------
    history
        The history.
    as_of
        As for `catalogue_diff`.

    Returns
    -------
    polars.DataFrame
        One row.

        =========== ======= ======================================================================================
        declared    Int64   handoffs declared
        observed    Int64   handoffs seen
        matching    Int64   declared and seen, stale ones included
        missing     Int64   declared, never seen
        undeclared  Int64   seen, never declared
        reversed    Int64   seen only in the other direction
        stale       Int64   declared and seen, but no longer
        precision   Float64 matching / declared; null if nothing is declared
        recall      Float64 matching / observed; null if nothing was seen
        seen_once   Int64   handoffs passed exactly once
        seen_twice  Int64   handoffs passed exactly twice
        chao1       Float64 handoffs that there are at least: observed + seen_once^2 / (2 seen_twice)
        unseen      Float64 chao1 less observed: a lower bound
        =========== ======= ======================================================================================

    References
    ----------
    Chao (1984), Nonparametric estimation of the number of classes in a population, Scandinavian Journal of
    Statistics 11.
    """
    diff = catalogue_diff(history, as_of=as_of)
    count = {state: diff.filter(pl.col("state") == state).height for state in (*_STATES,)}
    matching = count[MATCH] + count[STALE]
    observed = matching + count[UNDECLARED] + count[REVERSED]
    declared = matching + count[MISSING] + count[REVERSED]
    seen = diff.filter(pl.col("crossings") > 0)["crossings"]
    once, twice = int((seen == 1).sum()), int((seen == 2).sum())
    chao = chao1(observed, once, twice)
    return pl.DataFrame(
        {
            "declared": [declared],
            "observed": [observed],
            "matching": [matching],
            "missing": [count[MISSING]],
            "undeclared": [count[UNDECLARED]],
            "reversed": [count[REVERSED]],
            "stale": [count[STALE]],
            "precision": [matching / declared if declared else None],
            "recall": [matching / observed if observed else None],
            "seen_once": [once],
            "seen_twice": [twice],
            "chao1": [chao],
            "unseen": [chao - observed],
        },
        schema_overrides={"precision": pl.Float64, "recall": pl.Float64},
    )


_STATES = (MATCH, MISSING, UNDECLARED, REVERSED, STALE)


def chao1(observed: int, once: int, twice: int) -> float:
    """Return the number of classes that there are at least, from those seen once and twice.

    Examples
    --------
    >>> chao1(20, 4, 2)
    24.0
    >>> chao1(20, 3, 0)
    23.0
    """
    if twice == 0:
        return observed + once * (once - 1) / 2
    return observed + once**2 / (2 * twice)


def _seen(history: History) -> list[dict[str, Any]]:
    return history.sql("""
        SELECT
            source,
            target,
            channel,
            count(*)                                AS n_crossings,
            min(started_at)                         AS first_seen_at,
            max(started_at)                         AS last_seen_at,
            quantile_cont(duration_us, 0.95) / 1e6  AS p95_seconds,
            max(duration_us) / 1e6                  AS longest_seconds
        FROM crossings
        GROUP BY source, target, channel
        ORDER BY source, target, channel
    """).to_dicts()


def _declared(history: History) -> list[dict[str, Any]]:
    return history.sql("""
        SELECT
            declared.source,
            declared.target,
            declared.channel,
            declared.mechanism,
            declared.timing_s,
            declared.timeout_s,
            declared.expected_per_day,
            declared.owner_team,
            receiver.team AS target_team,
            sender.team   AS source_team
        FROM declared_handoffs AS declared
        LEFT JOIN systems AS receiver ON receiver.name = declared.target
        LEFT JOIN systems AS sender ON sender.name = declared.source
        ORDER BY declared.source, declared.target, declared.channel, declared.load_id, declared.record_no
    """).to_dicts()


def _paired(
    seen: list[dict[str, Any]], declared: list[dict[str, Any]]
) -> list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """Join declared and seen: by both ends and the channel, a declaration without a channel meets every one."""
    pairs: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]] = []
    taken: set[tuple[str, str, str]] = set()
    waiting: list[dict[str, Any]] = []
    done: set[tuple[str, str, str | None]] = set()
    for entry in declared:
        name = (entry["source"], entry["target"], entry["channel"])
        if name in done:
            continue
        done.add(name)
        found = [
            one
            for one in seen
            if (one["source"], one["target"]) == name[:2]
            and name[2] in {None, one["channel"]}
            and _key(one) not in taken
        ]
        taken |= {_key(one) for one in found}
        pairs += [(MATCH, one, entry) for one in found]
        if not found:
            waiting.append(entry)
    for entry in waiting:
        turned = [
            one
            for one in seen
            if (one["target"], one["source"]) == (entry["source"], entry["target"])
            and entry["channel"] in {None, one["channel"]}
            and _key(one) not in taken
        ]
        taken |= {_key(one) for one in turned}
        pairs += [(REVERSED, one, entry) for one in turned] or [(MISSING, None, entry)]
    pairs += [(UNDECLARED, one, None) for one in seen if _key(one) not in taken]
    return pairs


def _key(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["source"], one["target"], one["channel"]


def _row(
    pair: tuple[str, dict[str, Any] | None, dict[str, Any] | None], begin: datetime | None, moment: datetime | None
) -> dict[str, Any]:
    state, seen, entry = pair
    ends = seen or entry or {}
    days_seen = _days(seen["first_seen_at"], seen["last_seen_at"]) if seen else 0.0
    seen_rate = seen["n_crossings"] / days_seen if seen and days_seen >= 1 else None
    expected = entry["expected_per_day"] if entry else None
    last = seen["last_seen_at"] if seen else begin
    silence = _days(last, moment) if last and moment else None
    chance = math.exp(-rate * silence) if silence is not None and (rate := seen_rate or expected) else None
    if state == MATCH and chance is not None and chance < _UNLIKELY and (silence or 0) >= _SHORTEST_SILENCE_DAYS:
        state = STALE
    drift = _drift(seen, entry) if seen and entry and state in {MATCH, STALE} else []
    owner = (entry["owner_team"] or entry["target_team"]) if entry else None
    return {
        "source": ends["source"],
        "target": ends["target"],
        "channel": ends["channel"],
        "state": state,
        "crossings": seen["n_crossings"] if seen else 0,
        "first_seen_at": seen["first_seen_at"] if seen else None,
        "last_seen_at": seen["last_seen_at"] if seen else None,
        "expected_per_day": expected,
        "seen_per_day": seen_rate,
        "chance_of_silence": chance,
        "owner": owner,
        "drift": "; ".join(drift) or None,
        "finding": _finding(state, ends, silence, drift),
    }


def _days(since: datetime, until: datetime) -> float:
    return max((until - since).total_seconds() / 86400, 0.0)


_CHANNELS = {
    "api": {"http", "rpc", "step", "database"},
    "transfer": {"http", "rpc", "file", "step"},
    "shared_database": {"database"},
    "file": {"file"},
    "asynchronous": {"messaging"},
}
"""The channels by which each mechanism of the article shows itself."""


def _drift(seen: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    found = []
    if entry["mechanism"] and seen["channel"] not in {*_CHANNELS[entry["mechanism"]], "unknown"}:
        found.append(f"declared as {entry['mechanism']}, seen over {seen['channel']}")
    if entry["timing_s"] and seen["p95_seconds"] and seen["p95_seconds"] > entry["timing_s"]:
        found.append(f"95 % take up to {seen['p95_seconds']:.3g} s, declared {entry['timing_s']:.3g} s")
    if entry["timeout_s"] and seen["longest_seconds"] and seen["longest_seconds"] > 1.05 * entry["timeout_s"]:
        found.append(f"waited up to {seen['longest_seconds']:.3g} s, time limit {entry['timeout_s']:.3g} s")
    teams = {entry["target_team"], entry["source_team"]} - {None}
    if entry["owner_team"] and teams and entry["owner_team"] not in teams:
        found.append(f"owner {entry['owner_team']} runs neither side")
    return found


def _finding(state: str, ends: dict[str, Any], silence: float | None, drift: list[str]) -> str:
    name = f"{ends['source']} -> {ends['target']}"
    said = {
        MATCH: f"{name} is as declared",
        MISSING: f"{name} is declared, and was never seen",
        UNDECLARED: f"{name} was seen, and nobody declared it",
        REVERSED: f"{name} was seen; declared is the other direction",
        STALE: f"{name} was last seen {silence or 0:.0f} days before the end",
    }[state]
    return f"{said}, but {'; '.join(drift)}." if drift else f"{said}."
