"""Which failures follow which?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from .history import History


def cascade_pairs(history: History) -> pl.DataFrame:
    """Count where the failures that began at one handoff went.

    Parameters
    ----------
    history
        What to measure, and in which window.

    Returns
    -------
    polars.DataFrame
        One row a pair of handoffs.

        ======================= ====== ==================================
        column                  dtype  meaning
        ======================= ====== ==================================
        root_source, root_target String where the failures began
        source, target          String where they went
        failures                Int64  how many did
        ======================= ====== ==================================

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.cascade_pairs(ha.samples.three_systems()).columns
    ['root_source', 'root_target', 'source', 'target', 'failures']
    """
    return history.sql("""
        SELECT root_source, root_target, source, target, count(*) AS failures
        FROM cascades
        GROUP BY root_source, root_target, source, target
        ORDER BY failures DESC, root_source, root_target, source, target
    """)


def widest_cascade(history: History) -> pl.DataFrame:
    """Return the failures of the one incident that spread to most of them.

    Parameters
    ----------
    history
        What to measure, and in which window.

    Returns
    -------
    polars.DataFrame
        Rows of the table ``cascades`` with one ``root_id``, by depth and delay; `charts.cascade_tree` draws them. Of
        two that are equally wide the one with the smaller id.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.widest_cascade(ha.samples.three_systems())["root_id"].n_unique()
    1
    """
    return history.sql("""
        WITH widest AS (
            SELECT root_id
            FROM cascades
            GROUP BY root_id
            ORDER BY count(*) DESC, root_id
            LIMIT 1
        )
        SELECT cascades.*
        FROM cascades
        JOIN widest USING (root_id)
        ORDER BY depth, delay_us, failure_id
    """)
