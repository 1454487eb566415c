"""The model that an engine makes of the evidence is the model that DuckDB makes, and what comes back is ranked alike.

The engine is Sail, on loopback; it speaks Spark Connect as Spark and Databricks do.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.engines.reduction import make_crossings
from handoff_analytics.errors import ArgumentError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pysail = pytest.importorskip("pysail.spark", reason="the extra [distributed] is not installed")
pytest.importorskip("pyspark.sql.connect", reason="the extra [distributed] is not installed")
KEYS = ("source", "target", "channel")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    os.environ.setdefault("RUST_LOG", "error")
    server = pysail.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    yield f"sc://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(scope="module")
def here() -> ha.History:
    return samples.load()


@pytest.fixture(scope="module")
def published(here: ha.History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ha.publish(here, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def engine(url: str, published: Path) -> Iterator[Any]:
    with ha.connect(url) as engine:
        engine.register_folder(published)
        make_crossings(engine)
        yield engine


@pytest.fixture(scope="module")
def spans_only() -> ha.History:
    """The samples without their logs: what only logs show is not found on an engine."""
    return ha.load([samples.folder() / name for name in samples.EVIDENCE if name != "logs.jsonl"], quiet=True)


@pytest.fixture(scope="module")
def there(url: str, spans_only: ha.History, tmp_path_factory: pytest.TempPathFactory) -> ha.History:
    with ha.connect(url) as engine:
        engine.register_folder(ha.publish(spans_only, tmp_path_factory.mktemp("spans_only")))
        return engine.history()


AGGREGATES = {
    "crossings by handoff": (
        "crossings",
        """
        SELECT source, target, channel, count(*) AS n, sum(CASE WHEN failed THEN 1 ELSE 0 END) AS failed,
            sum(CASE WHEN is_last_attempt THEN 1 ELSE 0 END) AS calls, sum(CASE WHEN in_cycle THEN 1 ELSE 0 END) AS cycled,
            sum(CASE WHEN is_duplicate THEN 1 ELSE 0 END) AS twice, sum(weight) AS weight,
            min(start_us) AS first_us, max(start_us) AS last_us
        FROM crossings WHERE {rows}
        GROUP BY source, target, channel ORDER BY source, target, channel
        """,
    ),
    "outcomes": (
        "crossings",
        """
        SELECT source, target, channel, origin, rule, side, fate, evidence, tier, attempt, count(*) AS n
        FROM crossings WHERE {rows}
        GROUP BY source, target, channel, origin, rule, side, fate, evidence, tier, attempt
        ORDER BY source, target, channel, origin, rule, side, fate, evidence, tier, attempt
        """,
    ),
    "times": (
        "crossings",
        """
        SELECT source, target, channel, sum(duration_us) AS duration_us, sum(callee_us) AS callee_us,
            sum(transit_us) AS transit_us, count(transit_us) AS n
        FROM crossings WHERE {rows}
        GROUP BY source, target, channel ORDER BY source, target, channel
        """,
    ),
    "business": (
        "crossings",
        """
        SELECT workflow, platform, count(DISTINCT correlation_id) AS ids, count(DISTINCT customer) AS customers,
            count(DISTINCT call_id) AS calls, sum(amount) AS amount
        FROM crossings WHERE {rows}
        GROUP BY workflow, platform ORDER BY workflow, platform
        """,
    ),
    "systems": ("systems", "SELECT name, system_type, platform_type, team, n_spans FROM systems ORDER BY name"),
    "names": ("system_names", "SELECT name, system, basis FROM system_names ORDER BY name"),
    "clocks": ("clock_offsets", "SELECT * FROM clock_offsets ORDER BY source_host, target_host"),
}


@pytest.mark.parametrize("name", AGGREGATES)
def test_the_engine_counts_what_duckdb_counts(engine: Any, here: ha.History, name: str) -> None:
    table, text = AGGREGATES[name]
    # Detectors mark crossings after they were made, and logs add some that no span shows: neither happens there.
    asked = here.sql(text.format(rows="(rule <> 'A11' OR rule IS NULL) AND evidence NOT LIKE 'log%'"))
    if table == "crossings":
        engine.show("marked", here.sql("SELECT crossing_id FROM crossings WHERE rule = 'A11'"))
    answered = engine.sql(text.format(rows="crossing_id NOT IN (SELECT crossing_id FROM marked)"))
    order = [column for column, kind in asked.schema.items() if not kind.is_float()]
    asked, answered = asked.sort(order), answered.select(asked.columns).cast(dict(asked.schema)).sort(order)
    assert asked.height > 2
    exact = pl.exclude(pl.Float64)
    assert answered.select(exact).equals(asked.select(exact))
    for column in asked.select(pl.col(pl.Float64)).columns:
        assert answered[column].is_null().equals(asked[column].is_null())
        assert answered[column].fill_null(0).to_list() == pytest.approx(asked[column].fill_null(0).to_list(), rel=1e-9)


def test_what_comes_back_has_the_columns_and_the_counts_of_the_model(spans_only: ha.History, there: ha.History) -> None:
    here = spans_only
    for table in ("crossings", "failures", "handoffs", "systems"):
        shape = f"SELECT * FROM {table} LIMIT 0"
        assert there.sql(shape).schema == here.sql(shape).schema, table
    counted = """
        SELECT source, target, channel, count(*) AS n, sum(failed::INT) AS failed, count(DISTINCT call_id) AS calls,
            min(started_at) AS first_at, max(started_at) AS last_at
        FROM crossings GROUP BY ALL ORDER BY ALL
    """
    assert there.sql(counted).equals(here.sql(counted))
    hours = "SELECT source, target, date_trunc('hour', started_at) AS at, count(*) AS n FROM crossings GROUP BY ALL ORDER BY ALL"
    assert there.sql(hours).equals(here.sql(hours))
    told = """
        SELECT source, target, channel, handoff_type, mode, origin, fate, count(*) AS n, sum(origin_weight) AS weight
        FROM failures WHERE NOT silent GROUP BY ALL ORDER BY ALL
    """
    assert there.sql(told).equals(here.sql(told))
    assert there.sql("SELECT count(*) FROM cascades").equals(here.sql("SELECT count(*) FROM cascades"))


def test_measures_decisions_and_charts_work_unchanged(there: ha.History, spans_only: ha.History) -> None:
    here = spans_only
    loud = here.sql("SELECT count(*) FROM failures WHERE NOT silent").item()
    assert there.sql("SELECT count(*) FROM failures").item() == loud
    ranking = ha.rank(there)
    assert ranking.select(KEYS).sort(KEYS).equals(ha.rank(here).select(KEYS).sort(KEYS))
    assert (ranking["assumed_share"].drop_nulls() < 1).any(), "costs of tickets came along"
    # A message that never arrived was a call, too: a detector knows of it, and none ran there.
    silent = here.sql("SELECT DISTINCT source, target, channel FROM failures WHERE silent")
    mine, theirs = (
        ha.failure_frequency(one).join(silent, on=KEYS, how="anti").sort(KEYS).select(*KEYS, "crossings", "failures")
        for one in (here, there)
    )
    assert mine.height > 10
    assert theirs.equals(mine)
    assert ha.dependency_graph(there).number_of_edges() == ha.dependency_graph(here).number_of_edges()
    assert ha.plan(there, budget=40_000)["chosen"].any()
    assert ha.charts.ranking(ranking, history=there).to_dict()["description"]
    assert ha.charts.graph(ha.dependency_graph(there), history=there).to_dict()["description"]
    assert ha.charts.cost(ha.recovery_cost(there), history=there).to_dict()["description"]


def test_a_history_whose_evidence_lies_elsewhere_takes_no_loads_here(there: ha.History) -> None:
    n = there.sql("SELECT count(*) FROM crossings").item()
    with pytest.raises(ArgumentError, match="made by an engine"):
        ha.load(samples.folder() / "catalogue.toml", into=there, quiet=True)
    assert there.sql("SELECT count(*) FROM crossings").item() == n > 20_000


def test_repeated_spans_are_seen_once_there_too(url: str, tmp_path: Path) -> None:
    """Shared spans of Zipkin and lines that come twice: both halves of a call under one id."""
    span = {"traceId": "1", "id": "2", "timestamp": 1_767_600_000_000_000, "duration": 5000, "name": "get"}
    both = [
        span | {"kind": "CLIENT", "localEndpoint": {"serviceName": "web"}},
        span | {"kind": "SERVER", "shared": True, "localEndpoint": {"serviceName": "shop"}, "tags": {"error": "boom"}},
        span | {"kind": "SERVER", "shared": True, "localEndpoint": {"serviceName": "shop"}, "tags": {"error": "boom"}},
    ]
    (tmp_path / "zipkin.json").write_text(pl.Series([both]).to_frame("x").select(pl.col("x")).write_json()[6:-2])
    here = ha.load(tmp_path / "zipkin.json", quiet=True)
    assert here.sql("SELECT source, target FROM crossings WHERE source = 'web'").rows() == [("web", "shop")]
    with ha.connect(url) as engine:
        engine.register_folder(ha.publish(here, tmp_path / "published"))
        there = engine.history(into=tmp_path / "there.duckdb")
    columns = "source, target, failed, origin, rule, evidence"
    text = f"SELECT {columns} FROM crossings ORDER BY ALL"
    assert there.sql(text).equals(here.sql(text))


def test_an_engine_is_asked_with_values_apart_from_the_text(engine: Any) -> None:
    text = "SELECT count(*) AS n FROM crossings WHERE target = $target"
    assert engine.sql(text, target="erp").item() > 100
    assert engine.sql(text, target="erp' OR 'a' = 'a").item() == 0


def test_tables_with_fewer_columns_and_tables_by_name_are_read(url: str, tmp_path: Path) -> None:
    pl.DataFrame({"name": ["crm"], "team": ["sales"]}).write_parquet(tmp_path / "systems.parquet")
    with ha.connect(url) as engine:
        engine.register("declared_systems", tmp_path / "systems.parquet")
        assert engine.sql("SELECT name, team, platform_type FROM declared_systems").rows() == [("crm", "sales", None)]
        engine.view("lake_systems", "SELECT 'erp' AS name")
        engine.register("declared_systems", table="lake_systems")
        assert engine.sql("SELECT name, team FROM declared_systems").rows() == [("erp", None)]


def test_what_cannot_work_says_what_to_do(url: str, engine: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"sc://host:port"):
        ha.connect("https://spark.example")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(EngineError, match="Start Spark Connect or Sail there"):
            ha.connect(f"sc://127.0.0.1:{unused.getsockname()[1]}/;token=secret")
    with pytest.raises(EngineError, match="nowhere"):
        engine.sql("SELECT * FROM nowhere")
    with pytest.raises(EngineError, match="spans cannot be read"):
        engine.register("spans", tmp_path / "absent.parquet")
    with pytest.raises(ArgumentError, match="not both"):
        engine.register("spans")
    with pytest.raises(ArgumentError, match="no name of a table"):
        engine.register("spans", table="x; DROP TABLE y")
    with pytest.raises(ArgumentError, match="holds no Parquet file"):
        engine.register_folder(tmp_path)
    assert "secret" not in repr(engine)
    assert repr(engine) == f"<Engine {url}>"
