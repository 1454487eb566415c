"""Which failures did no status tell?

Each detector is the SQL file of its name in `silent/`; what SQL cannot say well, learning which fields belong together
and when a ratio of volumes has dropped, is here.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..identity import key_sql
from ..store import query
from .statements import count

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HERE = files(__package__).joinpath("silent")
DETECTORS = (
    "outcome",
    "contradicting_body",
    "field_drop",
    "dead_letter",
    "swallowed_error",
    "lost_message",
    "missing_step",
    "reconciliation",
)
_RECONCILING = "SELECT count(*) FROM outcome_rules WHERE kind = 'reconcile'"
# Names that telemetry standards give to attributes; a field of the business has none of these in front.
_STANDARD = (
    *("http", "rpc", "db", "messaging", "net", "network", "server", "client", "url", "user_agent", "tls", "dns"),
    *("thread", "code", "service", "telemetry", "otel", "host", "process", "k8s", "container", "os", "device"),
    *("exception", "error", "log", "event", "peer", "faas", "cloud", "deployment", "graphql", "enduser", "session"),
)
# Learn field pairs from this many spans; a pair that carries a business does not hide from them.
_LEARNT_FROM = 100_000
# A pair that is lost more often than this was never a pair; one that is lost less often than tolerated is no finding.
_PAIRED, _TOLERATED = 0.5, 0.002
# The volume detector looks for a tenth of the transactions going missing; ten nats are one false alarm in e^10 days.
_DROP, _NATS = 0.9, 10.0
# So many days say what is usual, at least and at most.
_BASELINE_DAYS = (14, 28)
# Median of the square of a standard normal variable.
_MEDIAN_SQUARE = 0.4549


def find(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill silent_findings from crossings, spans, outcomes and declared rules.

    Parameters
    ----------
    connection
        Inside the transaction of the build, with the table crossings made and silent_findings empty.
    """
    last_us = connection.execute("SELECT max(start_us + coalesce(duration_us, 0)) FROM spans").fetchall()[0][0]
    if last_us is None:
        return
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE continuation_rules AS
        SELECT
            rule, source, target,
            CAST(1e6 * CAST(definition ->> '$.within_seconds' AS DOUBLE) AS BIGINT) AS within_us
        FROM outcome_rules
        WHERE kind IN ('continuation', 'deadline')
        """
    ).fetchall()
    _pair_fields(connection)
    for detector in DETECTORS:
        # It sums up every transaction, which takes long, for rules of its kind alone.
        if detector == "reconciliation" and not count(connection, _RECONCILING):
            continue
        select = _HERE.joinpath(f"{detector}.sql").read_text(encoding="utf-8")
        _insert(connection, select, {"last_us": last_us} if "$last_us" in select else {})
    drops = _volume_drops(connection)
    if drops.height:
        connection.register("drops", drops.to_arrow())
        _insert(connection, "SELECT * FROM drops", {})
        connection.unregister("drops")
    for name in ("continuation_rules", "field_pairs", "candidate_pairs"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}").fetchall()


def _insert(connection: duckdb.DuckDBPyConnection, select: str, values: dict[str, int]) -> None:
    """Add the findings of one detector, with the ticket by which somebody first showed that they had noticed."""
    about = (
        *("f.detector", "f.rule", "f.source", "f.target", "f.crossing_id::VARCHAR", "f.trace_key::VARCHAR"),
        *("f.correlation_id", "f.occurred_at::VARCHAR"),
    )
    connection.execute(
        f"""
        INSERT INTO silent_findings BY NAME
        WITH f AS ({select})
        SELECT
            {key_sql(*about)} AS finding_id,
            f.*,
            (
                SELECT min(t.opened_at)
                FROM ticket_ids AS t
                WHERE t.correlation_id = f.correlation_id AND t.opened_at >= f.occurred_at
            ) AS detected_at
        FROM f
        """,
        values,
    ).fetchall()


def _pair_fields(connection: duckdb.DuckDBPyConnection) -> None:
    """Make field_pairs: which attribute of the sender should be stored as which attribute of the receiver."""
    connection.execute(
        r"""
        CREATE OR REPLACE TEMP TABLE field_pairs AS
        SELECT
            rule, source, target, definition ->> '$.sent' AS sent, definition ->> '$.stored' AS stored,
            '$."' || replace(definition ->> '$.sent', '"', '\"') || '"' AS sent_path,
            '$."' || replace(definition ->> '$.stored', '"', '\"') || '"' AS stored_path,
            1.0 AS probability
        FROM outcome_rules
        WHERE kind = 'fields'
        """
    ).fetchall()
    connection.execute(
        r"""
        CREATE OR REPLACE TEMP TABLE candidate_pairs AS
        WITH fields AS (
            SELECT DISTINCT system, unnest(json_keys(attributes)) AS field
            FROM (
                SELECT system, attributes FROM spans WHERE attributes IS NOT NULL
                ORDER BY trace_key, span_key LIMIT $most
            )
        ),
        business AS (
            SELECT system, field, regexp_extract(field, '([^.]+\.[^.]+)$', 1) AS meaning
            FROM fields
            WHERE field LIKE '%.%.%' AND NOT list_contains($standard, split_part(field, '.', 1))
        )
        SELECT DISTINCT
            concat('fields ', a.field, ' and ', b.field) AS rule,
            c.source, c.target, a.field AS sent, b.field AS stored,
            '$."' || replace(a.field, '"', '\"') || '"' AS sent_path,
            '$."' || replace(b.field, '"', '\"') || '"' AS stored_path
        FROM (SELECT DISTINCT source, target FROM crossings) AS c
        JOIN business AS a ON a.system = c.source
        JOIN business AS b ON b.system = c.target AND b.meaning = a.meaning AND b.field <> a.field
        ANTI JOIN field_pairs AS known
            ON known.source = c.source AND known.target = c.target AND known.sent = a.field AND known.stored = b.field
        """,
        {"most": _LEARNT_FROM, "standard": list(_STANDARD)},
    ).fetchall()
    if not count(connection, "SELECT count(*) FROM candidate_pairs"):
        return
    connection.execute(
        """
        INSERT INTO field_pairs BY NAME
        WITH carried AS (
            SELECT
                p.rule, p.source, p.target, s.trace_key,
                bool_or(s.system = p.source AND json_extract_string(s.attributes, p.sent_path) <> '')   AS sent,
                bool_or(s.system = p.target AND json_extract_string(s.attributes, p.stored_path) <> '') AS stored
            FROM candidate_pairs AS p
            JOIN spans AS s ON s.system IN (p.source, p.target)
            JOIN (SELECT DISTINCT trace_key, source, target FROM crossings WHERE NOT failed) AS c
                ON c.trace_key = s.trace_key AND c.source = p.source AND c.target = p.target
            GROUP BY ALL
        )
        SELECT p.*, 0.8 AS probability
        FROM candidate_pairs AS p
        JOIN (
            SELECT rule, source, target, count(*) AS sent, avg((NOT coalesce(stored, FALSE))::INTEGER) AS lost
            FROM carried
            WHERE sent
            GROUP BY ALL
        ) AS seen USING (rule, source, target)
        WHERE seen.sent >= 20 AND seen.lost BETWEEN $tolerated AND $paired
        """,
        {"tolerated": _TOLERATED, "paired": _PAIRED},
    ).fetchall()


def _drops(entered: Floats, carried: Floats) -> list[tuple[int, int, float, float]]:
    """Return from which day to which a share is smaller than before, the share before, and how many are missing."""
    share = carried.sum() / entered.sum()
    # Between neighbours, as the days of a drop must not make the others look restless.
    steps = np.diff(carried / entered) ** 2 / (share * (1 - share) * (1 / entered[1:] + 1 / entered[:-1]))
    dispersion = max(1.0, float(np.median(steps)) / _MEDIAN_SQUARE)
    found = []
    total, began = 0.0, 0
    for place in range(_BASELINE_DAYS[0], len(entered)):
        if total == 0:
            began = place
        # What was usual is told by the days before the run of small ones.
        before = slice(max(0, began - _BASELINE_DAYS[1]), began)
        usual = carried[before].sum() / entered[before].sum()
        if not 0 < usual < 1:
            continue
        lost = entered[place] - carried[place]
        step = carried[place] * np.log(_DROP) + lost * np.log((1 - _DROP * usual) / (1 - usual))
        total = max(0.0, total + float(step) / dispersion)
        if total > _NATS:
            run = slice(began, place + 1)
            found.append((began, place, float(usual), float(entered[run].sum() * usual - carried[run].sum())))
            total = 0.0
    return found


def _volume_drops(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Find days from which a handoff carries a smaller share of its source's transactions than before.

    A cumulative sum of log likelihood ratios of a binomial against one with a tenth less, scaled by the measured
    overdispersion (Page 1954). Handoffs whose missing transactions were found one by one are left out.
    """
    daily = query(
        connection,
        """
        WITH reached AS MATERIALIZED (
            SELECT
                source, target, channel, hash(coalesce(correlation_id, trace_id)) AS transaction,
                min(started_at) AS reached_at
            FROM crossings
            GROUP BY ALL
        ),
        -- A transaction is a system's when it was entered or handed something on, also when it handed nothing on.
        whole AS (
            SELECT source, transaction, date_trunc('day', min(reached_at)) AS day
            FROM (
                SELECT source, transaction, reached_at FROM reached WHERE source <> 'external'
                UNION ALL
                SELECT target, transaction, reached_at FROM reached
            )
            GROUP BY ALL
        ),
        known AS (SELECT DISTINCT source, target, channel FROM silent_findings WHERE detector = 'missing_continuation'),
        -- Summed up first: a join of crossings with days would let each meet every day of its source.
        summed AS MATERIALIZED (
            SELECT r.source, r.target, r.channel, w.day, count(*) AS carried
            FROM reached AS r
            JOIN whole AS w USING (source, transaction)
            ANTI JOIN known AS k ON k.source = r.source AND k.target = r.target AND k.channel = r.channel
            GROUP BY ALL
        ),
        days AS MATERIALIZED (SELECT source, day, count(*) AS transactions FROM whole GROUP BY ALL)
        SELECT s.source, s.target, s.channel, s.day, n.transactions, s.carried
        FROM summed AS s
        JOIN days AS n ON n.source = s.source AND n.day = s.day
        ORDER BY s.source, s.target, s.channel, s.day
        """,
    )
    found = []
    for (source, target, channel), days in daily.group_by("source", "target", "channel", maintain_order=True):
        entered, carried = (days[name].to_numpy().astype(float) for name in ("transactions", "carried"))
        if len(days) < _BASELINE_DAYS[0] or not 0.2 < carried.sum() / entered.sum() < 1 or entered.mean() < 20:
            continue
        found += [
            (source, target, channel, days["day"][began], days["day"][ended], usual, round(missing))
            for began, ended, usual, missing in _drops(entered, carried)
        ]
    return pl.DataFrame(
        found,
        schema=["source", "target", "channel", "occurred_at", "detectable_at", "usual", "transactions"],
        orient="row",
        schema_overrides={
            "occurred_at": pl.Datetime("us"),
            "detectable_at": pl.Datetime("us"),
            "transactions": pl.Int64,
        },
    ).select(
        detector=pl.lit("volume_ratio"),
        rule=pl.lit("share of transactions"),
        crossing_id=pl.lit(None, pl.Int64),
        correlation_id=pl.lit(None, pl.String),
        trace_key=pl.lit(None, pl.Int64),
        source=pl.col("source").cast(pl.String),
        target=pl.col("target").cast(pl.String),
        channel=pl.col("channel").cast(pl.String),
        workflow=pl.lit(None, pl.String),
        probability=pl.lit(0.9),
        occurred_at="occurred_at",
        detectable_at="detectable_at",
        evidence=pl.format(
            "carries less than its usual share of {} of the transactions", pl.col("usual").cast(pl.Float64).round(3)
        ),
        customer=pl.lit(None, pl.String),
        amount=pl.lit(None, pl.Float64),
        transactions="transactions",
    )
