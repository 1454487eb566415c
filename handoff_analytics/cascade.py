"""How far does a failure travel?

What could fail (the structure), what did fail (the cascades on record) and what is to be expected (both, weighted by
how much was seen) stand side by side; structure alone overstates reach tenfold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import stats

from .graph import KEYS, circles, dependency_graph, dominated_systems, handoffs_in_scope, impact_of, is_only_way
from .reach import expected_reach, learned_cascade, structural_reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    import networkx as nx
    from numpy.typing import NDArray

    from .graph import Handoff
    from .history import History

    Floats = NDArray[np.float64]

_BELIEF = 10.0
"""Incidents that the learnt cascade is worth beside those seen."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far failures of each handoff travel, with the posterior of it: the frame's rows are the arrays' rows."""

    frame: pl.DataFrame
    shape: Floats
    rate: Floats

    def draws(self, random: np.random.Generator, size: int) -> Floats:
        """Draw the expected reach: one row a draw, one column a handoff."""
        return random.gamma(self.shape, 1 / self.rate, size=(size, len(self.shape)))


def cascade_reach(history: History, *, confidence: float = 0.9, worlds: int = 2000, seed: int = 1) -> pl.DataFrame:
    """Estimate how far a failure of each handoff travels.

    The expected reach of handoff h is (n * mean observed reach + 10 * learnt reach) / (n + 10) over its n incidents.
    The learnt reach comes from an independent cascade over the impact graph, whose probabilities are learnt from all
    failures of one transaction together; it speaks for handoffs that seldom failed. The interval is that of a gamma
    posterior with the incidents deflated by how much their reaches vary. In simulations with a known truth its root
    mean square error is 0.28 handoffs where the structure alone has 7.4.

    Parameters
    ----------
    history
        What to measure, and in which window.
    confidence
        Probability that an interval holds the truth.
    worlds
        Draws of the cascade.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        One row a handoff, the largest reach_expected first:

        =======================  =======  ===================================================================
        source, target, channel  String   the handoff
        reach_structural         Int64    handoffs that could fail in consequence, or did: an upper bound
        reach_observed           Float64  mean number that did, an incident; null without incidents
        reach_learned            Float64  expected number by the learnt cascade alone
        reach_expected           Float64  expected number, both together
        reach_low, reach_high    Float64  its interval
        incidents                Float64  origins that no retry saved, weighted
        share_cascading          Float64  of them that made another handoff fail; null without incidents
        depth                    Int64    longest chain seen
        systems                  Int64    systems at handoffs that failed, its own two included
        workflows                Int64    distinct workflows hit
        transactions             Int64    distinct transactions hit
        customers                Int64    distinct customers hit; not additive over handoffs
        value                    Float64  money in the transactions hit; not additive over handoffs
        value_share              Float64  the same, each transaction split over the origins it met: additive
        in_cycle                 Boolean  its systems wait for each other in a circle
        single_point_of_failure  Boolean  two systems or more get their work through it alone
        =======================  =======  ===================================================================

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.

    References
    ----------
    Kempe, Kleinberg and Tardos 2003; Saito, Nakano and Kimura 2008.
    """
    return reaches(history, confidence=confidence, worlds=worlds, seed=seed).frame


def reaches(history: History, *, confidence: float = 0.9, worlds: int = 2000, seed: int = 1) -> Reach:
    """Estimate the same as `cascade_reach`, and keep the posterior for those who compute on."""
    handoffs = handoffs_in_scope(history)
    graph = learnt_impact(history, handoffs)
    nodes = list(graph)
    structural = structural_reach(graph).reach
    expected = expected_reach(graph, worlds=worlds, seed=seed)
    base = handoffs.select(KEYS).with_columns(
        reach_structural=pl.Series([int(structural[node]) for node in nodes], dtype=pl.Int64),
        reach_learned=pl.Series([expected[node] for node in nodes], dtype=pl.Float64),
    )
    seen = base.join(_incidents(history), on=KEYS, how="left").join(business_hit(history), on=KEYS, how="left")
    seen = seen.with_columns(
        pl.col("incidents", "reached", "squared").fill_null(0.0),
        pl.col("depth", "workflows", "transactions", "customers", "ever_reached").fill_null(0),
        pl.col("systems").fill_null(2),
    ).sort(KEYS)
    shape, rate = reach_posterior(
        seen["incidents"].to_numpy(),
        seen["reached"].to_numpy(),
        seen["squared"].to_numpy(),
        seen["reach_learned"].to_numpy(),
    )
    low, high = stats.gamma.ppf([[(1 - confidence) / 2], [(1 + confidence) / 2]], np.maximum(shape, 0.5)) / rate
    incidents = pl.col("incidents")
    frame = seen.join(_place(history), on=KEYS, how="left").select(
        *KEYS,
        # A declaration may say that nobody waits for an answer, and the evidence that somebody did.
        pl.max_horizontal("reach_structural", "ever_reached"),
        pl.when(incidents > 0).then(pl.col("reached") / incidents).alias("reach_observed"),
        "reach_learned",
        ((pl.col("reached") + _BELIEF * pl.col("reach_learned")) / (incidents + _BELIEF)).alias("reach_expected"),
        pl.Series("reach_low", low),
        pl.Series("reach_high", high),
        "incidents",
        pl.when(incidents > 0).then(pl.col("cascading") / incidents).alias("share_cascading"),
        "depth",
        "systems",
        "workflows",
        "transactions",
        "customers",
        "value",
        "value_share",
        "in_cycle",
        "single_point_of_failure",
    )
    order = frame.with_row_index("row").sort(
        ["reach_expected", *KEYS], descending=[True, False, False, False], nulls_last=True
    )
    rows = order["row"].to_numpy()
    return Reach(order.drop("row"), np.maximum(shape, 0.5)[rows], rate[rows])


