"""Evidence that comes in later makes the same model as if all had come at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from handmade import START, insert, link, span
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handoff_analytics import model
from handoff_analytics.history import History
from handoff_analytics.identity import key
from handoff_analytics.schema import EVIDENCE

if TYPE_CHECKING:
    import duckdb

DAY = 86_400_000_000
SYSTEMS = ("shop", "payment", "stock", "mail")
TABLES = ("spans", "span_links", "log_records", "runs", "tickets", "outcomes")


class World:
    """What happened to a few transactions that come in by and by, drawn at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self.sent: list[tuple[str, str, str]] = []
        # Not every phenomenon in every world: some of them make the whole model depend on everything.
        self.with_stores, self.with_steps, self.with_logs = (self.random.random() < 0.3 for _ in range(3))
        self.with_addresses = self.random.random() < 0.1
        for number in range(self.random.randint(8, 30)):
            self.transaction(number)

    def maybe(self, share: float) -> bool:
        return self.random.random() < share

    def status(self) -> dict[str, Any]:
        if self.maybe(0.7):
            return {"status": self.random.choice(("ok", "unset"))}
        code = self.random.choice((None, 400, 401, 429, 500, 503, 504))
        text = self.random.choice((None, "timed out after 30 s", "field total is missing", "token expired"))
        return {"status": "error", "http_status": code, "status_message": text}

    def transaction(self, number: int) -> None:
        trace, day = f"t{number}", self.random.randrange(3)
        start = day * DAY + self.random.randrange(3_600_000_000)
        system = self.random.choice(SYSTEMS)
        about: dict[str, Any] = {"host": f"{system}-1", "channel": "http"}
        if self.maybe(0.5):
            about |= {"correlation_id": f"ORD-{number // 2}", "amount": float(number)}
        if self.sent and self.maybe(0.4):
            other, name, message = self.random.choice(self.sent)
            about |= {"channel": "messaging", "destination": "orders"}
            if self.maybe(0.5):
                about |= {"message_id": message}
            else:
                self.rows["span_links"].append(link(trace, "root", other, name))
            self.spans(span("root", trace, None, system, "consumer", start, 1000, **about, **self.status()))
        else:
            self.spans(span("root", trace, None, system, "server", start, 5000, **about, **self.status()))
        for place in range(self.random.randint(0, 5)):
            self.call(trace, "root", system, f"c{place}", start + 100 * (place + 1), about=about)
        if self.with_steps and self.maybe(0.5):
            self.steps(trace, start)
        if self.with_logs and self.maybe(0.5):
            said = self.random.choice(
                ("falling back to cache", "cannot reach it", "see http://payment/x" if self.with_addresses else "x")
            )
            self.rows["log_records"].append(
                {"log_uid": key(trace, "log"), "trace_id": trace, "trace_key": key(trace), "span_key": key("c0"),
                 "system": system, "body": said, "severity": self.random.choice((9, 17)), "log_us": START + start + 300,
                 "correlation_id": self.random.choice((None, f"ORD-{number}"))}
            )  # fmt: skip
        if self.maybe(0.1):
            self.rows["tickets"].append(
                {"ticket_uid": number, "title": f"ORD-{number // 2} is stuck", "trace_id": trace}
            )
        if self.maybe(0.1):
            self.rows["outcomes"].append(
                {
                    "outcome_uid": number,
                    "correlation_id": f"ORD-{number // 2}",
                    "system": system,
                    "passed": False,
                    "check_name": "paid",
                }
            )

    def spans(self, *rows: dict[str, Any]) -> None:
        self.rows["spans"].extend(rows)
        for row in rows:
            if self.maybe(0.03):
                again = row | {"span_uid": key(str(row["span_uid"]), "again"), "name": "again", "peer": "else"}
                self.rows["spans"].append(again)

    def call(self, trace: str, parent: str, system: str, name: str, start: int, *, about: dict[str, Any]) -> None:
        other = self.random.choice([one for one in SYSTEMS if one != system])
        shared = {one: about.get(one) for one in ("correlation_id",)}
        what = self.random.choice(("pair", "pair", "pair", "zipkin", "dark", "nameless", "send", "store", "retry"))
        caller: dict[str, Any] = {"host": f"{system}-1", "channel": "http", **shared}
        callee: dict[str, Any] = {"host": f"{other}-1", "channel": "http", **shared}
        if self.maybe(0.1):
            callee["platform"] = self.random.choice(("ipaas", "custom"))
        if what == "pair":
            peer = {"peer": self.random.choice((None, other, "gate", f"{other}:80"))}
            self.spans(
                span(name, trace, parent, system, "client", start, 80, **caller, **peer, **self.status()),
                span(f"{name}s", trace, name, other, "server", start + 10, 50, **callee, **self.status()),
            )
            if self.maybe(0.3):
                self.call(trace, f"{name}s", other, f"{name}d", start + 20, about=about)
        elif what == "zipkin":
            half = span(name, trace, parent, other, "server", start + 10, 50, **callee)
            self.spans(
                span(name, trace, parent, system, "client", start, 80, **caller, **self.status()),
                half | {"span_uid": key(trace, name, "server", 1)},
            )
        elif what == "dark":
            peer = {"peer": self.random.choice((other, "gate", "card-scheme"))}
            self.spans(span(name, trace, parent, system, "client", start, 80, **caller, **peer, **self.status()))
        elif what == "nameless":
            self.spans(span(name, trace, parent, system, "client", start, 80, **caller, **self.status()))
        elif what == "send":
            message = f"m{self.random.randrange(20)}"
            more = {
                "destination": self.random.choice(("orders", "mails")),
                "message_id": message,
                "channel": "messaging",
            }
            self.spans(span(name, trace, parent, system, "producer", start, 5, **caller | more, **self.status()))
            self.sent.append((trace, name, message))
        elif what == "store" and self.with_stores:
            deed = self.random.choice(("insert", "select"))
            more = {"destination": self.random.choice(("orders", "prices")), "channel": "database", "name": deed}
            self.spans(span(name, trace, parent, system, "client", start, 5, **caller | more, **self.status()))
        elif what == "retry":
            for attempt in range(2):
                begun = start + 30 * attempt
                more = {"attempt": attempt + 1 if self.maybe(0.5) else None}
                self.spans(
                    span(
                        f"{name}{attempt}",
                        trace,
                        parent,
                        system,
                        "client",
                        begun,
                        20,
                        **caller,
                        **more,
                        **self.status(),
                    ),
                    span(f"{name}{attempt}s", trace, f"{name}{attempt}", other, "server", begun + 5, 10, **callee),
                )

    def steps(self, trace: str, start: int) -> None:
        run = f"run-{trace}"
        for place in range(3):
            system = self.random.choice(SYSTEMS)
            more = {"run_id": run, "workflow": "order", **self.status()}
            self.spans(span(f"s{place}", trace, None, system, "step", start + 100 * place, 50, **more))
        if self.maybe(0.7):
            ended = self.random.choice(("ok", "error"))
            self.rows["runs"].append({"run_uid": key(run), "run_id": run, "platform": "n8n", "technical_status": ended})

    def loads(self) -> list[dict[str, list[dict[str, Any]]]]:
        """Return the rows by the load that brings them: most traces by day, some records late or early."""
        many = self.random.randint(2, 4)
        late, first = self.random.choice((0.0, 0.05, 0.2)), self.random.choice((0.4, 0.7, 0.9))
        made: list[dict[str, list[dict[str, Any]]]] = [{table: [] for table in TABLES} for _ in range(many)]
        home: dict[str, int] = {}
        for table, rows in self.rows.items():
            for number, row in enumerate(rows):
                trace = str(row.get("trace_id") or row.get("trace_key") or row.get("run_id"))
                usual = home.setdefault(trace, 0 if self.maybe(first) else self.random.randrange(many))
                which = self.random.randrange(many) if self.maybe(late) else usual
                numbers = (
                    {"load_id": which + 1, "record_no": number}
                    if table in {"spans", "runs"}
                    else {"load_id": which + 1}
                )
                made[which][table].append(row | numbers)
        return made


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY ALL").fetchall()
    return {
        name: connection.sql(f"SELECT * FROM {name} ORDER BY ALL").pl() for (name,) in names if name not in EVIDENCE
    }


