"""Are the article's claims true here?

Each claim is asked of the history with an interval, and each can come out yes, no, or cannot tell. None is assumed
anywhere else in this library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.stats import beta

from .economics.case import studied
from .economics.effects import drawn_effects, streams_of
from .economics.measures import measures_of
from .errors import ArgumentError
from .statistics.survival import survival
from .ticket_times import ticket_times

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .history import History

    Floats = npt.NDArray[np.float64]

YES, NO, UNKNOWN = "yes", "no", "cannot tell"
_FEWEST = 10  # tickets on each side before two means are compared
_ROUNDS = 1000
_SLIGHT = 1.1  # a ratio that stays below this is no difference that matters
_MAJOR = 0.05  # the dearest incidents are called major
CLAIMS = pl.Schema(
    {
        "claim": pl.String(),
        "statement": pl.String(),
        "measure": pl.String(),
        **dict.fromkeys(("value", "low", "high", "threshold"), pl.Float64()),
        "n": pl.Int64(),
        **dict.fromkeys(("verdict", "answer", "caveat"), pl.String()),
    }
)


@dataclass(frozen=True, slots=True)
class _Found:
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""


def article_claims(history: History, *, confidence: float = 0.9, seed: int = 1) -> pl.DataFrame:
    """Ask the claims of the article of this history.

    Parameters
    ----------
    history
        What to ask, and in which window.
    confidence
        Probability that an interval holds the truth.
    seed
        Of the resampling.

    Returns
    -------
    polars.DataFrame
        One row a claim.

        ========= ======= ==================================================================================
        claim     String  boundary_share, failure_rate_40, silent_cost, multi_system_cost, growth_with_systems,
                          exponential_growth, correlated_resolution or first_failure_roi
        statement String  what is claimed, in our words
        measure   String  what was measured for it
        value     Float64 the figure; null where the history does not tell
        low, high Float64 its interval
        threshold Float64 what the figure is held against
        n         Int64   what the figure rests on: failures, transactions, tickets or draws
        verdict   String  yes, no or cannot tell
        answer    String  the row as a sentence
        caveat    String  what the figure does not show
        ========= ======= ==================================================================================

    Raises
    ------
    ArgumentError
        If `confidence` is no probability.

    Notes
    -----
    The statements are those of The End-to-End Automation Handoff Failure Pattern, by the Decryptd Team, in our words;
    the figure of 40 % is attributed there to Autonoly. A ratio is affirmed when its interval lies above 1, and denied
    when it lies below 1.1; two in five are affirmed by an interval within 30 to 50 %, and denied by one outside.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, for the intervals.
    """
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence = {confidence} is no probability: it must lie between 0 and 1, such as 0.9.")
    tickets, hours = _tickets(history)
    grown = _growth(tickets, confidence=confidence, seed=seed)
    rows = [
        _row(
            "boundary_share",
            "Failures happen at the boundaries between systems, not inside them.",
            "share of the failures that began at a handoff rather than inside the receiving system",
            _boundary_share(history, confidence),
            yes=lambda found: found.low > 0.5,
            no=lambda found: found.high < 0.5,
            threshold=0.5,
            caveat="Where the receiver sends no telemetry, inside and boundary cannot be told apart; both are counted "
            "as the record says.",
        ),
        _row(
            "failure_rate_40",
            "Two in five automations fail in real life.",
            "share of the transactions that met a failure which nobody caught",
            _failing_share(history, confidence),
            yes=lambda found: found.low >= 0.3 and found.high <= 0.5,
            no=lambda found: found.high < 0.3 or found.low > 0.5,
            threshold=0.4,
            caveat="The claim is about deployments; transactions are what a history can count.",
        ),
        _row(
            "silent_cost",
            "Silent failures cost more than those that report themselves.",
            f"{hours} of tickets about silent failures, relative to others",
            _ratio_of_hours(tickets, "silent", confidence=confidence, seed=seed),
            yes=lambda found: found.low > 1,
            no=lambda found: found.high < _SLIGHT,
            threshold=1.0,
            caveat="Association: silent failures may be of another kind, too. Only hours are compared, not lost value.",
        ),
        _row(
            "multi_system_cost",
            "Failures that touch several systems cost more.",
            f"{hours} of tickets about three systems or more, relative to others",
            _ratio_of_hours(tickets, "several", confidence=confidence, seed=seed),
            yes=lambda found: found.low > 1,
            no=lambda found: found.high < _SLIGHT,
            threshold=1.0,
            caveat="Association: tickets that take long also have more time to name systems.",
        ),
        _row(
            "growth_with_systems",
            "Cost grows with the number of systems affected.",
            f"factor of the {hours} of a ticket for each further system",
            grown,
            yes=lambda found: found.low > 1,
            no=lambda found: found.high < 1 + (_SLIGHT - 1) / 2,
            threshold=1.0,
            caveat="Association, as above.",
        ),
        _row(
            "exponential_growth",
            "That growth is exponential.",
            "mean squared error of a straight line over that of an exponential curve, each left to predict",
            _shape(tickets, grown, confidence=confidence, seed=seed),
            yes=lambda found: found.low > 1.01 and (grown.low or 0.0) > 1,
            no=lambda found: found.high < 1 or (grown.high is not None and grown.high < 1),
            threshold=1.0,
            caveat="Over the few systems that a ticket names, the two curves look much alike.",
        ),
        _row(
            "correlated_resolution",
            "Transactions that carry an id across systems are repaired faster.",
            "hours until tickets with such an id are resolved, relative to those without, at equal priority and kind",
            _correlated(history, confidence=confidence, seed=seed),
            yes=lambda found: found.high < 1,
            no=lambda found: found.low > 1 / _SLIGHT,
            threshold=1.0,
            caveat="Association: whoever writes down an id may also write down more else.",
        ),
        _row(
            "first_failure_roi",
            "Prevention has paid for itself with the first major failure that it avoids.",
            f"probability that one of the dearest {_MAJOR:.0%} of incidents costs what the best measures cost",
            _first_failure(history, confidence=confidence, seed=seed),
            yes=lambda found: found.low > 0.5,
            no=lambda found: found.high < 0.5,
            threshold=0.5,
            caveat="It rests on what the measures are assumed to cost; `prevention_case` says when they pay instead.",
        ),
    ]
    return pl.DataFrame(rows, schema=CLAIMS)


def _row(
    claim: str,
    statement: str,
    measure: str,
    found: _Found,
    *,
    yes: Callable[[Any], bool],
    no: Callable[[Any], bool],
    threshold: float,
    caveat: str,
) -> dict[str, Any]:
    if found.value is None or found.low is None or found.high is None:
        verdict, answer = UNKNOWN, f"Cannot tell: {found.note}"
    else:
        # What an interval affirms is not denied because it is small.
        verdict = YES if yes(found) else NO if no(found) else UNKNOWN
        answer = f"{verdict.capitalize()}: {measure} is {found.value:.3g} ({found.low:.3g} to {found.high:.3g})."
    return {
        "claim": claim,
        "statement": statement,
        "measure": measure,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "threshold": threshold,
        "n": found.n,
        "verdict": verdict,
        "answer": answer,
        "caveat": caveat,
    }


def _share(part: float, whole: float, confidence: float, nothing: str) -> _Found:
    if whole <= 0:
        return _Found(None, None, None, 0, nothing)
    tail = (1 - confidence) / 2
    shapes = (part + 0.5, max(whole - part, 0.0) + 0.5)
    return _Found(part / whole, float(beta.ppf(tail, *shapes)), float(beta.ppf(1 - tail, *shapes)), round(whole))


def _boundary_share(history: History, confidence: float) -> _Found:
    boundary, inside = history.sql("""
        SELECT coalesce(sum(origin_weight) FILTER (WHERE origin = 'boundary'), 0.0) AS boundary,
               coalesce(sum(origin_weight) FILTER (WHERE origin = 'inside'), 0.0)   AS inside
        FROM failures
    """).row(0)
    return _share(boundary, boundary + inside, confidence, "nothing has failed.")


def _failing_share(history: History, confidence: float) -> _Found:
    broken, whole = history.sql("""
        WITH named AS (
            SELECT coalesce(correlation_id, trace_id) AS transaction_id FROM crossings
            GROUP BY coalesce(correlation_id, trace_id)
        ),
        broken AS (
            SELECT coalesce(correlation_id, trace_id) AS transaction_id FROM failures
            WHERE origin <> 'propagated' AND fate NOT IN ('masked', 'handled')
            GROUP BY coalesce(correlation_id, trace_id)
        )
        SELECT count(broken.transaction_id) AS broken, count(*) AS n
        FROM named
        LEFT JOIN broken USING (transaction_id)
        WHERE named.transaction_id IS NOT NULL
    """).row(0)
    return _share(float(broken), float(whole), confidence, "no crossing carries an id.")


def _tickets(history: History) -> tuple[pl.DataFrame, str]:
    """Return one row a ticket: hours, how far it is about silent failures, how many systems; and which hours they are.

    Hours worked, where enough of the tickets about handoffs have bookings; else hours until resolved. Hours that were
    assumed from the number of teams would prove what was put into them.
    """
    times = ticket_times(history)
    booked = times.filter((pl.col("touch_basis") == "measured") & pl.col("source").is_not_null())
    if booked["ticket_uid"].n_unique() >= 4 * _FEWEST:
        times, words = times.filter(pl.col("touch_basis") == "measured"), "hours of work"
        times = times.with_columns(hours=pl.col("touch_hours"))
    else:
        times, words = times.with_columns(hours=pl.col("elapsed_total")), "hours until resolution"
    silent = history.sql("""
        SELECT source, target, channel,
               sum(CASE WHEN silent THEN origin_weight * weight ELSE 0 END) / sum(origin_weight * weight)
                   AS silent_share
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND origin_weight * weight > 0
        GROUP BY source, target, channel
        ORDER BY source, target, channel
    """)
    direct = history.sql("""
        WITH known AS (
            SELECT correlation_id, max(CASE WHEN silent THEN 1.0 ELSE 0.0 END) AS silent
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND correlation_id IS NOT NULL
            GROUP BY correlation_id
        )
        SELECT t.ticket_uid, max(known.silent) AS direct_silent
        FROM tickets AS t
        JOIN known ON known.correlation_id = t.correlation_id
        GROUP BY t.ticket_uid
        ORDER BY t.ticket_uid
    """)
    named = history.sql("""
        SELECT ticket_uid, count(DISTINCT coalesce(a.system, s.system)) AS named
        FROM ticket_systems AS s
        LEFT JOIN system_aliases AS a ON a.alias = s.system
        GROUP BY ticket_uid
        ORDER BY ticket_uid
    """)
    explained = pl.when(pl.col("source").is_not_null()).then(pl.col("share")).otherwise(0.0)
    linked = (
        times.filter(pl.col("hours") > 0)
        .join(silent, on=["source", "target", "channel"], how="left", maintain_order="left")
        .with_columns(explained=explained)
    )
    both = pl.concat([pl.col("source"), pl.col("target")])
    tickets = (
        linked.group_by("ticket_uid", maintain_order=True)
        .agg(
            pl.col("hours").first(),
            explained=pl.col("explained").sum(),
            linked_silent=(pl.col("explained") * pl.col("silent_share").fill_null(0.0)).sum(),
            linked_systems=both.filter(pl.concat([pl.col("explained"), pl.col("explained")]) >= 0.2).n_unique(),
        )
        .join(direct, on="ticket_uid", how="left", maintain_order="left")
        .join(named, on="ticket_uid", how="left", maintain_order="left")
        .with_columns(
            silent=pl.coalesce(
                "direct_silent", pl.when(pl.col("explained") > 0).then(pl.col("linked_silent") / pl.col("explained"))
            ),
            systems=pl.max_horizontal(pl.col("named").fill_null(0), pl.col("linked_systems").cast(pl.Int64)),
        )
        .with_columns(several=pl.when(pl.col("systems") > 0).then((pl.col("systems") >= 3).cast(pl.Float64)))
        .sort("ticket_uid")
    )
    return tickets, words


def _interval(figure: Callable[[npt.NDArray[np.int64]], float], n: int, *, confidence: float, seed: int) -> _Found:
    """Return a figure of all rows with its bootstrap interval."""
    random = np.random.default_rng(seed)
    drawn = np.array([figure(random.integers(0, n, n)) for _ in range(_ROUNDS)])
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return _Found(float(figure(np.arange(n))), float(low), float(high), n)


_NO_HOURS = "fewer than ten tickets of each kind have hours and a handoff."


def _ratio_of_hours(tickets: pl.DataFrame, column: str, *, confidence: float, seed: int) -> _Found:
    """Compare the mean hours of tickets that are of a kind with those that are not; a ticket can be so in part."""
    known = tickets.filter(pl.col(column).is_not_null())
    weight, hours = known[column].to_numpy(), known["hours"].to_numpy()
    if weight.sum() < _FEWEST or (1 - weight).sum() < _FEWEST:
        return _Found(None, None, None, known.height, _NO_HOURS)

    def ratio(rows: npt.NDArray[np.int64]) -> float:
        part, value = weight[rows], hours[rows]
        if part.sum() <= 0 or (1 - part).sum() <= 0:
            return float("nan")
        return float(np.average(value, weights=part) / np.average(value, weights=1 - part))

    return _interval(ratio, known.height, confidence=confidence, seed=seed)


def _growth(tickets: pl.DataFrame, *, confidence: float, seed: int) -> _Found:
    known = tickets.filter(pl.col("systems") > 0)
    systems, hours = known["systems"].to_numpy().astype(float), known["hours"].to_numpy()
    counts = np.unique(systems, return_counts=True)[1]
    if (counts >= _FEWEST).sum() < 2:
        return _Found(None, None, None, known.height, _NO_HOURS)
    return _interval(
        lambda rows: float(np.exp(_exponential(systems[rows], hours[rows])[1])),
        known.height,
        confidence=confidence,
        seed=seed,
    )


def _exponential(x: Floats, y: Floats) -> tuple[float, float]:
    """Fit mean = exp(a + b x) by quasi-likelihood with variance in proportion to the squared mean."""
    design = np.column_stack([np.ones_like(x), x])
    found = np.array([np.log(y.mean()), 0.0])
    for _ in range(50):
        mean = np.exp(np.clip(design @ found, -50, 50))
        # For the gamma family with a logarithmic link all weights are 1.
        step = np.linalg.lstsq(design, (y - mean) / mean, rcond=None)[0]
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def _shape(tickets: pl.DataFrame, grown: _Found, *, confidence: float, seed: int) -> _Found:
    """Compare how a straight line and an exponential curve predict tickets left out."""
    if grown.value is None:
        return _Found(None, None, None, grown.n, grown.note)
    known = tickets.filter(pl.col("systems") > 0)
    systems, hours = known["systems"].to_numpy().astype(float), known["hours"].to_numpy()
    if len(np.unique(systems)) < 3:
        return _Found(None, None, None, known.height, "two numbers of systems fit any curve.")
    line, curve = np.empty(len(hours)), np.empty(len(hours))
    fold = np.random.default_rng(seed).permutation(len(hours)) % 10
    for part in range(10):
        out, rest = fold == part, fold != part
        slope, start = np.polyfit(systems[rest], hours[rest], 1)
        a, b = _exponential(systems[rest], hours[rest])
        line[out] = start + slope * systems[out]
        curve[out] = np.exp(np.clip(a + b * systems[out], -50, 50))
    straight, bent = (hours - line) ** 2, (hours - curve) ** 2
    return _interval(
        lambda rows: float(straight[rows].mean() / bent[rows].mean()), known.height, confidence=confidence, seed=seed
    )


def _correlated(history: History, *, confidence: float, seed: int) -> _Found:
    """Compare hours to resolution, ticket by ticket with those of the same priority and kind."""
    tickets = history.sql("""
        SELECT ticket_uid,
               (correlation_id IS NOT NULL OR trace_id IS NOT NULL)             AS has_id,
               coalesce(priority::VARCHAR, '?') || '/' || coalesce(kind, '?')   AS stratum,
               date_diff('second', opened_at, coalesce(resolved_at, closed_at, updated_at)) / 3600 AS hours,
               coalesce(resolved_at, closed_at) IS NOT NULL                     AS ended
        FROM tickets
        WHERE opened_at IS NOT NULL AND coalesce(resolved_at, closed_at, updated_at) > opened_at
        ORDER BY ticket_uid
    """)
    both = (
        tickets.group_by("stratum")
        .agg(pl.col("has_id").sum().alias("some"), (~pl.col("has_id")).sum().alias("none"))
        .filter((pl.col("some") >= _FEWEST) & (pl.col("none") >= _FEWEST))["stratum"]
        .sort()
    )
    if both.is_empty():
        nothing = "no priority and kind has ten tickets with an id and ten without."
        return _Found(None, None, None, tickets.height, nothing)
    matched = tickets.filter(pl.col("stratum").is_in(both.implode()))
    columns = [
        (part["has_id"].to_numpy(), part["hours"].to_numpy().astype(float), part["ended"].to_numpy())
        for _, part in matched.group_by("stratum", maintain_order=True)
    ]
    random = np.random.default_rng(seed)
    horizon = float(np.quantile(matched["hours"].to_numpy(), 0.99))

    def ratio(*, again: bool) -> float:
        log, weight = 0.0, 0
        for has, hours, ended in columns:
            # Each side is drawn for itself, so that none is ever empty.
            sides = [np.flatnonzero(has), np.flatnonzero(~has)]
            rows = [side[random.integers(0, len(side), len(side))] if again else side for side in sides]
            # Kaplan-Meier means, so that open tickets count for what they are.
            means = [survival(hours[one], ended[one]).restricted_mean(horizon) for one in rows]
            log += len(rows[0]) * float(np.log(max(means[0], 1e-9) / max(means[1], 1e-9)))
            weight += len(rows[0])
        return float(np.exp(log / weight))

    drawn = np.array([ratio(again=True) for _ in range(_ROUNDS // 4)])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return _Found(ratio(again=False), float(low), float(high), matched.height)


def _first_failure(history: History, *, confidence: float, seed: int) -> _Found:
    """Return the probability that a major incident costs what the best set of measures costs, over the draws."""
    if not measures_of(history):
        return _Found(None, None, None, 0, "no measures are declared.")
    exposed, chosen = studied(history, None, None, discount_rate=0.08, seed=seed)
    if not chosen:
        return _Found(None, None, None, 0, "no measure earns its costs.")
    draws = 500
    effects = [drawn_effects(measure, draws=draws, seed=seed) for measure in chosen]
    incidents, costs = exposed.drawn(draws)
    streams, _ = streams_of(exposed, chosen, effects, incidents=incidents, costs=costs)
    outlay = sum((one["one_off"] for one in effects), np.zeros(draws))
    repaying, total = np.zeros(draws), np.zeros(draws)
    for stream in streams:
        ordered = np.sort(stream.severities)
        needed = np.divide(outlay, stream.scale, out=np.full(draws, np.inf), where=stream.scale > 0)
        repaying += stream.per_year * (1 - np.searchsorted(ordered, needed, side="left") / len(ordered))
        total += stream.per_year
    among = np.minimum(np.divide(repaying, total, out=np.zeros(draws), where=total > 0) / _MAJOR, 1.0)
    low, high = np.quantile(among, [(1 - confidence) / 2, (1 + confidence) / 2])
    return _Found(float(among.mean()), float(low), float(high), draws)
