"""What does the evidence itself show of each check?

A share is held against a tolerance by its 90 % interval: wholly below passes, wholly above fails, anything between was
not shown either way. Ten calls without a failure do not prove that one in a hundred fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from scipy.stats import beta

from .checks import CHECK, FAIL, NOT_APPLICABLE, NOT_RUN, PASS
from .compensation import compensations
from .declared import MATCH, MISSING, STALE, catalogue_diff

if TYPE_CHECKING:
    from datetime import datetime

    from ..history import History

CALL_TOLERANCE = 0.01
"""Share of the calls that may fail in a way that a check is about."""
ERROR_TOLERANCE = 0.1
"""Share of the errors that may go the wrong way."""
_LATE_TOLERANCE = 0.05  # the declared time is meant for 95 % of the answers
_BUSY_TOLERANCE = 0.05  # what may fail on a day as busy as declared, for whatever reason
_ANSWERED = ("http", "rpc", "database", "step")

ANSWERS = pl.Schema(
    {
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "check_name": pl.String(),
        "state": pl.String(),
        "basis": pl.String(),
        "evidence": pl.String(),
        "dated_at": pl.Datetime("us"),
    }
)


def observed_answers(history: History, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Answer each check of each handoff as far as the evidence and the catalogue can.

    Returns
    -------
    polars.DataFrame
        source, target, channel, check_name, state, basis (observed or declared), evidence in words, dated_at.
    """
    facts = {_key(row): row for row in _facts(history)}
    undone = {_key(row): row for row in compensations(history).to_dicts()}
    declarations = _declarations(history)
    rows: list[dict[str, Any]] = []
    for handoff in catalogue_diff(history, as_of=as_of).to_dicts():
        known = facts.get(_key(handoff), {})
        said = _declared_for(handoff, declarations)
        answers = _Answers(handoff, known, said, undone.get(_key(handoff)))
        rows += answers.rows()
    return pl.DataFrame(rows, schema=ANSWERS)


