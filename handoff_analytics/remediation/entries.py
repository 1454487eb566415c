"""What is being done about which handoff, and since when?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from .. import keeping
from ..errors import ArgumentError

if TYPE_CHECKING:
    from ..history import History

STATUSES = ("open", "in_progress", "done", "rejected")
ENTRIES = pl.Schema(
    {
        "entered_at": pl.Datetime("us"),
        **dict.fromkeys(("source", "target", "channel", "measure", "status"), pl.String()),
        **dict.fromkeys(("owner", "reference", "note"), pl.String()),
        **dict.fromkeys(("predicted", "predicted_low", "predicted_high"), pl.Float64()),
        "currency": pl.String(),
    }
)


def mark_remediation(
    history: History,
    *,
    source: str,
    target: str,
    channel: str,
    measure: str,
    status: str,
    owner: str | None = None,
    reference: str | None = None,
    note: str | None = None,
    predicted: tuple[float, float, float] | None = None,
    currency: str | None = None,
    at: datetime | None = None,
) -> pl.DataFrame:
    """Keep in the history that something is being done, is done, or will not be done.

    Parameters
    ----------
    history
        A history in a file or in memory; it is written to.
    source, target, channel
        The handoff.
    measure
        The measure, as `remediation_list` names it.
    status
        open, in_progress, done or rejected. A later entry replaces an earlier one.
    owner
        Who does it.
    reference
        Ticket or change that does it.
    note
        In words.
    predicted
        Yearly saving that was expected: its 5 % point, its mean and its 95 % point. Without it, what `remediation_list`
        predicted when the measure was last marked stands; `realised_saving` compares with it.
    currency
        Of the prediction.
    at
        From when it holds, UTC; now if not given. For done: from when the fix is in production.

    Returns
    -------
    polars.DataFrame
        The entry as it was kept, in the columns of `remediation_entries`.

    Raises
    ------
    ArgumentError
        If the status is unknown, or the prediction is in no order.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> from datetime import datetime
    >>> history = ha.History()
    >>> kept = ha.mark_remediation(history, source="crm", target="erp", channel="http", measure="contract_test",
    ...     status="done", predicted=(500.0, 900.0, 1500.0), at=datetime(2026, 3, 1))
    >>> ha.remediation_entries(history)["status"].to_list()
    ['done']
    """
    if status not in STATUSES:
        raise ArgumentError(f"status = {status!r}, must be one of {', '.join(STATUSES)}.")
    if predicted is not None and not predicted[0] <= predicted[1] <= predicted[2]:
        raise ArgumentError(f"predicted = {predicted}, must be its low, mean and high, in rising order.")
    row: dict[str, Any] = {
        "entered_at": keeping.utc(at or datetime.now(UTC)),
        "source": source,
        "target": target,
        "channel": channel,
        "measure": measure,
        "status": status,
        "owner": owner,
        "reference": reference,
        "note": note,
        "predicted": predicted[1] if predicted else None,
        "predicted_low": predicted[0] if predicted else None,
        "predicted_high": predicted[2] if predicted else None,
        "currency": currency,
    }
    return keeping.keep(history, "remediation_entries", [row], ENTRIES)


def remediation_entries(history: History) -> pl.DataFrame:
    """Return every change of what is being done, the latest last.

    Parameters
    ----------
    history
        The history.

    Returns
    -------
    polars.DataFrame
        ======================= ======== =================================================
        entered_at              Datetime from when the status holds, UTC
        source, target, channel String   the handoff
        measure                 String   the measure
        status                  String   open, in_progress, done or rejected
        owner, reference, note  String   who, in which ticket, and in words
        predicted               Float64  yearly saving that was expected; with _low, _high
        currency                String   ISO 4217
        ======================= ======== =================================================
    """
    return keeping.kept(history, "remediation_entries", ENTRIES)


def latest_entries(history: History) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Return the last word on each handoff and measure; a prediction stands until another is given."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    predictions = ("predicted", "predicted_low", "predicted_high", "currency")
    for entry in remediation_entries(history).to_dicts():
        name = (entry["source"], entry["target"], entry["channel"], entry["measure"])
        before = found.get(name, {})
        if entry["predicted"] is None:
            entry |= {column: before.get(column) for column in predictions}
        found[name] = entry
    return found
