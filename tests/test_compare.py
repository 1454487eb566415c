"""What changed is found, blamed on the right system, and not imagined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from histories import history_with

import handoff_analytics as ha
from handoff_analytics.errors import EmptyHistoryError
from handoff_analytics.identity import key

TREE = {
    "shop": ["orders", "search"],
    "orders": ["stock", "payment"],
    "payment": ["ledger"],
    "search": [],
    "stock": [],
    "ledger": [],
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with one system of the simulated company."""

    system: str = ""
    delay_us: float = 0.0  # on the way to it
    own_us: float = 0.0  # inside it
    failed: float = 0.0  # share of its visits
    cut: float = 0.0  # share of its visits that end before it calls anything
    logs_error: float = 0.0  # share of its visits that log an error
    reversed: float = 0.0  # share of its visits that call the others in the reverse order
    extra: float = 0.0  # share of its visits that call a system that it did not call before
    mute: float = 0.0  # share of its visits that do not log what they did


def company(
    fault: Fault = Fault(), *, traces: int = 150, seed: int = 1, slower: float = 1.0, spans_in_logs: bool = True
) -> ha.History:
    """Simulate visits down the tree with client and server spans and one log line a visit."""
    random = np.random.default_rng(seed)
    spans: list[dict[str, object]] = []
    logs: list[dict[str, object]] = []

    def visit(trace: int, system: str, parent: str | None, at: float) -> tuple[float, bool]:
        here = f"{trace}-{len(spans)}"
        mine = fault if fault.system == system else Fault()
        row: dict[str, object] = {
            "trace": trace,
            "span": here,
            "parent": parent,
            "system": system,
            "name": f"/{system}",
            "start": at,
        }
        spans.append(row)
        took = slower * random.lognormal(8.5, 0.3) + mine.own_us
        failed = random.random() < mine.failed
        cut = random.random() < mine.cut
        error = random.random() < mine.logs_error
        mute = random.random() < mine.mute
        logs.append(
            {
                "trace": trace,
                "span": here if spans_in_logs else None,
                "system": system,
                "severity": 17 if error else 9,
                "body": "cannot read the thing" if error else None if mute else f"{system} done",
            }
        )
        callees = TREE[system][::-1] if random.random() < mine.reversed else TREE[system]
        if random.random() < mine.extra:
            callees = [*callees, "ledger"]
        for callee in [] if cut or failed else callees:
            client = f"{trace}-{len(spans)}"
            call: dict[str, object] = {
                "trace": trace,
                "span": client,
                "parent": here,
                "system": system,
                "name": f"call {callee}",
                "start": at + took,
            }
            spans.append(call)
            inside, below = visit(trace, callee, client, at + took + 500)
            wait = fault.delay_us if fault.system == callee else 0.0
            call["duration"] = inside + 1000 * random.lognormal(0, 0.2) + wait
            call["failed"] = below
            took += float(call["duration"])  # type: ignore[arg-type] # just set
        row["duration"], row["failed"] = took, failed
        return took, failed

    for trace in range(traces):
        visit(trace, "shop", None, 1e6 * trace)
    history = history_with()
    with history._store.writer() as connection:
        frame = pl.DataFrame(spans).with_columns(pl.col("start", "duration").cast(pl.Int64))
        rows = frame.select(
            span_uid=pl.Series([key(t, s) for t, s in frame.select("trace", "span").iter_rows()]),
            trace_key=pl.Series([key(f"{seed}-{t}") for t in frame["trace"]]),
            span_key=pl.Series([key(s) for s in frame["span"]]),
            parent_key=pl.Series([None if p is None else key(p) for p in frame["parent"]], dtype=pl.Int64),
            system="system",
            name="name",
            kind=pl.lit("internal"),
            started_at=pl.from_epoch("start", time_unit="us"),
            start_us="start",
            duration_us="duration",
            status=pl.when("failed").then(pl.lit("error")).otherwise(pl.lit("ok")),
        ).to_arrow()
        lines = pl.DataFrame(logs)
        records = lines.select(
            log_uid=pl.int_range(pl.len()),
            trace_key=pl.Series([key(f"{seed}-{t}") for t in lines["trace"]]),
            span_key=pl.Series([None if s is None else key(s) for s in lines["span"]], dtype=pl.Int64),
            system="system",
            severity="severity",
            body="body",
        ).to_arrow()
        for table, content in (("spans", rows), ("log_records", records)):
            connection.register("content", content)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM content").fetchall()
            connection.unregister("content")
    return history


