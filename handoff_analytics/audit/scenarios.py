"""Which situations at the boundary should be played before production?

One failing test of the happy path proves little. For each handoff the generator writes the situations in which its
kind of handoff is known to break: data of the wrong form, credentials that expire half-way, answers that come late or
never, repetitions, a consumer that comes back before its supplier. Then it writes pairs of them, because recovery
fails where two things fail at once, and puts those first that this history has already seen fail.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING, Any

import polars as pl

from ..errors import EmptyHistoryError
from .checks import CHECK
from .declared import catalogue_diff
from .entries import audit_entries

if TYPE_CHECKING:
    from ..history import History


@dataclass(frozen=True, slots=True)
class _Situation:
    name: str
    check_name: str
    handoff_type: str
    given: str
    when: str
    then: str
    channels: tuple[str, ...] = ()
    """Where it can happen; empty means everywhere."""
    changes_state: bool = False
    """Whether it only matters where something has to be undone."""


SITUATIONS = tuple(
    _Situation(
        name=row["name"],
        check_name=row["check_name"],
        handoff_type=row["handoff_type"],
        given=row["given"],
        when=row["when"],
        then=row["then"],
        channels=tuple(row["channels"].split()),
        changes_state=row["changes_state"] == "yes",
    )
    for row in csv.DictReader(files(__package__).joinpath("scenarios.csv").read_text(encoding="utf-8").splitlines())
)
"""In the order in which they are worth playing; the table beside this module may be edited."""
SITUATION = {situation.name: situation for situation in SITUATIONS}
_COMPOUND = (
    ("expired_credentials", "down"),
    ("late_answer", "repetition"),
    ("down", "recovery_fails"),
    ("lost_message", "later_step_fails"),
    ("rate_limit", "expired_credentials"),
    ("wrong_order", "repetition"),
    ("other_format", "later_step_fails"),
    ("down", "manual_recovery"),
)
"""Pairs that make each other worse; others are added where the history has seen both of their types fail."""
SCENARIOS = pl.Schema(
    {
        "scenario": pl.String(),
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "compound": pl.Boolean(),
        "check_name": pl.String(),
        "area": pl.String(),
        "handoff_type": pl.String(),
        "given": pl.String(),
        "when": pl.String(),
        "then": pl.String(),
        "seen_failing": pl.Int64(),
        "priority": pl.Int64(),
        "state": pl.String(),
        "played_at": pl.Datetime("us"),
    }
)


def boundary_scenarios(history: History, *, compound: int = 6) -> pl.DataFrame:
    """Write the situations that each handoff should be tested in.

    Parameters
    ----------
    history
        Its handoffs, declared or seen, and what has failed at them.
    compound
        How many situations in which two things fail at once to write for each handoff, at most.

    Returns
    -------
    polars.DataFrame
        One row a scenario, by handoff and priority.

        ============ ======== ==================================================================================
        scenario     String   its id, such as crm->erp/http/down; tests that carry it in their name are matched
        source       String   system that hands over
        target       String   system that takes over
        channel      String   channel
        compound     Boolean  whether two things fail at once
        check_name   String   the check of the audit that it answers
        area         String   one of the five areas
        handoff_type String   one of the five types
        given        String   the situation
        when         String   what is done
        then         String   what has to come out
        seen_failing Int64    failures of that type at this handoff in the history; of the rarer one for a pair
        priority     Int64    1 is to be played first at this handoff
        state        String   pass, fail or not_run: what the last test run said
        played_at    Datetime when that was, UTC
        ============ ======== ==================================================================================

    Raises
    ------
    EmptyHistoryError
        If nothing was seen and nothing is declared.

    References
    ----------
    Kuhn, Wallace & Gallo (2004), Software fault interactions and implications for software testing, IEEE
    Transactions on Software Engineering 30(6): pairs find most of what single faults do not.
    """
    handoffs = catalogue_diff(history).sort("source", "target", "channel", nulls_last=True)
    if handoffs.is_empty():
        raise EmptyHistoryError("There is no handoff to test. Load traces, logs, runs or a catalogue first.")
    failing = _failing(history)
    said = _said(history)
    played = {entry["scenario"]: entry for entry in audit_entries(history).to_dicts() if entry["scenario"]}
    rows: list[dict[str, Any]] = []
    for handoff in handoffs.to_dicts():
        channel = handoff["channel"] or "unknown"
        ends = {"source": handoff["source"], "target": handoff["target"], "channel": channel}
        words = said.get((handoff["source"], handoff["target"]), {})
        counts = failing.get((handoff["source"], handoff["target"], handoff["channel"]), {})
        rows += _of_handoff(ends, words, counts, played, compound)
    return pl.DataFrame(rows, schema=SCENARIOS)


def _of_handoff(
    ends: dict[str, str],
    words: dict[str, Any],
    counts: dict[str, int],
    played: dict[str, dict[str, Any]],
    compound: int,
) -> list[dict[str, Any]]:
    reads_only = words.get("transaction_model") == "none"
    fitting = [
        situation
        for situation in SITUATIONS
        if (not situation.channels or ends["channel"] in situation.channels)
        and not (situation.changes_state and reads_only)
    ]
    rows = [_single(situation, ends, words, counts) for situation in fitting]
    names = {situation.name for situation in fitting}
    pairs = [pair for pair in _COMPOUND if set(pair) <= names]
    hit = [situation for situation in fitting if counts.get(situation.handoff_type, 0) > 0]
    pairs += [
        (one.name, other.name)
        for one, other in combinations(hit, 2)
        if one.handoff_type != other.handoff_type and {one.name, other.name} not in [set(pair) for pair in pairs]
    ]
    doubles = [_double(SITUATION[one], SITUATION[other], ends, words, counts) for one, other in pairs]
    doubles.sort(key=lambda row: -row["seen_failing"])
    rows += doubles[:compound]
    order = {situation.name: place for place, situation in enumerate(SITUATIONS)}
    rows.sort(key=lambda row: (-row["seen_failing"], row["compound"], order.get(row["name"], len(order)), row["name"]))
    for place, row in enumerate(rows, start=1):
        entry = played.get(row["scenario"], {})
        row |= {"priority": place, "state": entry.get("state", "not_run"), "played_at": entry.get("entered_at")}
        del row["name"]
    return rows


def _filled(text: str, ends: dict[str, str], words: dict[str, Any]) -> str:
    timeout = words.get("timeout_s")
    return text.format(
        **ends,
        format=f" (declared: {words['data_format']})" if words.get("data_format") else "",
        errors=f" (declared errors: {words['error_conditions']})" if words.get("error_conditions") else "",
        timeout=f" of {timeout:g} s" if timeout else "",
        rollback=f" (declared rollback: {words['rollback_procedure']})" if words.get("rollback_procedure") else "",
    )


def _single(
    situation: _Situation, ends: dict[str, str], words: dict[str, Any], counts: dict[str, int]
) -> dict[str, Any]:
    return ends | {
        "name": situation.name,
        "scenario": _scenario_id(ends, situation.name),
        "compound": False,
        "check_name": situation.check_name,
        "area": CHECK[situation.check_name].area,
        "handoff_type": situation.handoff_type,
        "given": _filled(situation.given, ends, words),
        "when": _filled(situation.when, ends, words),
        "then": _filled(situation.then, ends, words),
        "seen_failing": counts.get(situation.handoff_type, 0),
    }


def _double(
    one: _Situation, other: _Situation, ends: dict[str, str], words: dict[str, Any], counts: dict[str, int]
) -> dict[str, Any]:
    name = f"{one.name}+{other.name}"
    first, second = (_single(situation, ends, words, counts) for situation in (one, other))
    return first | {
        "name": name,
        "scenario": _scenario_id(ends, name),
        "compound": True,
        "check_name": "compound_failure_survived",
        "area": CHECK["compound_failure_survived"].area,
        "given": f"{first['given']}, and at the same time {second['given']}",
        "when": f"{first['when']}; {second['when']}" if first["when"] != second["when"] else first["when"],
        "then": f"{first['then']}; {second['then']}",
        "seen_failing": min(first["seen_failing"], second["seen_failing"]),
    }


def _scenario_id(ends: dict[str, str], name: str) -> str:
    return f"{ends['source']}->{ends['target']}/{ends['channel']}/{name}"


def _failing(history: History) -> dict[tuple[str, str, str], dict[str, int]]:
    rows = history.sql("""
        SELECT source, target, channel, handoff_type, count(*) AS n
        FROM failures
        WHERE origin <> 'propagated' AND handoff_type IS NOT NULL
        GROUP BY source, target, channel, handoff_type
        ORDER BY source, target, channel, handoff_type
    """)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for source, target, channel, handoff_type, n in rows.rows():
        found.setdefault((source, target, channel), {})[handoff_type] = n
    return found


def _said(history: History) -> dict[tuple[str, str], dict[str, Any]]:
    rows = history.sql("SELECT * FROM declared_handoffs ORDER BY source, target, channel, load_id, record_no")
    return {(row["source"], row["target"]): row for row in reversed(rows.to_dicts())}
