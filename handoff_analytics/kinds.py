"""By what do handoffs fail?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from .history import History


def failure_types(history: History) -> pl.DataFrame:
    """Count the failures of each handoff by type.

    A failure counts at the handoff where it began, by the share that its evidence gives to that handoff, and not where
    a retry made up for it.

    Parameters
    ----------
    history
        What to measure, and in which window.

    Returns
    -------
    polars.DataFrame
        One row a handoff and type.

        ======================= ======= ===================================================
        column                  dtype   meaning
        ======================= ======= ===================================================
        source, target, channel String  the handoff
        handoff_type            String  one of the five types; unclassified when no rule says
        failures                Float64 failures that began there
        ======================= ======= ===================================================

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.failure_types(ha.samples.three_systems())["failures"].sum() > 0
    True
    """
    return history.sql("""
        SELECT source, target, channel, coalesce(handoff_type, 'unclassified') AS handoff_type,
            sum(origin_weight * weight)::DOUBLE AS failures
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY source, target, channel, coalesce(handoff_type, 'unclassified')
        ORDER BY source, target, channel, handoff_type
    """)