@pytest.fixture(scope="module")
def usual() -> ha.History:
    return company(seed=7)


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        (Fault("payment", delay_us=250_000), "gap_effect"),
        (Fault("payment", own_us=150_000), "own_effect"),
        (Fault("payment", failed=0.5), "failed_effect"),
        (Fault("payment", cut=0.6), "call_effect"),
        (Fault("payment", logs_error=0.6), "template_effect"),
        (Fault("stock", delay_us=250_000), "gap_effect"),
        (Fault("ledger", own_us=150_000), "own_effect"),
        (Fault("shop", own_us=400_000), "own_effect"),
        (Fault("orders", reversed=0.7), "order_effect"),
        (Fault("payment", mute=0.7), "template_effect"),
    ],
)
def test_a_fault_is_blamed_on_its_system_and_on_what_is_wrong_there(
    usual: ha.History, fault: Fault, effect: str
) -> None:
    changes = ha.compare(company(fault, seed=8), usual)
    first = changes.row(0, named=True)
    assert first["target"] == fault.system
    assert first["alarm"]
    kinds = [name for name in changes.columns if name.endswith("_effect")]
    assert max(kinds, key=lambda name: first[name]) == effect
    assert first[effect.replace("_effect", "_p")] < 0.01


def test_what_changed_is_named_and_each_kind_is_sure_of_it(usual: ha.History) -> None:
    def named(fault: Fault, column: str) -> list[str]:
        row = ha.compare(company(fault, seed=8), usual).filter(target=fault.system).row(0, named=True)
        assert row[column]
        return row[column]

    assert named(Fault("orders", reversed=0.7), "order_inversions") == ["payment before stock"]
    assert named(Fault("search", extra=0.7), "new_calls") == ["→ ledger"]
    assert named(Fault("orders", cut=0.7), "missing_calls") == ["→ payment", "→ stock"]
    assert named(Fault("payment", mute=0.7), "vanished_templates") == ["payment done"]
    assert named(Fault("payment", logs_error=0.7), "new_templates") == ["cannot read the thing"]


def test_a_new_call_is_named_and_sure_and_alone_no_alarm(usual: ha.History) -> None:
    # Another branch of the code is another branch, and no failure yet.
    first = ha.compare(company(Fault("search", extra=0.7), seed=8), usual).row(0, named=True)
    assert (first["target"], first["new_calls"], first["alarm"]) == ("search", ["→ ledger"], False)
    assert first["call_p"] < 0.01


def test_logs_that_name_their_trace_and_no_span_speak_for_the_only_visit_of_their_system() -> None:
    usual = company(seed=7, spans_in_logs=False)
    first = ha.compare(company(Fault("payment", logs_error=0.6), seed=8, spans_in_logs=False), usual).row(0, named=True)
    assert (first["target"], first["new_templates"], first["alarm"]) == ("payment", ["cannot read the thing"], True)


def test_quiet_windows_raise_no_alarm_in_95_of_100_pairs(usual: ha.History) -> None:
    alarms = [ha.compare(company(seed=100 + n, traces=80), usual)["alarm"].any() for n in range(40)]
    assert sum(alarms) <= 2


def test_a_better_window_raises_no_alarm(usual: ha.History) -> None:
    changes = ha.compare(usual, company(Fault("payment", failed=0.5, logs_error=0.5), seed=9))
    assert not changes["alarm"].any()
    assert changes.filter(target="payment")["failed_effect"].item() == 0


def test_ranks_are_complete_and_the_order_does_not_depend_on_the_run(usual: ha.History) -> None:
    broken = company(Fault("stock", failed=0.3), seed=3)
    first, second = ha.compare(broken, usual), ha.compare(broken, usual)
    assert first.equals(second)
    assert first["rank"].to_list() == list(range(1, first.height + 1))
    assert first["score"].is_sorted(descending=True)


def test_an_empty_side_is_refused_with_its_name(usual: ha.History) -> None:
    with pytest.raises(EmptyHistoryError, match="window holds no spans"):
        ha.compare(usual.between("2030-01-01"), usual)