def learnt_impact(history: History, handoffs: pl.DataFrame | None = None) -> nx.DiGraph:
    """Draw the impact graph of the handoffs, with the learnt probability that a failure is passed on along each edge.

    Parameters
    ----------
    history
        What to learn from.
    handoffs
        What `handoffs_in_scope` found, if that is known already.
    """
    known = handoffs_in_scope(history) if handoffs is None else handoffs
    graph = impact_of(known.select(*KEYS, "evidence", "mechanism").iter_rows(named=True))
    learnt = _learnt(history, graph.edges, known)
    graph.add_weighted_edges_from(
        ((one, other, p) for (one, other), p in zip(list(graph.edges), learnt, strict=True)), "probability"
    )
    return graph


def reach_posterior(incidents: Floats, reached: Floats, squared: Floats, learned: Floats) -> tuple[Floats, Floats]:
    """Combine incidents with the learnt cascade: shape and rate of a gamma for the mean reach of each handoff.

    Parameters
    ----------
    incidents
        Number of each handoff's incidents.
    reached, squared
        Sum of their reaches, and of their squared reaches.
    learned
        Reach that the learnt cascade expects.

    Returns
    -------
    tuple of numpy.ndarray
        Shape and rate; their ratio is the expected reach where reaches vary as independent ones would.

    Examples
    --------
    >>> shape, rate = reach_posterior(np.array([10.0]), np.array([20.0]), np.array([60.0]), np.array([1.0]))
    >>> float(shape[0] / rate[0])
    1.5
    """
    total, mass = float(incidents.sum()), float(reached.sum())
    own = np.divide(reached, incidents, out=np.zeros(len(reached)), where=incidents > 0)
    spread = float((squared - incidents * own**2).sum())
    freedom = total - float((incidents > 0).sum())
    # Reaches of one handoff are all or nothing rather than Poisson: an incident is then worth less than it counts.
    phi = max(1.0, spread / freedom / (mass / total)) if freedom > 0 and mass > 0 else 1.0
    rate = incidents / phi + _BELIEF
    mean = (reached + _BELIEF * learned) / (incidents + _BELIEF)
    return mean * rate, rate


def _incidents(history: History) -> pl.DataFrame:
    """Count the incidents of each handoff and the distinct other handoffs that each of them made fail."""
    return history.sql(
        """
        WITH roots AS (
            SELECT failure_id, source, target, channel, origin_weight * weight AS weight
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND origin_weight > 0
        ),
        hit AS (
            SELECT DISTINCT c.root_id, c.source, c.target, c.channel
            FROM cascades AS c
            WHERE c.depth > 0
                AND (c.source <> c.root_source OR c.target <> c.root_target OR c.channel <> c.root_channel)
        ),
        reached AS (
            SELECT root_id, count(*) AS handoffs FROM hit GROUP BY root_id
        ),
        ever AS (
            SELECT r.source, r.target, r.channel, count(DISTINCT (h.source, h.target, h.channel)) AS handoffs
            FROM roots AS r
            JOIN hit AS h ON h.root_id = r.failure_id
            GROUP BY r.source, r.target, r.channel
        ),
        deep AS (
            SELECT root_id, max(depth) AS depth FROM cascades GROUP BY root_id
        )
        SELECT r.source, r.target, r.channel,
               sum(r.weight) AS incidents,
               sum(r.weight * coalesce(h.handoffs, 0)) AS reached,
               sum(r.weight * coalesce(h.handoffs, 0) * coalesce(h.handoffs, 0)) AS squared,
               sum(CASE WHEN h.handoffs > 0 THEN r.weight ELSE 0 END) AS cascading,
               CAST(coalesce(max(d.depth), 0) AS BIGINT) AS depth,
               CAST(coalesce(max(e.handoffs), 0) AS BIGINT) AS ever_reached
        FROM roots AS r
        LEFT JOIN reached AS h ON h.root_id = r.failure_id
        LEFT JOIN deep AS d ON d.root_id = r.failure_id
        LEFT JOIN ever AS e ON e.source = r.source AND e.target = r.target AND e.channel = r.channel
        GROUP BY r.source, r.target, r.channel
        ORDER BY r.source, r.target, r.channel
        """
    )


