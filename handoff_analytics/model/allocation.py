"""How is each ticket shared out over the handoffs that it may be about?"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

from ..linking import ELSEWHERE, ENDS, LAGS_HOURS, LOOKED_AT, TicketEvidence, learned_linking
from ..store import query
from .statements import make_working, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KEYS = ["source", "target", "channel"]
# Numbers of one array of evidence: so many tickets times handoffs times delays are learnt from, or shared out, at once.
_AT_ONCE = 8_000_000
# Words that fewer tickets use say nothing of others; words that more than half use say nothing at all.
_FEWEST_TICKETS, _LARGEST_SHARE, _MOST_WORDS = 3, 0.5, 2_000
# Shares below this are noise of the method: they go to none.
_LEAST = 0.005


def share_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `ticket_shares`: the part of each ticket that belongs to each handoff, and to none.

    Parameters
    ----------
    connection
        Inside a build, with `failures` and `system_names` made.
    """
    tickets = query(connection, "SELECT ticket_uid, opened_at FROM tickets ORDER BY opened_at, ticket_uid")
    handoffs = query(
        connection,
        """
        SELECT source, target, channel, count(*) AS failures
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at IS NOT NULL
        GROUP BY source, target, channel
        ORDER BY source, target, channel
        """,
    )
    shared = _shared(connection, tickets, handoffs)
    connection.register("shared_tickets", shared.to_arrow())
    run(connection, "CREATE OR REPLACE TEMP TABLE ticket_shares AS SELECT * FROM shared_tickets")
    connection.unregister("shared_tickets")