def _key(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["source"], row["target"], row["channel"]


def _declarations(history: History) -> list[dict[str, Any]]:
    return history.sql("""
        SELECT *
        FROM declared_handoffs
        ORDER BY source, target, channel NULLS LAST, load_id, record_no
    """).to_dicts()


def _declared_for(handoff: dict[str, Any], declarations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is declared of a handoff; what names its channel comes before what names none."""
    found = (
        said
        for said in declarations
        if (said["source"], said["target"]) == (handoff["source"], handoff["target"])
        and (said["channel"] is None or handoff["channel"] in {None, said["channel"]})
    )
    return next(found, {})


def _facts(history: History) -> list[dict[str, Any]]:
    """Count, for each handoff, what the checks ask about."""
    return history.sql("""
        WITH promised AS (
            SELECT source, target, channel, min(timing_s) AS timing_s, min(timeout_s) AS timeout_s,
                   max(expected_per_day) AS per_day
            FROM declared_handoffs
            GROUP BY source, target, channel
        ),
        passed AS (
            SELECT
                c.source,
                c.target,
                c.channel,
                count(*) FILTER (WHERE is_last_attempt)                         AS calls,
                max(started_at)                                                 AS last_at,
                count(*) FILTER (WHERE is_duplicate)                            AS repeats,
                count(*) FILTER (WHERE is_duplicate AND failed)                 AS repeats_failed,
                count(duration_us)                                              AS timed,
                count(*) FILTER (WHERE duration_us > p.timing_s * 1e6)          AS late,
                count(*) FILTER (WHERE duration_us > p.timeout_s * 1.05e6)      AS overdue,
                max(p.timing_s)                                                 AS timing_s,
                max(p.timeout_s)                                                AS timeout_s,
                max(p.per_day)                                                  AS per_day,
                count(*) FILTER (
                    WHERE upper(operation) NOT SIMILAR TO '(GET|HEAD|OPTIONS|SELECT|READ|LIST|QUERY|FETCH|LOOKUP)( .*)?'
                )                                                               AS writing,
                count(operation)                                                AS named
            FROM crossings AS c
            LEFT JOIN promised AS p
                ON p.source = c.source AND p.target = c.target AND (p.channel = c.channel OR p.channel IS NULL)
            GROUP BY c.source, c.target, c.channel
        ),
        failing AS (
            SELECT
                source,
                target,
                channel,
                count(*)                                                                              AS failed,
                count(*) FILTER (WHERE mode IN ('unreachable', 'dns', 'tls_certificate'))             AS unreachable,
                count(*) FILTER (WHERE handoff_type = 'authentication')                               AS refused,
                count(*) FILTER (WHERE mode IN ('contract_version', 'media_type') OR rule = 'A5')     AS unreadable,
                count(*) FILTER (WHERE handoff_type = 'data_validation' AND mode <> 'contract_version'
                                 OR detector = 'field_drop')                                          AS malformed,
                count(*) FILTER (WHERE handoff_type = 'state_sync' OR detector = 'reconciliation')    AS diverged,
                count(*) FILTER (WHERE mode = 'duplicate')                                            AS doubled,
                count(*) FILTER (WHERE fate = 'swallowed')                                            AS swallowed,
                count(*) FILTER (WHERE silent)                                                        AS silent
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
            GROUP BY source, target, channel
        ),
        days AS (
            SELECT d.source, d.target, d.channel, max(n) AS peak_day,
                   sum(n) FILTER (WHERE n >= p.per_day)          AS full_calls,
                   sum(n_failed) FILTER (WHERE n >= p.per_day)   AS full_failed
            FROM (
                SELECT source, target, channel, date_trunc('day', started_at) AS day_at, count(*) AS n,
                       count(*) FILTER (WHERE failed) AS n_failed
                FROM crossings
                WHERE is_last_attempt
                GROUP BY source, target, channel, date_trunc('day', started_at)
            ) AS d
            LEFT JOIN promised AS p
                ON p.source = d.source AND p.target = d.target AND (p.channel = d.channel OR p.channel IS NULL)
            GROUP BY d.source, d.target, d.channel
        )
        SELECT
            passed.*,
            coalesce(failed, 0)      AS failed,
            coalesce(unreachable, 0) AS unreachable,
            coalesce(refused, 0)     AS refused,
            coalesce(unreadable, 0)  AS unreadable,
            coalesce(malformed, 0)   AS malformed,
            coalesce(diverged, 0)    AS diverged,
            coalesce(doubled, 0)     AS doubled,
            coalesce(swallowed, 0)   AS swallowed,
            coalesce(silent, 0)      AS silent,
            coalesce(peak_day, 0)    AS peak_day,
            coalesce(full_calls, 0)  AS full_calls,
            coalesce(full_failed, 0) AS full_failed
        FROM passed
        LEFT JOIN failing USING (source, target, channel)
        LEFT JOIN days USING (source, target, channel)
        ORDER BY passed.source, passed.target, passed.channel
    """).to_dicts()


def share_interval(found: float, among: float) -> tuple[float, float]:
    """Return the 90 % interval of a share after Jeffreys.

    Examples
    --------
    >>> [round(bound, 4) for bound in share_interval(0, 10)]
    [0.0002, 0.1708]
    """
    shapes = (found + 0.5, max(among - found, 0) + 0.5)
    return float(beta.ppf(0.05, *shapes)), float(beta.ppf(0.95, *shapes))


def share_verdict(found: float, among: float, tolerance: float) -> str:
    """Return pass, fail or not_run: whether a share keeps within a tolerance.

    Examples
    --------
    >>> share_verdict(0, 1000, 0.01), share_verdict(0, 10, 0.01), share_verdict(50, 100, 0.01)
    ('pass', 'not_run', 'fail')
    """
    if among <= 0:
        return NOT_RUN
    low, high = share_interval(found, among)
    if high <= tolerance:
        return PASS
    return FAIL if low > tolerance else NOT_RUN


class _Answers:
    """The answers for one handoff."""

    def __init__(
        self,
        handoff: dict[str, Any],
        facts: dict[str, Any],
        said: dict[str, Any],
        undone: dict[str, Any] | None,
    ) -> None:
        self._handoff = handoff
        self._facts = facts
        self._said = said
        self._undone = undone or {"needed": 0, "orphaned": 0}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each check that evidence or catalogue speak of, and for each that does not apply."""
        answers = {**self._by_catalogue(), **(self._by_evidence() if self._facts else {})}
        for check in CHECK.values():
            if not self._applies(check.only):
                answers[check.name] = (NOT_APPLICABLE, "observed", self._why_not(check.only))
        return [
            {
                "source": self._handoff["source"],
                "target": self._handoff["target"],
                "channel": self._handoff["channel"],
                "check_name": name,
                "state": state,
                "basis": basis,
                "evidence": evidence,
                "dated_at": self._facts.get("last_at") if basis == "observed" else None,
            }
            for name, (state, basis, evidence) in sorted(answers.items())
        ]

    def _applies(self, only: str) -> bool:
        if only == "answered":
            return self._handoff["channel"] in {*_ANSWERED, "unknown", None}
        return only != "state_change" or self._changes_state()

    def _why_not(self, only: str) -> str:
        if only == "answered":
            return f"Nobody waits for an answer over {self._handoff['channel']}."
        return "It only reads."

    def _changes_state(self) -> bool:
        """Say whether something has to be undone: as declared, else unless every operation only reads."""
        model = self._said.get("transaction_model")
        if model is not None:
            return bool(model != "none")
        named = self._facts.get("named", 0)
        return not (named and self._facts["writing"] == 0)

    def _by_catalogue(self) -> dict[str, tuple[str, str, str]]:
        said, state = self._said, self._handoff["state"]
        known = {MATCH: PASS, MISSING: NOT_RUN, STALE: NOT_RUN}.get(state, FAIL)
        owner = said.get("owner_team") or self._handoff["owner"]
        wanted = {
            "data_format": "format",
            "timing_s": "timing",
            "error_conditions": "error conditions",
            "rollback_procedure": "rollback procedure",
        }
        if self._changes_state():
            wanted["transaction_model"] = "transaction model"
        missing = [words for column, words in wanted.items() if said.get(column) in (None, "")]
        described = f"Not said: {', '.join(missing)}." if missing else "Format, timing, errors and rollback are said."
        return {
            "declared": (known, "declared", self._handoff["finding"]),
            "owner_named": (PASS, "declared", f"Owner: {owner}.") if owner else (FAIL, "declared", "Nobody is named."),
            "described": (FAIL if missing else PASS, "declared", described),
            "authority_named": (PASS, "declared", f"The state of {said['authority']} counts.")
            if said.get("authority")
            else (FAIL, "declared", "It is not said whose state counts."),
        }

    def _by_evidence(self) -> dict[str, tuple[str, str, str]]:
        facts = self._facts
        calls, failed = facts["calls"], facts["failed"]
        counted = {
            "source_reachable": ("unreachable", calls, CALL_TOLERANCE, "of {n} calls did not reach the other side"),
            "credentials_accepted": ("refused", calls, CALL_TOLERANCE, "of {n} calls were refused for credentials"),
            "endpoint_answers": ("unreadable", calls, CALL_TOLERANCE, "of {n} answers had another form"),
            "fields_arrive": ("malformed", calls, CALL_TOLERANCE, "of {n} crossings lost or broke data"),
            "nothing_fails_silently": ("silent", calls, CALL_TOLERANCE, "of {n} crossings failed while looking well"),
            "states_agree": ("diverged", calls, CALL_TOLERANCE, "of {n} crossings left two states"),
            "errors_reach_caller": ("swallowed", failed, ERROR_TOLERANCE, "of {n} errors were swallowed by the caller"),
        }
        answers = {
            name: (
                share_verdict(facts[column], among, tolerance),
                "observed",
                f"{facts[column]} {sentence.format(n=among)} (tolerated: {tolerance:.0%}).",
            )
            for name, (column, among, tolerance, sentence) in counted.items()
        }
        answers["answers_in_time"] = self._in_time("late", "timing_s", _LATE_TOLERANCE, "timing")
        answers["timeout_kept"] = self._in_time("overdue", "timeout_s", CALL_TOLERANCE, "time limit")
        answers["keeps_up"] = self._keeps_up()
        if facts["repeats"]:
            bad = min(facts["repeats_failed"] + facts["doubled"], facts["repeats"])
            answers["repeats_are_harmless"] = (
                share_verdict(bad, facts["repeats"], ERROR_TOLERANCE),
                "observed",
                f"{bad} of {facts['repeats']} repetitions did harm.",
            )
        if self._undone["needed"]:
            orphaned, needed = self._undone["orphaned"], self._undone["needed"]
            answers["effects_are_undone"] = (
                share_verdict(orphaned, needed, ERROR_TOLERANCE),
                "observed",
                f"{orphaned} of {needed} effects that had to be undone were left.",
            )
        return answers

    def _in_time(self, column: str, promised: str, tolerance: float, words: str) -> tuple[str, str, str]:
        limit = self._facts[promised]
        if limit is None:
            return NOT_RUN, "observed", f"No {words} is declared."
        found, among = self._facts[column], self._facts["timed"]
        return (
            share_verdict(found, among, tolerance),
            "observed",
            f"{found} of {among} took longer than {limit:g} s (tolerated: {tolerance:.0%}).",
        )

    def _keeps_up(self) -> tuple[str, str, str]:
        promised, peak = self._facts["per_day"], self._facts["peak_day"]
        if promised is None:
            return NOT_RUN, "observed", "No volume is declared."
        seen = f"The busiest day had {peak} calls; {promised:g} are declared."
        failed, calls = self._facts["full_failed"], self._facts["full_calls"]
        verdict = share_verdict(failed, calls, _BUSY_TOLERANCE)
        return (
            verdict,
            "observed",
            f"{seen} On such days {failed} of {calls} failed (tolerated: {_BUSY_TOLERANCE:.0%}).",
        )
