"""Each failed attempt has one origin and one fate: a golden trace for every rule, and what must hold for all."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from handmade import history_of, link, span
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ERROR: dict[str, Any] = {"status": "error"}


def call(  # noqa: PLR0917 - a row of a table: read by column
    trace: str, number: int, parent: str, source: str, target: str, start: int, **more: Any
) -> list[dict[str, Any]]:
    """A client span, and the server span that answers it unless `answer` is None."""
    answer = more.pop("answer", {})
    client, server = f"c{number}", f"s{number}"
    rows = [span(client, trace, parent, source, "client", start, 100, channel="http", peer=target, **more)]
    if answer is not None:
        rows.append(
            span(
                server,
                trace,
                client,
                target,
                "server",
                start + 10,
                answer.pop("duration", 80),
                channel="http",
                **answer,
            )
        )
    return rows


def failures_of(spans: list[dict[str, Any]], **tables: Any) -> pl.DataFrame:
    history = history_of(spans=spans, **tables)
    return history.sql("SELECT * FROM failures ORDER BY start_us, source, target")


def root(trace: str, system: str = "web", **more: Any) -> dict[str, Any]:
    return span("root", trace, None, system, "server", 0, 1000, channel="http", **more)


def healthy(count: int, source: str = "web", target: str = "erp") -> list[dict[str, Any]]:
    """Calls that succeed with both sides reporting: they show that the target is instrumented."""
    rows = []
    for number in range(count):
        trace = f"ok-{target}-{number}"
        rows += [root(trace, source), *call(trace, 1, "root", source, target, 10)]
    return rows


def only(frame: pl.DataFrame, source: str, target: str) -> dict[str, Any]:
    rows = frame.filter((pl.col("source") == source) & (pl.col("target") == target)).to_dicts()
    assert len(rows) == 1, rows
    return rows[0]


@pytest.mark.parametrize(
    ("rule", "side", "more"),
    [
        ("A3", "caller", {"http_status": 422, "answer": {"http_status": 422}}),
        ("A3", "boundary", {"http_status": 401, "answer": {"http_status": 401}}),
        ("A4", "boundary", {"http_status": 504, "answer": {}}),
        ("A4", "boundary", {"status_message": "connection reset", "answer": {"duration": 500}}),
        ("A5", "boundary", {"status_message": "connection reset by peer", "answer": {}}),
        ("A7", "callee", {"http_status": 500, "answer": {"status": "error", "http_status": 500}}),
    ],
)
def test_where_the_receiver_answered_its_status_decides(rule: str, side: str, more: dict[str, Any]) -> None:
    found = only(
        failures_of([root("t", **ERROR), *call("t", 1, "root", "web", "erp", 10, **ERROR, **more)]), "web", "erp"
    )
    assert (found["rule"], found["side"], found["fate"], found["origin_weight"]) == (rule, side, "surfaced", 1.0)
    assert found["origin"] == ("inside" if rule == "A7" else "boundary")


def test_a1_an_instrumented_receiver_that_saw_nothing_was_never_reached() -> None:
    spans = [*healthy(10), root("t", **ERROR), *call("t", 1, "root", "web", "erp", 10, answer=None, **ERROR)]
    found = only(failures_of(spans), "web", "erp")
    assert (found["rule"], found["side"], found["origin"]) == ("A1", "boundary", "boundary")


def test_a2_of_a_dark_receiver_the_side_cannot_be_told() -> None:
    found = only(
        failures_of([root("t", **ERROR), *call("t", 1, "root", "web", "bank", 10, answer=None, **ERROR)]), "web", "bank"
    )
    assert (found["rule"], found["side"]) == ("A2", "boundary_or_callee")


def test_a6_a_failure_from_further_down_counts_there() -> None:
    found = failures_of(
        [
            root("t", **ERROR),
            *call("t", 1, "root", "web", "erp", 10, **ERROR, answer=dict(ERROR)),
            *call("t", 2, "s1", "erp", "bank", 30, answer=None, **ERROR),
        ]
    )
    inner, outer, top = only(found, "erp", "bank"), only(found, "web", "erp"), only(found, "external", "web")
    assert outer["rule"] == top["rule"] == "A6"
    assert outer["root_id"] == top["root_id"] == inner["failure_id"] == inner["root_id"]
    assert [inner["depth"], outer["depth"], top["depth"]] == [0, 1, 2]
    assert [inner["origin_weight"], outer["origin_weight"], top["origin_weight"]] == [1, 0, 0]
    assert outer["mode"] == "upstream_propagation"


def test_a7_a_retry_that_won_below_explains_nothing_above() -> None:
    found = failures_of(
        [
            root("t", **ERROR),
            *call("t", 1, "root", "web", "erp", 10, **ERROR, answer={**ERROR, "duration": 900}),
            *call("t", 2, "s1", "erp", "bank", 30, answer=None, **ERROR),
            *call("t", 3, "s1", "erp", "bank", 200, answer=None),
        ]
    )
    assert only(found, "web", "erp")["rule"] == "A7"
    assert only(found, "erp", "bank")["fate"] == "masked"


def test_a8_the_attempts_of_one_call_share_its_id() -> None:
    spans = [
        root("t"),
        *call("t", 1, "root", "web", "bank", 10, answer=None, **ERROR),
        *call("t", 2, "root", "web", "bank", 200, answer=None),
    ]
    crossings = history_of(spans=spans).sql("SELECT * FROM crossings WHERE target = 'bank' ORDER BY start_us")
    assert crossings["call_id"].n_unique() == 1
    assert crossings["attempt"].to_list() == [1, 2]
    assert crossings["is_last_attempt"].to_list() == [False, True]
    assert crossings["fate"].to_list() == ["masked", None]


def test_calls_at_the_same_time_are_no_retries() -> None:
    spans = [
        root("t"),
        *call("t", 1, "root", "web", "bank", 10, answer=None, **ERROR),
        *call("t", 2, "root", "web", "bank", 20, answer=None),
    ]
    crossings = history_of(spans=spans).sql("SELECT * FROM crossings WHERE target = 'bank'")
    assert crossings["call_id"].n_unique() == 2
    assert crossings.filter("failed")["fate"].to_list() == ["swallowed"]


def test_a9_a_caller_that_went_on_swallowed_it_or_fell_back() -> None:
    spans = [root("t"), *call("t", 1, "root", "web", "bank", 10, answer=None, **ERROR)]
    assert only(failures_of(spans), "web", "bank")["fate"] == "swallowed"
    fallen = span("f", "t", "root", "web", "internal", 300, 10, name="fallback to cached rate")
    assert only(failures_of([*spans, fallen]), "web", "bank")["fate"] == "handled"


@pytest.mark.parametrize("delay", [1, 3600, 86400])
def test_a10_a_message_that_its_receiver_could_not_use_is_seen_over_any_delay(delay: int) -> None:
    spans = [
        root("t"),
        span("p", "t", "root", "web", "producer", 10, 5, channel="messaging", destination="orders"),
        span(
            "k",
            "u",
            None,
            "ship",
            "consumer",
            delay * 1_000_000,
            50,
            channel="messaging",
            status_message="cannot parse JSON",
            **ERROR,
        ),
    ]
    for order in (spans, spans[::-1]):
        found = only(failures_of(order, span_links=[link("u", "k", "t", "p")]), "web", "ship")
        assert (found["rule"], found["origin"], found["side"], found["fate"]) == (
            "A10",
            "boundary",
            "boundary",
            "surfaced",
        )


def test_a11_a_detector_makes_a_failure_of_what_both_sides_call_a_success() -> None:
    spans = [root("t", correlation_id="order-1"), *call("t", 1, "root", "web", "mail", 10, correlation_id="order-1")]
    rule = {
        "rule": "bounced",
        "kind": "outcome",
        "source": "web",
        "target": "mail",
        "definition": '{"check": "delivery"}',
        "load_id": 1,
    }
    checked = {
        "outcome_uid": 1,
        "correlation_id": "order-1",
        "check_name": "delivery",
        "system": "mail",
        "passed": False,
        "checked_at": datetime(2026, 1, 2),  # noqa: DTZ001 - times of a history are UTC without a zone
        "load_id": 1,
    }
    found = failures_of(spans, outcome_rules=[rule], outcomes=[checked]).filter("silent")
    assert found.select("source", "target", "rule", "fate").rows() == [("web", "mail", "A11", "swallowed")]


def test_two_causes_of_one_failure_share_it() -> None:
    found = failures_of(
        [
            root("t", **ERROR),
            *call("t", 1, "root", "web", "bank", 10, answer=None, **ERROR),
            *call("t", 2, "root", "web", "mail", 20, answer=None, **ERROR),
        ]
    )
    assert found.filter(pl.col("origin") != "propagated")["origin_weight"].to_list() == [0.5, 0.5]
    assert only(found, "external", "web")["root_id"] == only(found, "web", "bank")["failure_id"]


def test_a_circle_of_systems_is_marked() -> None:
    spans = [
        root("t", "a", **ERROR),
        *call("t", 1, "root", "a", "b", 10, **ERROR, answer={**ERROR, "duration": 70}),
        *call("t", 2, "s1", "b", "a", 30, **ERROR, answer=dict(ERROR)),
    ]
    found = failures_of(spans)
    assert only(found, "b", "a")["mode"] == "circular_dependency"
    assert only(found, "a", "b")["mode"] == "upstream_propagation"


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few traces of calls among six systems, with failures anywhere and with lost spans."""
    rng = random.Random(draw(st.integers(0, 10_000)))
    rows: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        trace = f"t{number}"
        status = rng.choice(["error", "unset"])
        rows.append(span("root", trace, None, "s0", "server", 0, 100_000, host="h0", status=status))
        open_visits = [("root", 0, 0, 100_000)]
        for child in range(rng.randint(0, 6)):
            parent, system, start, room = rng.choice(open_visits)
            if system == 5 or room < 1000:
                continue
            target = rng.randint(system + 1, 5)
            at = start + rng.randint(1, room // 3)
            failed = rng.random() < 0.5
            rows.append(
                span(f"c{child}", trace, parent, f"s{system}", "client", at, room // 2, host=f"h{system}", channel="http",
                     peer=f"s{target}", status="error" if failed else "unset", http_status=rng.choice([None, 422, 503]) if failed else 200)
            )  # fmt: skip
            if rng.random() < 0.8:
                rows.append(
                    span(f"s{child}", trace, f"c{child}", f"s{target}", "server", at + room // 20, room // 3, host=f"h{target}",
                         channel="http", status="error" if failed and rng.random() < 0.6 else "unset")
                )  # fmt: skip
                open_visits.append((f"s{child}", target, at + room // 20, room // 3))
    return rows


LABELS = "SELECT crossing_id, origin, rule, fate, is_last_attempt FROM crossings WHERE failed ORDER BY crossing_id"
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(traces())
def test_every_failed_attempt_has_one_origin_and_one_fate(rows: list[dict[str, Any]]) -> None:
    history = history_of(spans=rows)
    found = history.sql("SELECT * FROM failures")
    assert (
        found["failure_id"].n_unique()
        == found.height
        == history.sql("SELECT count(*) FROM crossings WHERE failed").item()
    )
    assert set(found["origin"]) <= {"boundary", "inside", "propagated"}
    assert set(found["fate"]) <= {"surfaced", "masked", "handled", "swallowed"}
    assert found.filter(pl.col("origin") == "propagated")["origin_weight"].sum() == 0
    roots = history.sql("SELECT trace_key FROM failures WHERE source = 'external'")["trace_key"]
    weights = found.group_by("trace_key").agg(pl.col("origin_weight").sum())
    assert (weights.filter(pl.col("trace_key").is_in(roots.implode()))["origin_weight"] >= 1 - 1e-9).all()
    shares = history.sql("SELECT failure_id, sum(share) AS share FROM cascades GROUP BY failure_id")
    assert (shares["share"] - 1).abs().max() is None or (shares["share"] - 1).abs().max() < 1e-9


@FEW
@given(traces(), st.integers(0, 1000))
def test_neither_order_nor_clocks_nor_successes_change_an_origin(rows: list[dict[str, Any]], seed: int) -> None:
    expected = history_of(spans=rows).sql(LABELS)
    rng = random.Random(seed)
    assert history_of(spans=rng.sample(rows, len(rows))).sql(LABELS).equals(expected)
    clocks = {f"h{number}": rng.randint(-10_000_000, 10_000_000) for number in range(6)}
    moved = [row | {"start_us": row["start_us"] + clocks[row["host"]]} for row in rows]
    assert history_of(spans=moved).sql(LABELS).equals(expected)


def test_clocks_of_two_hosts_are_pooled_over_a_day() -> None:
    rng = random.Random(1)
    rows = []
    for number in range(300):
        there, back = 5_000 + rng.expovariate(1 / 5_000), 5_000 + rng.expovariate(1 / 20_000)
        trace, at = f"t{number}", number * 1_000_000
        rows += [
            span(
                "c", trace, None, "web", "client", at, int(there + back) + 1_000, host="one", channel="http", peer="erp"
            ),
            span("s", trace, "c", "erp", "server", at + int(there) + 30_000, 1_000, host="two", channel="http"),
        ]
    history = history_of(spans=rows)
    assert abs(history.sql("SELECT offset_us FROM clock_offsets").item() - 30_000) < 500
    assert history.sql("SELECT min(transit_us) FROM crossings").item() == pytest.approx(5_000, abs=500)


def test_lost_spans_of_receivers_are_no_failures_of_the_network() -> None:
    rng = random.Random(2)
    rows = []
    for number in range(4_000):
        trace, lost = f"t{number}", rng.random() > 0.6
        what = rng.random()
        failed = what < 0.1
        answer: dict[str, Any] | None = {"status": "error"} if 0.02 <= what < 0.1 else {}
        rows += [
            *call(
                trace,
                1,
                "x",
                "web",
                "erp",
                10,
                answer=None if lost or what < 0.02 else answer,
                status="error" if failed else "unset",
            )
        ]
    found = history_of(spans=rows).sql("SELECT pairing_rate, n_never_arrived FROM handoffs WHERE source = 'web'")
    assert found["pairing_rate"].item() == pytest.approx(0.6, abs=0.03)
    assert found["n_never_arrived"].item() == pytest.approx(80, abs=45)
