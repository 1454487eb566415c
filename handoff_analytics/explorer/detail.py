"""What happened at one handoff?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from .. import charts
from ..charts import words
from . import stage

if TYPE_CHECKING:
    import polars as pl

    from ..history import History

FAILURES, CROSSINGS, TICKETS, TRANSACTION = "failures", "crossings", "tickets", "one transaction"
_HERE = "source = $source AND target = $target AND channel = $channel"
_MOST = 50  # rows of a table; the sentence above it says how many there are
# A query with its own count, so that a sentence can say how much is not shown.
_QUERIES = {
    FAILURES: f"""
        SELECT failed_at, handoff_type, mode, fate, silent, operation, coalesce(error_text, error_code, error_type)
            AS error, correlation_id, count(*) OVER () AS whole
        FROM failures
        WHERE {_HERE} AND origin <> 'propagated' AND fate <> 'masked' AND origin_weight > 0 -- each call once
        ORDER BY failed_at DESC, failure_id
        LIMIT {_MOST}
    """,
    CROSSINGS: f"""
        SELECT coalesce(operation, 'not named') AS operation, count(*) AS crossings,
            count(*) FILTER (WHERE failed) AS failed, count(*) FILTER (WHERE silent) AS silent,
            median(duration_us) / 1e3 AS median_ms, quantile_cont(duration_us, 0.95) / 1e3 AS p95_ms,
            min(started_at) AS first_at, max(started_at) AS last_at, count(*) OVER () AS whole
        FROM crossings
        WHERE {_HERE}
        GROUP BY ALL
        ORDER BY crossings DESC, operation
        LIMIT {_MOST}
    """,
    TICKETS: f"""
        SELECT t.ticket_id, t.title, t.team, t.state_category, r.opened_at, r.resolved_at, r.touch_hours, r.share,
            count(*) OVER () AS whole
        FROM recoveries AS r
        JOIN main.tickets AS t USING (ticket_uid)
        WHERE r.source = $source AND r.target = $target AND r.channel = $channel
        ORDER BY r.touch_hours DESC NULLS LAST, t.ticket_id
        LIMIT {_MOST}
    """,
}
_COLUMNS = {
    FAILURES: {
        "failed_at": "failed at (UTC)",
        "handoff_type": "type",
        "mode": "mode",
        "fate": "fate",
        "silent": "silent",
        "operation": "operation",
        "error": "error",
        "correlation_id": "transaction",
    },
    CROSSINGS: {
        "operation": "operation",
        "crossings": "crossings",
        "failed": "failed",
        "silent": "silent",
        "median_ms": "median, ms",
        "p95_ms": "95 %, ms",
        "first_at": "first (UTC)",
        "last_at": "last (UTC)",
    },
    TICKETS: {
        "ticket_id": "ticket",
        "title": "title",
        "team": "team",
        "state_category": "state",
        "opened_at": "opened (UTC)",
        "resolved_at": "resolved (UTC)",
        "touch_hours": "hours of work",
        "share": "share of it due to this handoff",
    },
}
_NOUNS = {FAILURES: "failure", CROSSINGS: "operation", TICKETS: "ticket"}
# Transactions that failed here come first, then those that passed most handoffs.
_TRANSACTIONS = f"""
    SELECT coalesce(correlation_id, trace_id) AS transaction_id, bool_or(coalesce(failed, FALSE)) AS failed,
        min(started_at) AS began
    FROM crossings
    WHERE {_HERE} AND coalesce(correlation_id, trace_id) IS NOT NULL
    GROUP BY ALL
    ORDER BY failed DESC, began DESC, transaction_id
    LIMIT 25
"""


class Detail:
    """Failures, crossings, tickets and one transaction of the chosen handoff."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._handoff: tuple[str, str, str] | None = None
        self._what = ipywidgets.ToggleButtons(
            options=[*_QUERIES, TRANSACTION], description="what happened", style=stage.WIDE
        )
        self._transaction = ipywidgets.Dropdown(
            description="transaction", style=stage.WIDE, layout=ipywidgets.Layout(width="640px")
        )
        self._said = ipywidgets.HTML()
        self._chart = stage.place()
        self._what.observe(self._drawn, names="value")
        self._transaction.observe(self._drawn, names="value")
        self.box = ipywidgets.VBox([self._what, self._transaction, self._said, self._chart])
        self.box.add_class("handoff-detail")

    def show(self, history: History, handoff: tuple[str, str, str]) -> None:
        """Show what happened at a handoff in this part of the history."""
        self._history, self._handoff = history, handoff
        found = history.sql(_TRANSACTIONS, **self._key())
        ids = found["transaction_id"].to_list()
        shown = words.distinct(
            [
                f"{words.name(name, limit=60)}{' (failed here)' if failed else ''}"
                for name, failed in found.select("transaction_id", "failed").iter_rows()
            ]
        )
        self._transaction.unobserve(self._drawn, names="value")
        self._transaction.options = list(zip(shown, ids, strict=True))
        self._transaction.value = next(iter(ids), None)
        self._transaction.observe(self._drawn, names="value")
        self._draw()

    def clear(self) -> None:
        """Show nothing: no handoff is chosen."""
        self._history = self._handoff = None
        self._draw()

    def _key(self) -> dict[str, str]:
        return dict(zip(("source", "target", "channel"), self._handoff or (), strict=True))

    def _drawn(self, _: object) -> None:
        self._draw()

    def _draw(self) -> None:
        what = self._what.value
        self._transaction.layout.display = "" if what == TRANSACTION and self._handoff else "none"
        if self._history is None or self._handoff is None:
            self._said.value = stage.sentence("No handoff is chosen.")
            stage.draw(self._chart, None)
        elif what == TRANSACTION:
            self._said.value = stage.sentence(self._told_transaction())
            stage.draw(self._chart, self._timeline())
        else:
            frame = self._history.sql(_QUERIES[what], **self._key())
            self._said.value = stage.rows(self._told(what, frame), frame, _COLUMNS[what])
            stage.draw(self._chart, None)

    def _told(self, what: str, frame: pl.DataFrame) -> str:
        whole = int(frame["whole"][0]) if frame.height else 0
        here = f"at {self._name()} in this part of the history"
        if what == FAILURES and not whole:
            return f"No failure began {here}."
        part = f"; the first {frame.height} are shown" if frame.height < whole else ""
        began = " began" if what == FAILURES else ""
        return f"{words.counted(whole, _NOUNS[what]).capitalize()}{began} {here}{part}."

    def _name(self) -> str:
        source, target, channel = self._handoff or ("", "", "")
        return f"{words.name(source)}{words.ARROW}{words.name(target)} ({words.name(channel)})"

    def _told_transaction(self) -> str:
        if self._transaction.value is None:
            return f"No crossing at {self._name()} carries the id of a transaction."
        return "Every crossing of the transaction, at all handoffs, also outside of the part under study."

    def _timeline(self) -> Any:
        if self._transaction.value is None or self._history is None:
            return None
        path = self._history.sql(
            "SELECT * FROM main.crossings WHERE coalesce(correlation_id, trace_id) = $id", id=self._transaction.value
        )
        return charts.transaction(path, history=self._history)
