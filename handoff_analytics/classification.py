"""Which rules say of what type a failure is, and which of them are the analyst's own?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from . import model
from .history import History
from .model.rules import COLUMNS, load_rules, rules
from .store import transaction

if TYPE_CHECKING:
    from pathlib import Path


def failure_rules(history: History) -> pl.DataFrame:
    """List the rules that classify failures, and how many failures each decides.

    Parameters
    ----------
    history
        Whose rules: the shipped ones, with those of `load_failure_rules` in the place of the rows that they replace.

    Returns
    -------
    polars.DataFrame
        One row a rule, by name. Written as CSV it is a file that `load_failure_rules` reads.

        ============ ======= ==================================================================================
        column       dtype   meaning
        ============ ======= ==================================================================================
        rule         String  its name
        field        String  http_status, grpc_status, sqlstate, amqp_code, kafka_error, or message (any text)
        pattern      String  the code, or a regular expression without regard to case
        mode         String  failure mode that it says
        handoff_type String  type that the mode belongs to
        side         String  side that has to change
        weight       Float64 1 weak to 9 certain; 0 silences it; at the same weight a code beats a text
        reason       String  why it says so
        own          Boolean whether it is the analyst's own: these beat every shipped one
        failures     Int64   failures in scope whose type it decided
        ============ ======= ==================================================================================

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.failure_rules(ha.History()).filter(rule="R023").select("pattern", "mode", "reason").row(0)
    ('429', 'rate_limit', 'HTTP 429: Too Many Requests')
    """
    known = rules(history._store.reader())  # noqa: SLF001 - rules stand beside the scope
    built = not history.tables.filter(pl.col("table_name") == "failures").is_empty()
    counted = (
        history.sql("SELECT type_rule AS rule, count(*) AS failures FROM failures GROUP BY ALL")
        if built
        else pl.DataFrame(schema={"rule": pl.String, "failures": pl.Int64})
    )
    return (
        known.select(*COLUMNS, "own")
        .join(counted, on="rule", how="left")
        .with_columns(pl.col("failures").fill_null(0))
        .sort("rule")
    )


def load_failure_rules(path: str | Path, *, into: History | str | Path) -> History:
    """Take an analyst's own rules into a history, and classify its failures anew.

    Parameters
    ----------
    path
        CSV with the columns rule, field, pattern, mode, handoff_type, side, weight and reason, as `failure_rules` lists
        them. A rule of a shipped name replaces that rule; weight 0 silences it.
    into
        The history, or its file.

    Returns
    -------
    History
        The history, with its model rebuilt.

    Raises
    ------
    MappingError
        If a column is missing, a word is unknown, or a pattern is no regular expression that runs in linear time.
    """
    history = into if isinstance(into, History) else History(into)
    with history._store.writer() as connection, transaction(connection):  # noqa: SLF001 - written beside the evidence
        load_rules(connection, path)
        model.build(connection)
    return history