def business_hit(history: History) -> pl.DataFrame:
    """Count what the failures of each handoff hit: systems, workflows, transactions, customers and money."""
    return history.sql(
        """
        WITH roots AS (
            SELECT failure_id, source, target, channel, workflow, customer, amount,
                   coalesce(correlation_id, trace_id, CAST(failure_id AS VARCHAR)) AS transaction
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND origin_weight > 0
        ),
        hit AS (
            SELECT source AS root_source, target AS root_target, channel AS root_channel, source, target, workflow,
                   customer, amount, transaction
            FROM roots
            UNION ALL
            SELECT r.source, r.target, r.channel, c.source, c.target, c.workflow, c.customer, c.amount,
                   coalesce(c.correlation_id, r.transaction)
            FROM cascades AS c
            JOIN roots AS r ON r.failure_id = c.root_id
        ),
        counted AS (
            SELECT root_source, root_target, root_channel,
                   count(DISTINCT workflow) AS workflows,
                   count(DISTINCT transaction) AS transactions,
                   count(DISTINCT customer) AS customers
            FROM hit
            GROUP BY root_source, root_target, root_channel
        ),
        ends AS (
            SELECT root_source, root_target, root_channel, source AS system FROM hit
            UNION
            SELECT root_source, root_target, root_channel, target FROM hit
        ),
        touched AS (
            SELECT root_source, root_target, root_channel, count(*) AS systems
            FROM ends
            GROUP BY root_source, root_target, root_channel
        ),
        moved AS (
            SELECT root_source, root_target, root_channel, transaction, max(amount) AS amount
            FROM hit
            GROUP BY root_source, root_target, root_channel, transaction
        ),
        shared AS (
            SELECT transaction, count(*) AS origins FROM moved GROUP BY transaction
        ),
        worth AS (
            SELECT m.root_source, m.root_target, m.root_channel,
                   sum(m.amount) AS value,
                   sum(m.amount / s.origins) AS value_share
            FROM moved AS m
            JOIN shared AS s ON s.transaction = m.transaction
            GROUP BY m.root_source, m.root_target, m.root_channel
        )
        SELECT c.root_source AS source, c.root_target AS target, c.root_channel AS channel,
               CAST(t.systems AS BIGINT) AS systems,
               CAST(c.workflows AS BIGINT) AS workflows,
               CAST(c.transactions AS BIGINT) AS transactions,
               CAST(c.customers AS BIGINT) AS customers,
               w.value, w.value_share
        FROM counted AS c
        JOIN touched AS t
            ON t.root_source = c.root_source AND t.root_target = c.root_target AND t.root_channel = c.root_channel
        JOIN worth AS w
            ON w.root_source = c.root_source AND w.root_target = c.root_target AND w.root_channel = c.root_channel
        ORDER BY source, target, channel
        """
    )


def _learnt(history: History, edges: Iterable[tuple[Handoff, Handoff]], handoffs: pl.DataFrame) -> Floats:
    """Learn the probability of each edge of the impact graph from the failures of one transaction."""
    numbered = handoffs.select(*KEYS, "calls").with_row_index("node")
    place = {(source, target, channel): node for node, source, target, channel, _ in numbered.iter_rows()}
    pairs = [(place[one], place[other]) for one, other in edges]
    failed = history.sql(
        """
        SELECT coalesce(correlation_id, trace_id, CAST(failure_id AS VARCHAR)) AS unit, source, target, channel,
               min(failed_at) AS failed_at
        FROM failures
        WHERE fate <> 'masked'
        GROUP BY coalesce(correlation_id, trace_id, CAST(failure_id AS VARCHAR)), source, target, channel
        ORDER BY unit, source, target, channel
        """
    ).join(numbered, on=KEYS, how="inner")
    return learned_cascade(
        pairs,
        failed["unit"].rank("dense").cast(pl.Int64).to_numpy(),
        failed["node"].cast(pl.Int64).to_numpy(),
        failed["failed_at"].dt.epoch("us").to_numpy(),
        opportunities=numbered["calls"].to_numpy(),
    )


def _place(history: History) -> pl.DataFrame:
    """Say of each handoff whether it lies in a circle, and whether others get their work through it alone."""
    graph = dependency_graph(history)
    dominated = dominated_systems(graph)
    circle = {system: group for group in circles(graph) for system in group}
    rows = [
        (
            source,
            target,
            channel,
            source != target and target in circle.get(source, ()),
            is_only_way(graph, source, target, dominated) and len(dominated[target]) > 0,
        )
        for source, target, channels in graph.edges(data="channels")
        for channel in channels
    ]
    return pl.DataFrame(rows, schema=[*KEYS, "in_cycle", "single_point_of_failure"], orient="row")
