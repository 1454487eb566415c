"""What did people, test runs and drills find, and since when?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from .. import keeping
from ..declarations import suggestion
from ..errors import ArgumentError
from .checks import CHECK, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..history import History

BASES = ("attached", "test", "drill")
ENTRIES = pl.Schema(
    {
        "entered_at": pl.Datetime("us"),
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "check_name": pl.String(),
        "scenario": pl.String(),
        "state": pl.String(),
        "basis": pl.String(),
        "owner": pl.String(),
        "evidence": pl.String(),
        "note": pl.String(),
        "seconds": pl.Float64(),
        "valid_days": pl.Float64(),
    }
)


def record_audit(
    history: History,
    *,
    check_name: str,
    state: str,
    source: str | None = None,
    target: str | None = None,
    channel: str | None = None,
    scenario: str | None = None,
    basis: str = "attached",
    owner: str | None = None,
    evidence: str | None = None,
    note: str | None = None,
    seconds: float | None = None,
    valid_days: float | None = None,
    entered_at: datetime | None = None,
) -> pl.DataFrame:
    """Keep one finding of the audit in the history.

    Parameters
    ----------
    history
        A history in a file or in memory; it is written to.
    check_name
        The check that the finding answers; `audit_checks` lists them.
    state
        pass, fail, not_run or not_applicable. A later entry for the same check and scenario replaces an earlier one.
    source, target, channel
        The handoff; null means every one.
    scenario
        The boundary scenario that was played.
    basis
        attached (a person vouches for it), test or drill.
    owner
        Who answers for it.
    evidence
        Link or document. A pass that rests on a person's word needs it.
    note
        What was seen.
    seconds
        How long it took; of a drill, until the state was consistent again.
    valid_days
        Days after which it no longer counts.
    entered_at
        When it was found, UTC; now if not given.

    Returns
    -------
    polars.DataFrame
        The entry as it was kept, in the columns of `audit_entries`.

    Raises
    ------
    ArgumentError
        If the check or the state is unknown, or a pass has no evidence.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> from datetime import datetime
    >>> history = ha.History()
    >>> kept = ha.record_audit(history, check_name="rules_kept", state="pass", source="crm", target="erp",
    ...     evidence="DPIA-12", owner="legal", entered_at=datetime(2026, 3, 1))
    >>> ha.audit_entries(history)["evidence"].to_list()
    ['DPIA-12']
    """
    entry = {
        "check_name": check_name,
        "state": state,
        "source": source,
        "target": target,
        "channel": channel,
        "scenario": scenario,
        "basis": basis,
        "owner": owner,
        "evidence": evidence,
        "note": note,
        "seconds": seconds,
        "valid_days": valid_days,
        "entered_at": entered_at or datetime.now(UTC),
    }
    return keep(history, [entry])


def keep(history: History, entries: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Check some findings and keep them all, or none."""
    return keeping.keep(history, "audit_entries", [_checked(entry) for entry in entries], ENTRIES)


def _checked(entry: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {name: entry.get(name) for name in ENTRIES}
    if row["check_name"] not in CHECK:
        near = suggestion(str(row["check_name"]), CHECK)
        raise ArgumentError(f"{row['check_name']!r} is no check of the audit. ha.audit_checks() lists them.{near}")
    if row["state"] not in STATES:
        raise ArgumentError(f"state = {row['state']!r}, must be one of {', '.join(STATES)}.")
    if row["basis"] not in BASES:
        raise ArgumentError(f"basis = {row['basis']!r}, must be one of {', '.join(BASES)}.")
    if row["basis"] == "attached" and row["state"] == "pass" and not row["evidence"]:
        raise ArgumentError(f"A pass of {row['check_name']!r} needs evidence: a link or the name of a document.")
    if (row["source"] is None) != (row["target"] is None):
        raise ArgumentError("Name both sides of a handoff, or neither for all of them.")
    row["entered_at"] = keeping.utc(row["entered_at"])
    return row


def audit_entries(history: History) -> pl.DataFrame:
    """Return every finding that was kept, the latest last.

    Parameters
    ----------
    history
        The history.

    Returns
    -------
    polars.DataFrame
        ============ ======== ====================================================================
        entered_at   Datetime when it was found, UTC
        source       String   the handoff; null for all
        target       String
        channel      String   null for every channel
        check_name   String   the check that it answers
        scenario     String   the boundary scenario that was played
        state        String   pass, fail, not_run or not_applicable
        basis        String   attached, test or drill
        owner        String   who answers for it
        evidence     String   link or document
        note         String   what was seen
        seconds      Float64  how long it took
        valid_days   Float64  days after which it no longer counts
        ============ ======== ====================================================================
    """
    return keeping.kept(history, "audit_entries", ENTRIES)