def _shared(connection: duckdb.DuckDBPyConnection, tickets: pl.DataFrame, handoffs: pl.DataFrame) -> pl.DataFrame:
    nothing = tickets.select("ticket_uid", *(pl.lit(None, pl.String).alias(key) for key in KEYS), share=pl.lit(1.0))
    known = tickets.drop_nulls("opened_at")
    if known.is_empty() or handoffs.is_empty():
        return nothing
    make_working(connection, "ticket_words", "ticket_names", "ticket_certain")
    opened = known["opened_at"].dt.epoch("us").to_numpy()
    place = known.select("ticket_uid").with_row_index("row")
    names, usual = _named(connection, place, handoffs)
    words, hints = _worded(connection, place, handoffs)
    certain = _certain(connection, place, handoffs)
    failed = _failed(connection, handoffs)
    size = max(1, _AT_ONCE // (handoffs.height * (len(LAGS_HOURS) - 1)))

    def evidence(rows: NDArray[np.int64]) -> TicketEvidence:
        lags = np.stack([_before(times, opened[rows]) for times in failed], axis=1)
        return TicketEvidence(lags, names[rows], words[rows], certain[rows])

    count = known.height
    learnt_from = np.unique(np.linspace(0, count - 1, min(size, count)).astype(np.int64))
    hours = max(float(opened.max() - opened.min()) / 3.6e9, 24.0) * len(learnt_from) / count
    found = learned_linking(
        evidence(learnt_from),
        occurred=np.array([len(times) for times in failed], dtype=np.float64) * len(learnt_from) / count,
        hours=hours,
        usual=usual,
        hints=hints,
    )
    parts = []
    for start in range(0, count, size):
        rows = np.arange(start, min(start + size, count))
        shares = np.round(found.shares(evidence(rows))[:, :-1], 6)
        shares[shares < _LEAST] = 0.0
        row, column = np.nonzero(shares)
        parts.append(pl.DataFrame({"row": rows[row], "handoff": column, "share": shares[row, column]}))
    linked = (
        pl.concat(parts)
        .join(place.with_columns(pl.col("row").cast(pl.Int64)), on="row")
        .join(
            handoffs.select(KEYS).with_row_index("handoff").with_columns(pl.col("handoff").cast(pl.Int64)), on="handoff"
        )
        .select("ticket_uid", *KEYS, "share")
    )
    # What is left of a ticket is about none: the parts of every ticket sum to one, whatever was rounded away.
    rest = (
        tickets.join(
            linked.group_by("ticket_uid").agg(pl.col("share").sum().alias("linked")), on="ticket_uid", how="left"
        )
        .with_columns(share=(1 - pl.col("linked").fill_null(0.0)).round(6))
        .filter(pl.col("share") > 0)
        .select("ticket_uid", *(pl.lit(None, pl.String).alias(key) for key in KEYS), "share")
    )
    return pl.concat([linked, rest]).sort("ticket_uid", *KEYS, nulls_last=True)


def _failed(connection: duckdb.DuckDBPyConnection, handoffs: pl.DataFrame) -> list[NDArray[np.int64]]:
    """Return the moments at which each handoff failed, in order."""
    moments = query(
        connection,
        """
        SELECT source, target, channel, failed_at
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at IS NOT NULL
        ORDER BY failed_at
        """,
    ).partition_by(KEYS, as_dict=True, maintain_order=True)
    return [moments[key]["failed_at"].dt.epoch("us").to_numpy() for key in handoffs.select(KEYS).iter_rows()]


def _before(failed: NDArray[np.int64], opened: NDArray[np.int64]) -> NDArray[np.float32]:
    """Count how often a handoff had failed before each ticket, by delay."""
    edges = (LAGS_HOURS * 3.6e9).astype(np.int64)
    # The delay 0 belongs to the first class, so that a failure of the same microsecond counts.
    later = [np.searchsorted(failed, opened - edge, side="right") for edge in edges]
    return np.stack([one - other for one, other in pairwise(later)], axis=1).astype(np.float32)


def _named(
    connection: duckdb.DuckDBPyConnection, place: pl.DataFrame, handoffs: pl.DataFrame
) -> tuple[sparse.csr_array, Floats]:
    """Return which systems each ticket names, in which role, and how often one of each handoff is expected to."""
    ends = {*handoffs["source"].to_list(), *handoffs["target"].to_list()}
    said = query(connection, "SELECT ticket_uid, system, looked_at FROM ticket_names ORDER BY ALL").filter(
        pl.col("system").is_in(list(ends))
    )
    columns = [(system, looked) for looked in (False, True) for system in sorted(ends)]
    number = {column: n for n, column in enumerate(columns)}
    found = said.join(place, on="ticket_uid").select("row", "system", "looked_at").rows()
    names = _marked(
        [row for row, *_ in found], [number[system, looked] for _, system, looked in found], place.height, len(columns)
    )
    usual = np.full((handoffs.height + 1, len(columns)), ELSEWHERE)
    for row, (source, target) in enumerate(handoffs.select("source", "target").iter_rows()):
        for end in (source, target):
            usual[row, number[end, False]], usual[row, number[end, True]] = ENDS, LOOKED_AT
    # A role in which hardly any ticket names anything is expected of none.
    for looked in (False, True):
        some = np.array([role == looked for _, role in columns])
        share = len({row for row, _, role in found if role == looked}) / place.height
        usual[:, some] = np.clip(usual[:, some] * min(1.0, 1.5 * share), 1e-3, None)
    return names, usual


def _worded(
    connection: duckdb.DuckDBPyConnection, place: pl.DataFrame, handoffs: pl.DataFrame
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return which words each ticket uses, and which the errors of each handoff use."""
    used = query(connection, "SELECT ticket_uid, word FROM ticket_words ORDER BY ALL").join(place, on="ticket_uid")
    common = (
        used.group_by("word")
        .len()
        .filter((pl.col("len") >= _FEWEST_TICKETS) & (pl.col("len") <= _LARGEST_SHARE * place.height))
        .sort(["len", "word"], descending=[True, False])
        .head(_MOST_WORDS)
        .select("word")
        .with_row_index("column")
    )
    kept = used.join(common, on="word").select("row", "column")
    words = _marked(kept["row"], kept["column"], place.height, common.height)
    errors = query(
        connection,
        """
        SELECT DISTINCT source, target, channel,
            unnest(regexp_extract_all(
                lower(concat_ws(' ', mode, error_type, left(error_text, 200))), '[[:alpha:]]{3,}'
            )) AS word
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        ORDER BY ALL
        """,
    )
    numbered = handoffs.select(KEYS).with_row_index("handoff")
    told = errors.join(common, on="word").join(numbered, on=KEYS).select("handoff", "column")
    return words, _marked(told["handoff"], told["column"], handoffs.height, common.height)


def _marked(
    rows: Sequence[int] | pl.Series, columns: Sequence[int] | pl.Series, height: int, width: int
) -> sparse.csr_array:
    """Return a matrix with a one at each of these places."""
    at = (np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64))
    return sparse.csr_array((np.ones(len(at[0])), at), shape=(height, width))


def _certain(connection: duckdb.DuckDBPyConnection, place: pl.DataFrame, handoffs: pl.DataFrame) -> NDArray[np.bool_]:
    """Return the handoffs that failed for a transaction which the ticket names."""
    numbered = handoffs.select(KEYS).with_row_index("handoff")
    found = (
        query(connection, "SELECT * FROM ticket_certain ORDER BY ALL")
        .join(place, on="ticket_uid")
        .join(numbered, on=KEYS)
    )
    certain = np.zeros((place.height, handoffs.height), dtype=bool)
    certain[found["row"].to_numpy(), found["handoff"].to_numpy()] = True
    return certain