def test_the_frame_is_as_promised(usual: ha.History) -> None:
    changes = ha.compare(usual, usual)
    assert changes.schema["alarm"] == pl.Boolean
    assert changes.schema["new_templates"] == pl.List(pl.String)
    assert {"rank": pl.Int64, "source": pl.String, "target": pl.String, "score": pl.Float64}.items() <= dict(
        changes.schema
    ).items()
    assert (changes["score"] < 0.2).all()


def queue(wait_us: float, *, seed: int, linked: bool) -> ha.History:
    """A shop that sends a message for each order; the ledger takes it up after a while, in the same trace or another."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    links: list[dict[str, object]] = []
    for number in range(120):
        at, later = 1_000_000 * number, f"{seed}-{number}-later" if linked else f"{seed}-{number}"
        trace = f"{seed}-{number}"
        sent = at + 500
        taken = sent + int(wait_us * random.lognormal(0, 0.3))
        for name, where, parent, system, kind, start, lasted in (
            ("root", trace, None, "shop", "server", at, 2_000),
            ("sent", trace, "root", "shop", "producer", sent, 100),
            ("taken", later, None if linked else "sent", "ledger", "consumer", taken, 3_000),
        ):
            rows.append(
                {"span_uid": key(where, name), "trace_key": key(where), "span_key": key(name), "parent_key": key(parent) if parent else None,
                 "system": system, "name": name, "kind": kind, "start_us": start, "duration_us": int(lasted * random.lognormal(0, 0.2)), "status": "ok"}
            )  # fmt: skip
        links.append(
            {
                "trace_key": key(later),
                "span_key": key("taken"),
                "linked_trace_key": key(trace),
                "linked_span_key": key("sent"),
            }
        )
    history = history_with()
    with history._store.writer() as connection:
        frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
            started_at=pl.from_epoch("start_us", time_unit="us")
        )
        for table, content in (
            (("spans", frame), ("span_links", pl.DataFrame(links))) if linked else (("spans", frame),)
        ):
            connection.register("content", content.to_arrow())
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM content").fetchall()
            connection.unregister("content")
    return history


@pytest.mark.parametrize("linked", [False, True])
def test_messages_that_wait_longer_are_a_wider_gap(linked: bool) -> None:
    usual = queue(20_000, seed=1, linked=linked)
    first = ha.compare(queue(600_000, seed=2, linked=linked), usual).row(0, named=True)
    assert (first["source"], first["target"], first["alarm"]) == ("shop", "ledger", True)
    assert first["gap_before_ms"] == pytest.approx(20, rel=0.2)
    assert first["gap_after_ms"] == pytest.approx(600, rel=0.2)
    assert not ha.compare(queue(20_000, seed=3, linked=linked), usual)["alarm"].any()


def test_calls_that_are_repeated_are_seen() -> None:
    def retrying(share: float, seed: int) -> ha.History:
        random = np.random.default_rng(seed)
        rows = []
        for number in range(150):
            again = random.random() < share
            for place in range(3 if again else 1):
                rows += [("call", place, number), ("visit", place, number)]
            rows.append(("root", 0, number))
        history = history_with()
        frame = pl.DataFrame(
            [
                {"span_uid": key(str(seed), what, str(place), str(number)), "trace_key": key(f"{seed}-{number}"), "span_key": key(what, str(place)),
                 "parent_key": {"root": None, "call": key("root", "0"), "visit": key("call", str(place))}[what],
                 "system": "bank" if what == "visit" else "shop", "name": what, "kind": {"root": "server", "call": "client", "visit": "server"}[what],
                 "start_us": 10**6 * number + 1_000 * place, "duration_us": 5_000 if what == "root" else 900, "status": "ok"}
                for what, place, number in rows
            ],
            infer_schema_length=None,
        ).with_columns(started_at=pl.from_epoch("start_us", time_unit="us"))  # fmt: skip
        with history._store.writer() as connection:
            connection.register("content", frame.to_arrow())
            connection.execute("INSERT INTO spans BY NAME SELECT * FROM content").fetchall()
            connection.unregister("content")
        return history

    changes = ha.compare(retrying(0.6, 2), retrying(0.02, 1))
    shop = changes.filter(target="shop").row(0, named=True)
    assert shop["new_calls"][0] == "→ bank again"
    assert shop["call_p"] < 0.01
