"""Why is this failure counted as it is?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from .errors import ArgumentError
from .model.rules import hits, rules

if TYPE_CHECKING:
    from .history import History

_ORIGINS = {
    "A1": "The caller failed, the receiver reports its other calls and saw nothing of this one: it never arrived.",
    "A2": "The caller failed and the receiver sends no telemetry: whether it arrived cannot be told.",
    "A3": "The receiver answered, and refused what was asked or who asked.",
    "A4": "The receiver succeeded, but later than the caller waited.",
    "A5": "The receiver succeeded, but its answer was lost or could not be read.",
    "A6": "The receiver failed because the last attempt of a call of its own had failed: the failure counts there.",
    "A7": "The receiver failed, and nothing that it called had: it began inside.",
    "A10": "The sender was done, then the receiver failed on what was sent.",
    "A11": "Both sides report success; a detector says otherwise.",
}
_FATES = {
    "surfaced": "The caller failed too, or the receiver reported it.",
    "masked": "A later attempt of the same call succeeded: it costs time, no outcome.",
    "handled": "A fallback, a compensation or a dead-letter queue is on record after it.",
    "swallowed": "The caller went on as if nothing had happened.",
}
_STRUCTURES = {
    "structure:cycle": "The target is among the systems that led to this call: a circular dependency.",
    "structure:A6": "Failures from further down are of the type upstream_propagation, whatever their text.",
}


def explain(history: History, failure_id: int) -> pl.DataFrame:
    """Say why a failure has its type, its origin and its fate, and what it caused.

    Parameters
    ----------
    history
        Whose failure.
    failure_id
        The failure, as in the table failures.

    Returns
    -------
    polars.DataFrame
        One row a statement, in the order in which to read them:

        =========  ======  =========================================================================================
        place      Int64   from 1
        about      String  failure, origin, fate, type, evidence (a rule that fits), cause or consequence
        finding    String  what is said: a rule, a mode, a handoff
        matched    String  code or text that the rule found; null where structure decides
        because    String  the reason, in a sentence
        score      Float64 of a rule of classification, weight and tier; the highest decides
        =========  ======  =========================================================================================

    Raises
    ------
    ArgumentError
        If the history holds no such failure.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.explain(ha.History(), 7)
    Traceback (most recent call last):
    ...
    handoff_analytics.errors.ArgumentError: There is no failure 7 in this history: take a failure_id of failures.
    """
    connection = history._store.reader()  # noqa: SLF001 - rules are read beside the scope
    known = rules(connection)
    found = _failures(history, failure_id) if _is_built(history) else []
    if not found:
        raise ArgumentError(f"There is no failure {failure_id} in this history: take a failure_id of failures.")
    failure = found[0]
    handoff = _handoff(failure)
    rows = [
        _row(
            "failure", handoff, failure["error_text"], f"At {failure['failed_at']}, {failure['operation'] or 'a call'}."
        ),
        _row("origin", f"{failure['origin']} ({failure['rule']})", None, _ORIGINS[failure["rule"]]),
        _row("fate", failure["fate"], None, _FATES[failure["fate"]]),
        _type(failure, known),
        *_evidence(failure, known),
        *_chain(history, failure),
    ]
    return pl.DataFrame(
        [{"place": place} | row for place, row in enumerate(rows, 1)],
        schema={
            "place": pl.Int64,
            **dict.fromkeys(("about", "finding", "matched", "because"), pl.String),
            "score": pl.Float64,
        },
    )


def _is_built(history: History) -> bool:
    return not history.tables.filter(pl.col("table_name") == "failures").is_empty()


def _failures(history: History, failure_id: int) -> list[dict[str, Any]]:
    return history.sql("SELECT * FROM failures WHERE failure_id = $failure_id", failure_id=failure_id).to_dicts()


def _handoff(row: dict[str, Any]) -> str:
    return f"{row['source']} → {row['target']} ({row['channel']})"


def _row(about: str, finding: str, matched: str | None, because: str, score: float | None = None) -> dict[str, Any]:
    return {"about": about, "finding": finding, "matched": matched, "because": because, "score": score}


def _type(failure: dict[str, Any], known: pl.DataFrame) -> dict[str, Any]:
    rule = failure["type_rule"]
    said = f"{failure['handoff_type']}: {failure['mode'] or 'no mode'}"
    if rule is None:
        return _row("type", said, None, "No rule knows its code or its text; it is not guessed.")
    if rule in _STRUCTURES:
        return _row("type", said, None, _STRUCTURES[rule])
    if failure["silent"]:
        return _row("type", said, failure["error_text"], f"Found by the detector {failure['detector']}.")
    reason = known.filter(pl.col("rule") == rule)["reason"].to_list()
    doubt = " Another mode scored the same." if failure["ambiguous"] else ""
    return _row("type", said, rule, f"{reason[0] if reason else 'A rule that has gone since'}.{doubt}")


def _evidence(failure: dict[str, Any], known: pl.DataFrame) -> list[dict[str, Any]]:
    """Return every rule that fits the codes and texts, the best first."""
    if failure["silent"]:
        return []
    asked = pl.DataFrame(
        [{"place": 0} | {name: failure[name] for name in ("http_status", "error_code", "error_type", "error_text")}],
        schema={
            "place": pl.Int64,
            "http_status": pl.Int32,
            **dict.fromkeys(("error_code", "error_type", "error_text"), pl.String),
        },
    )
    found = hits(asked, known).sort(["score", "at", "rule"], descending=[True, False, False])
    stated = {"http_status": failure["http_status"], "message": failure["error_text"] or failure["error_type"]}
    return [
        _row(
            "evidence",
            f"{row['rule']}: {row['mode']}",
            str(stated.get(row["field"], failure["error_code"])),
            f"{row['reason']}.",
            row["score"],
        )
        for row in found.iter_rows(named=True)
    ]


def _chain(history: History, failure: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where it came from, and what it led to."""
    rows = []
    if failure["root_id"] != failure["failure_id"]:
        rows += [
            _row("cause", _handoff(root), root["error_text"], f"The origin, {failure['depth']} handoffs further down.")
            for root in _failures(history, failure["root_id"])
        ]
    caused = history.sql(
        """
        SELECT f.source, f.target, f.channel, f.error_text, c.depth, c.delay_us
        FROM cascades AS c
        JOIN failures AS f ON f.failure_id = c.failure_id
        WHERE c.root_id = $failure_id
        ORDER BY c.depth, f.source, f.target, f.failure_id
        """,
        failure_id=failure["failure_id"],
    )
    return rows + [
        _row("consequence", _handoff(row), row["error_text"], f"Failed in turn, {row['delay_us'] / 1e6:.3f} s later.")
        for row in caused.iter_rows(named=True)
    ]