def renewed(seed: int) -> list[bool]:
    """Load a world by and by, and compare each time; tell how often a part was enough."""
    history = History()
    parts = []
    with history._store.writer() as connection:
        for number, rows in enumerate(World(seed).loads(), start=1):
            connection.execute("INSERT INTO loads (load_id, kind) VALUES ($number, 'traces')", {"number": number})
            for table, content in rows.items():
                insert(connection, table, content)
            if number == 1:
                model.build(connection)
                continue
            parts.append(model.renew(connection))
            found = tables(connection)
            left = connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
            model.build(connection)
            wanted = tables(connection)
            assert list(found) == list(wanted)
            for name, frame in wanted.items():
                assert found[name].equals(frame), f"{name} in load {number} of world {seed}"
            assert left == [], left
    return parts


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 100_000))
def test_a_model_that_is_renewed_is_the_model_built_anew(seed: int) -> None:
    renewed(seed)


def test_a_part_is_enough_where_evidence_comes_by_transaction() -> None:
    # A test that built everything each time could not fail.
    parts = [enough for seed in (10, 13) for enough in renewed(seed)]
    assert parts.count(True) >= 2


def late(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {"spans": [row | {"load_id": 2} for row in rows]}


def pair(trace: str, start: int, **caller: Any) -> list[dict[str, Any]]:
    """A call that both sides report."""
    return [
        span("root", trace, None, "shop", "server", start, 500),
        span("call", trace, "root", "shop", "client", start + 10, 100, **caller),
        span("answer", trace, "call", "payment", "server", start + 20, 50),
    ]


def renewed_with(first: dict[str, list[dict[str, Any]]], more: dict[str, list[dict[str, Any]]]) -> pl.DataFrame:
    """Return the crossings of two loads, after a part was enough and the same as all."""
    history = History()
    with history._store.writer() as connection:
        for number, rows in enumerate((first, more), start=1):
            connection.execute("INSERT INTO loads (load_id, kind) VALUES ($number, 'traces')", {"number": number})
            for table, content in rows.items():
                insert(connection, table, content)
            if number == 1:
                model.build(connection)
        assert model.renew(connection)
        found = tables(connection)
        model.build(connection)
        for name, frame in tables(connection).items():
            assert found[name].equals(frame), name
    return found["crossings"]


def others(many: int) -> list[dict[str, Any]]:
    """Transactions that nothing ties to another."""
    return [row for number in range(many) for row in pair(f"other-{number}", 5 * DAY + number)]


def test_a_span_that_comes_late_answers_the_call_of_an_old_trace() -> None:
    root, call, answer = pair("t", 0)
    crossings = renewed_with({"spans": [root, call, *others(5)]}, late(answer))
    assert crossings.filter(pl.col("trace_id") == "t", pl.col("source") == "shop")["evidence"].to_list() == [
        "span_pair"
    ]


def test_a_link_across_the_day_boundary_ties_an_old_trace_to_a_new_one() -> None:
    sent = span("send", "a", "root", "shop", "producer", DAY - 10, 5, channel="messaging")
    first = [span("root", "a", None, "shop", "server", DAY - 20, 50), sent, *others(5)]
    taken = span("take", "b", None, "payment", "consumer", DAY + 10, 5, channel="messaging")
    more = late(taken) | {"span_links": [link("b", "take", "a", "send") | {"load_id": 2}]}
    crossings = renewed_with({"spans": first}, more)
    assert crossings.filter(pl.col("evidence") == "span_link")["target"].to_list() == ["payment"]


def test_who_answers_now_is_known_of_old_calls_that_nobody_answered() -> None:
    dark = pair("dark", 0, peer="gate")[:2]
    crossings = renewed_with({"spans": [*dark, *others(5)]}, late(*pair("light", DAY, peer="gate")))
    assert crossings.filter(pl.col("trace_id") == "dark", pl.col("source") == "shop")["target"].to_list() == ["payment"]


def test_a_clock_that_new_calls_show_to_be_wrong_was_wrong_for_the_old_ones_of_that_day() -> None:
    def skewed(number: int) -> list[dict[str, Any]]:
        root, call, answer = pair(f"s{number}", 1000 * number)
        return [root, call | {"host": "a"}, answer | {"host": "b", "start_us": answer["start_us"] + 7000}]

    first = [row for number in range(19) for row in skewed(number)]
    crossings = renewed_with({"spans": [*first, *others(40)]}, late(*skewed(30)))
    seen = crossings.filter(pl.col("source_host") == "a")
    assert seen.height == 20
    assert seen["transit_us"].max() < 7000
