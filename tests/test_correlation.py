"""Where the id of a transaction is passed on, and where it is lost, agrees with what was written by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

sys.path.append(str(Path(__file__).parent / "model"))
from handmade import history_of, link, span

import handoff_analytics as ha


def journey(trace: str, **stated: str) -> list[dict[str, object]]:
    """The web shop calls the hub, which sends a message that the ledger takes up in a trace of its own."""
    rows = [
        span("root", trace, None, "web", "server", 0, 100, channel="http"),
        span("c", trace, "root", "web", "client", 10, 50, channel="http", peer="hub"),
        span("s", trace, "c", "hub", "server", 20, 30, channel="http"),
        span("p", trace, "s", "hub", "producer", 30, 1, channel="messaging", destination="q"),
        span("k", f"{trace}-later", None, "ledger", "consumer", 500, 10, channel="messaging", destination="q"),
    ]
    return [row | {"correlation_id": stated.get(str(row["span_id"]))} for row in rows]


def coverage(history: ha.History, **more: object) -> dict[tuple[str, str], dict[str, object]]:
    frame = ha.correlation_coverage(history, **more)  # type: ignore[arg-type] # passed on as it is
    assert (frame["crossings"] == frame["passed_on"] + frame["by_trace"] + frame["lost"] + frame["nowhere"]).all()
    return {(row["source"], row["target"]): row for row in frame.iter_rows(named=True)}


def test_each_way_of_knowing_a_transaction_is_counted_apart() -> None:
    rows = [
        *journey("all", root="o1", s="o1", k="o1"),
        *journey("caller", root="o2"),
        *journey("none"),
    ]
    links = [link(f"{trace}-later", "k", trace, "p") for trace in ("all", "caller", "none")]
    found = coverage(history_of(spans=rows, span_links=links))
    web_hub, hub_ledger = found["web", "hub"], found["hub", "ledger"]
    assert [web_hub[name] for name in ("passed_on", "by_trace", "lost", "nowhere")] == [1, 1, 0, 1]
    assert [hub_ledger[name] for name in ("passed_on", "by_trace", "lost", "nowhere")] == [1, 0, 1, 1]
    assert hub_ledger["lost_share"] == 0.5
    assert hub_ledger["coverage"] == 2 / 3


def test_a_receiver_that_names_no_sender_though_others_call_it_is_broken() -> None:
    rows = [*journey("a"), span("root", "b", None, "hub", "server", 9, 5, channel="http")]
    found = coverage(history_of(spans=rows, span_links=[link("a-later", "k", "a", "p")]))
    assert found["external", "hub"]["broken"] == 1
    assert found["external", "web"]["broken"] == found["web", "hub"]["broken"] == 0


def test_a_match_recovers_what_no_evidence_states() -> None:
    history = history_of(spans=journey("none"), span_links=[link("none-later", "k", "none", "p")])
    matches = pl.DataFrame({"fragment": ["none"], "accepted": [True]})
    assert coverage(history, matches=matches)["web", "hub"]["recovered"] == 1
    assert coverage(history)["web", "hub"]["recovered"] == 0


def test_the_samples_lose_the_order_where_payments_are_settled_in_batches(tmp_path: Path) -> None:
    folder = ha.samples.write(tmp_path, orders=60, until="2026-01-11", telemetry="traces")
    history = ha.load([folder / "traces.otlp.jsonl", folder / "catalogue.toml"], quiet=True)
    first = ha.correlation_coverage(history).row(0, named=True)
    assert (first["source"], first["target"]) == ("payment", "scheduler")
    assert first["lost"] > 0.8 * first["crossings"]
