"""The walk over the written OTLP here shares nothing with the generator but the file format."""

import csv
import hashlib
import io
import json
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import polars as pl
import pytest

from handoff_analytics import catalogue, samples
from handoff_analytics.errors import ArgumentError
from handoff_analytics.samples import volume


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return samples.write(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def truth(written):
    return json.loads((written / "truth.json").read_text())


@pytest.fixture(scope="module")
def spans(written):
    return read_otlp(written / "traces.otlp.jsonl")


def read_otlp(path):
    """Every span once, with its system and its attributes as a plain dictionary."""
    found = {}
    for line in path.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            about = _plain(resource["resource"]["attributes"])
            for span in resource["scopeSpans"][0]["spans"]:
                span |= {
                    "system": about["service.name"],
                    "host": about.get("host.name"),
                    "attributes": _plain(span.get("attributes", [])),
                }
                found.setdefault((span["traceId"], span["spanId"]), []).append(span)
    return found


def _plain(attributes):
    return {one["key"]: next(iter(one["value"].values())) for one in attributes}


def walk(spans):
    """Count crossings and failed attempts by origin for each handoff, by the rules A1 to A7 and A10."""
    by_id = {key: copies[0] for key, copies in spans.items()}
    children = defaultdict(list)
    for span in by_id.values():
        children[span["traceId"], span.get("parentSpanId")].append(span)
    readers = defaultdict(list)
    for span in by_id.values():
        for link in span.get("links", []):
            readers[link["traceId"], link["spanId"]].append(span)

    def failed(span):
        return span["status"].get("code") == 2

    def last_attempts(span):
        latest = {}
        for child in children[span["traceId"], span["spanId"]]:
            if child["kind"] == 3:
                key = child["name"], child["attributes"].get("server.address")
                latest[key] = max(latest.get(key, child), child, key=lambda one: int(one["startTimeUnixNano"]))
        return latest.values()

    counts = defaultdict(Counter)
    for span in by_id.values():
        if span["kind"] == 3:
            server = next((one for one in children[span["traceId"], span["spanId"]] if one["kind"] == 2), None)
            target = server["system"] if server else span["attributes"].get("server.address")
            channel = "database" if "db.system.name" in span["attributes"] else "http"
            pairs = [(server, target, channel, failed(span))]
        elif span["kind"] == 4:
            pairs = [(one, one["system"], "messaging", failed(one)) for one in readers[span["traceId"], span["spanId"]]]
        elif span["kind"] == 2 and "parentSpanId" not in span:
            counts["external", span["system"], "http"]["crossings"] += 1
            counts["external", span["system"], "http"]["failed_attempts"] += failed(span)
            counts["external", span["system"], "http"]["attempts_propagated"] += failed(span)
            continue
        else:
            continue
        for receiver, target, channel, has_failed in pairs:
            row = counts[span["system"], target, channel]
            row["crossings"] += 1
            if not has_failed:
                continue
            row["failed_attempts"] += 1
            if receiver is None or not failed(receiver):
                row["attempts_boundary"] += 1
            elif any(failed(one) for one in last_attempts(receiver)):
                row["attempts_propagated"] += 1
            else:
                row["attempts_boundary" if channel == "messaging" else "attempts_inside"] += 1
    return counts


def test_the_shipped_samples_are_reproduced_byte_for_byte(written):
    shipped = {path.name: _digest(path) for path in samples.folder().iterdir()}
    assert shipped == {path.name: _digest(path) for path in written.iterdir()}


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_shipped_samples_stay_small(written):
    assert sum(path.stat().st_size for path in written.iterdir()) <= 15_000_000


def test_the_truth_agrees_with_a_walk_over_the_written_spans(spans, truth):
    counts = walk(spans)
    names = ("crossings", "failed_attempts", "attempts_boundary", "attempts_inside", "attempts_propagated")
    told = {(h["source"], h["target"], h["channel"]): {n: h[n] for n in names} for h in truth["handoffs"]}
    seen = {handoff: {name: row[name] for name in names} for handoff, row in counts.items()}
    assert seen == told


def test_every_failed_attempt_has_one_origin_and_every_failure_one_mode_and_type(truth):
    for handoff in truth["handoffs"]:
        parts = handoff["attempts_boundary"] + handoff["attempts_inside"] + handoff["attempts_propagated"]
        assert parts == handoff["failed_attempts"]
        assert sum(handoff["modes"].values()) == sum(handoff["types"].values()) == handoff["failures"]
        assert handoff["failures"] == handoff["origins_boundary"] + handoff["origins_inside"] + handoff["silent"]
        assert handoff["cost_window"] == pytest.approx(sum(handoff["cost"].values()), abs=0.01)


def test_handoffs_and_phenomena_sum_to_the_same_failures_and_the_same_money(truth):
    plants, handoffs = truth["plants"], truth["handoffs"] + truth["log_handoffs"]
    assert sum(one["failures"] for one in plants) == sum(one["failures"] for one in handoffs)
    assert sum(p["cost_per_year"] for p in plants) == pytest.approx(sum(h["cost_per_year"] for h in handoffs), abs=1)


def test_every_phenomenon_strikes(truth):
    quiet = {plant["plant"] for plant in truth["plants"] if plant["failures"] + plant["masked"] == 0}
    assert quiet == set()
    for name in (
        "silent",
        "outage_inconsistencies",
        "races",
        "failed_compensations",
        "duplicate_deliveries",
        "late_charges",
        "zip_plus_four",
        "self_employed",
        "orphan_span_ids",
        "duplicate_span_ids",
        "n8n",
        "airflow",
    ):
        assert truth[name], name
    assert {one["detector"] for one in truth["silent"]} == {
        "contradicting_body",
        "field_drop",
        "missing_continuation",
        "outcome",
    }
    assert sum(handoff["handled"] for handoff in truth["handoffs"]) > 0
    assert sum(handoff["swallowed"] for handoff in truth["handoffs"]) > 0


def _plant(truth, name):
    return next(plant for plant in truth["plants"] if plant["plant"] == name)


def _struck(truth, *names):
    """The named plants struck, each with the orders that it struck."""
    return all(_plant(truth, name)["failures"] > 0 and _plant(truth, name)["order_ids"] for name in names)


PHENOMENA = {
    "the ZIP+4 rejection": lambda t: t["zip_plus_four"] == _plant(t, "zip_plus_four")["order_ids"] != [],
    "the self-employed segment": lambda t: t["self_employed"] == _plant(t, "self_employed")["order_ids"] != [],
    "the expiring token that looks random": lambda t: (
        _struck(t, "token_expired") and t["token"]["late_refreshes"] and t["token"]["control"]
    ),
    "200 but declined": lambda t: _struck(t, "declined_as_ok") and _plant(t, "declined_as_ok")["silent"],
    "the dropped CRM field": lambda t: _struck(t, "vat_dropped") and _plant(t, "vat_dropped")["source"] == "crm",
    "the bounced mail": lambda t: _struck(t, "bounced_mail") and _plant(t, "bounced_mail")["silent"],
    "the outage that leaves permanent inconsistency": lambda t: (
        _struck(t, "database_outage") and t["outage_inconsistencies"] and t["windows"]["database_outage"]
    ),
    "the race of two writers": lambda t: t["races"] and _struck(t, "version_conflict"),
    "failed compensations": lambda t: t["failed_compensations"] == _plant(t, "compensation_failed")["order_ids"] != [],
    "a circular dependency": lambda t: t["cycles"] == [["erp", "pricing"]] and _struck(t, "price_loop"),
    "an undeclared handoff": lambda t: t["undeclared"] == [["notification", "crm", "http"]],
    "a reversed handoff": lambda t: t["reversed"] == [["crm", "credit-check", "http"]],
    "tickets sent to the wrong team first": lambda t: (
        sum(k["wrong_first"] for k in t["tickets"]) / len(t["tickets"]) > 0.2
    ),
    "a handoff that degrades weeks before it breaks": lambda t: (
        t["degrading"]["since"][:10] == "2026-04-20" and t["degrading"]["incident_at"][:10] == "2026-05-18"
    ),
    "schema and encoding": lambda t: _struck(t, "vanished_field", "encoding"),
    "timeout and rate limit": lambda t: (
        _struck(t, "printer_timeout", "late_charge") and _plant(t, "rate_limit")["masked"]
    ),
    "missing scope": lambda t: _struck(t, "scope_missing"),
    "memory leak and pool depletion": lambda t: _struck(t, "heap_exhausted", "pool_exhausted"),
    "upstream propagation": lambda t: sum(handoff["propagated"] for handoff in t["handoffs"]) > 0,
    "a changed endpoint and a third-party outage": lambda t: _struck(t, "endpoint_moved", "card_outage"),
    "events out of order, lost and twice": lambda t: (
        _struck(t, "event_too_early", "lost_event") and t["duplicate_deliveries"]
    ),
    "a stale upload and a deadlock": lambda t: _struck(t, "stale_upload") and _plant(t, "deadlock")["masked"],
    "failures inside systems beside those at boundaries": lambda t: (
        sum(h["origins_inside"] for h in t["handoffs"]) > 0 < sum(h["origins_boundary"] for h in t["handoffs"])
    ),
    "steps of flows and batches that fail, loud and silent": lambda t: (
        sum(h["failures"] for h in t["step_handoffs"]) > sum(h["silent"] for h in t["step_handoffs"]) > 0
    ),
    "a clock that runs behind": lambda t: t["clock_skew"]["offset_seconds"] < 0,
}


@pytest.mark.parametrize("name", PHENOMENA)
def test_the_truth_names_each_phenomenon_that_is_planted(name, truth):
    assert PHENOMENA[name](truth)


def test_health_is_green_while_handoffs_fail(written, truth):
    """A5: but for one outage every system says that it is well, in weeks in which its handoffs fail."""
    rows = list(csv.DictReader(io.StringIO((written / "health.csv").read_text())))
    red = {row["System"] for row in rows if row["Actual"] == "red"}
    assert red == {"orders-db"}
    green = {row["System"] for row in rows if row["Actual"] == "green"} - red
    assert {h["target"] for h in truth["handoffs"] if h["failures"]} & green


def test_the_steps_that_the_exports_show_are_those_of_the_truth(written, truth):
    """Counted from the files, with nothing of the generator but the catalogue's names."""
    systems = tomllib.loads((written / "catalogue.toml").read_text())["system"]
    meant = {alias: system["name"] for system in systems for alias in system["aliases"]}
    counted, failed = Counter(), Counter()
    for run in json.loads((written / "workflow_runs.n8n.json").read_text())["data"]:
        kinds = {node["name"]: node["type"] for node in run["workflowData"]["nodes"]}
        for name, (node,) in run["data"]["resultData"]["runData"].items():
            for before in node["source"]:
                pair = meant[kinds[before["previousNode"]]], meant[kinds[name]]
                counted[pair] += 1
                items = [item["json"] for branch in node.get("data", {}).get("main", []) for item in branch]
                failed[pair] += node["executionStatus"] == "error" or any("error" in item for item in items)
    runs = defaultdict(list)
    for task in json.loads((written / "orchestrator_tasks.json").read_text())["task_instances"]:
        if task["start_date"]:
            runs[task["dag_run_id"]].append(task)
    for tasks in runs.values():
        names = [
            "Airflow",
            *(f"{one['dag_id']}.{one['task_id']}" for one in sorted(tasks, key=lambda t: t["start_date"])),
        ]
        for place, task in enumerate(sorted(tasks, key=lambda t: t["start_date"])):
            pair = meant[names[place]], meant[names[place + 1]]
            counted[pair] += 1
            failed[pair] += task["state"] == "failed"
    told = {(h["source"], h["target"]): (h["crossings"], h["failures"]) for h in truth["step_handoffs"]}
    assert told == {pair: (counted[pair], failed[pair]) for pair in counted}
    listed = json.loads((written / "orchestrator_runs.json").read_text())["dag_runs"]
    assert [run["dag_run_id"] for run in listed if run["state"] == "failed"] == [one["run"] for one in truth["airflow"]]


def test_the_costliest_handoffs_are_not_the_ones_that_fail_most(truth):
    handoffs = [handoff for handoff in truth["handoffs"] if handoff["failures"]]
    by_count = sorted(handoffs, key=lambda one: -one["failures"])[:5]
    by_cost = sorted(handoffs, key=lambda one: -one["cost_per_year"])[:5]
    assert by_count[0] is not by_cost[0]
    share = sum(one["cost_per_year"] for one in by_count) / sum(one["cost_per_year"] for one in by_cost)
    assert share < 0.95


def test_silent_charges_say_two_hundred_and_declined(spans, truth):
    wanted = {one["order_id"] for one in truth["silent"] if one["detector"] == "contradicting_body"}
    found = set()
    for (copy, *_), client in _servers_and_clients(spans, "payment"):
        if copy["attributes"].get("payment.result") == "declined":
            assert client["attributes"]["http.response.status_code"] == "200"
            assert client["status"] == copy["status"] == {}
            found.add(client["attributes"]["order.id"])
    assert found == wanted


def _servers_and_clients(spans, system):
    for (trace, _), copies in spans.items():
        if copies[0]["system"] == system and copies[0]["kind"] == 2 and (trace, copies[0].get("parentSpanId")) in spans:
            yield copies, spans[trace, copies[0]["parentSpanId"]][0]


def test_vat_numbers_are_sent_and_not_stored(spans, truth):
    dropped = [
        server
        for (server, *_), client in _servers_and_clients(spans, "erp")
        if "crm.order.vat_id" in client["attributes"] and "erp.order.vat_id" not in server["attributes"]
    ]
    assert len(dropped) == sum(one["detector"] == "field_drop" for one in truth["silent"])


def test_lost_messages_have_no_reader_and_duplicates_have_two(spans, truth):
    readers = Counter()
    sent = {}
    for copies in spans.values():
        span = copies[0]
        if span["kind"] == 4 and span["system"] == "ipaas":
            sent[span["traceId"], span["spanId"]] = span["attributes"]["order.id"]
        if span["system"] == "invoicing" and span["kind"] == 5:
            for link in span["links"]:
                readers[link["traceId"], link["spanId"]] += 1
    lost = {order for key, order in sent.items() if readers[key] == 0}
    twice = {order for key, order in sent.items() if readers[key] == 2}
    assert lost == {one["order_id"] for one in truth["silent"] if one["detector"] == "missing_continuation"}
    assert twice == set(truth["duplicate_deliveries"])


def test_messages_wait_from_seconds_to_a_day(spans):
    waits = []
    for copies in spans.values():
        for link in copies[0].get("links", []):
            sender = spans[link["traceId"], link["spanId"]][0]
            waits.append((int(copies[0]["startTimeUnixNano"]) - int(sender["endTimeUnixNano"])) / 1e9)
    assert min(waits) > 0
    assert min(waits) < 2
    assert max(waits) > 20 * 3600


def test_blemishes_are_where_the_truth_says(spans, truth):
    twice = sorted(span_id for (_, span_id), copies in spans.items() if len(copies) > 1)
    assert twice == truth["duplicate_span_ids"]
    assert all(copies[0] == copies[1] for copies in spans.values() if len(copies) > 1)
    orphans = sorted(
        span_id
        for (trace, span_id), copies in spans.items()
        if copies[0].get("parentSpanId") and (trace, copies[0]["parentSpanId"]) not in spans
    )
    assert orphans == truth["orphan_span_ids"]
    early = {
        server["host"]
        for (server, *_), client in _servers_and_clients(spans, "inventory")
        if int(server["startTimeUnixNano"]) < int(client["startTimeUnixNano"])
    }
    assert early == {truth["clock_skew"]["host"]}


def test_expired_tokens_come_late_after_a_refresh_was_due(spans, truth):
    ages = [
        int(copies[0]["attributes"]["auth.token.age_s"])
        for copies in spans.values()
        if copies[0]["attributes"].get("http.response.status_code") == "401"
    ]
    assert ages
    assert max(ages) < truth["token"]["lifetime_seconds"] / 4


def test_a_token_that_was_refused_had_expired_and_says_so(spans):
    left = [
        (copies[0]["attributes"].get("http.response.status_code") == "401", int(seconds))
        for copies in spans.values()
        if (seconds := copies[0]["attributes"].get("auth.token.expires_in_s")) is not None
    ]
    refused = [seconds for was_refused, seconds in left if was_refused]
    assert refused
    assert max(refused) <= 0
    assert max(seconds for _, seconds in left) <= 8 * 3600


def test_tickets_go_to_the_wrong_team_as_often_as_told(written, truth):
    rows = list(csv.DictReader(io.StringIO((written / "incidents.servicenow.csv").read_text())))
    teams = defaultdict(list)
    for row in rows:
        if not teams[row["number"]] or teams[row["number"]][-1] != row["assignment_group"]:
            teams[row["number"]].append(row["assignment_group"])
    told = {one["number"]: one for one in truth["tickets"]}
    assert set(teams) == set(told)
    for number, path in teams.items():
        # A ticket that is still open at the end of the window has not gone its whole way.
        assert path == told[number]["teams"][: len(path)]
    share = sum(one["wrong_first"] for one in truth["tickets"]) / sum(
        one["plant"] is not None for one in truth["tickets"]
    )
    assert 0.4 < share < 0.6
    assert any(one["ping_pong"] for one in truth["tickets"])
    assert {"?", "3 - Moderate"} <= {value for row in rows for value in row.values()}


def test_undeclared_reversed_and_stale_handoffs_are_what_the_catalogue_lacks(written, truth):
    declared = {(h["source"], h["target"]) for h in tomllib.loads((written / "catalogue.toml").read_text())["handoff"]}
    seen = truth["handoffs"] + truth["step_handoffs"]
    observed = {(h["source"], h["target"]) for h in seen if h["source"] != "external"}
    turned = {(source, target) for source, target, _ in truth["reversed"]}
    assert {(a, b) for a, b in observed - declared if (b, a) not in declared} == {
        (a, b) for a, b, _ in truth["undeclared"]
    }
    assert {(a, b) for a, b in observed - declared if (b, a) in declared} == turned
    stale = {(a, b) for a, b in declared - observed if (b, a) not in observed}
    assert stale == {(a, b) for a, b, _ in truth["stale"]}


@pytest.mark.parametrize("name", ["catalogue.toml", "costs.toml"])
def test_what_is_declared_reads_as_a_catalogue(written, name):
    assert catalogue.catalogue((written / name).read_bytes(), file=name).declarations


def test_runs_say_finished_whatever_became_of_them(written, truth):
    runs = json.loads((written / "workflow_runs.n8n.json").read_text())["data"]
    assert all(run["finished"] for run in runs)
    assert sum(run["status"] == "error" for run in runs) == sum(not one["silent"] for one in truth["n8n"])
    swallowed = [
        run["id"]
        for run in runs
        if run["status"] == "success"
        and any(
            "error" in item["json"]
            for nodes in run["data"]["resultData"]["runData"].values()
            for node in nodes
            for item in node["data"]["main"][0]
        )
    ]
    assert swallowed == [one["run"] for one in truth["n8n"] if one["silent"]]


def test_some_log_lines_know_the_span_and_the_span_is_there(written, spans):
    lines = [json.loads(line) for line in (written / "logs.jsonl").read_text().splitlines()]
    known = [(line["trace_id"], line["span_id"]) for line in lines if "trace_id" in line]
    assert 0.1 < len(known) / len(lines) < 0.9
    assert set(known) <= set(spans)


def test_log_lines_have_their_template_in_the_side_file(tmp_path):
    folder = samples.write(tmp_path, orders=60, until="2026-02-01", templates=True)
    templates = (folder / "logs.templates.csv").read_text().splitlines()[1:]
    lines = (folder / "logs.jsonl").read_text().splitlines()
    assert len(templates) == len(lines)
    assert len({row.split(",")[1] for row in templates}) > 6


def test_nothing_fails_without_faults(tmp_path):
    folder = samples.write(tmp_path, orders=80, until="2026-03-01", faults=False)
    truth = json.loads((folder / "truth.json").read_text())
    assert sum(handoff["failed_attempts"] + handoff["silent"] for handoff in truth["handoffs"]) == 0
    assert truth["silent"] == truth["races"] == truth["n8n"] == truth["airflow"] == []
    assert sum(handoff["failures"] for handoff in truth["step_handoffs"]) == 0
    assert all(copies[0]["status"] == {} for copies in read_otlp(folder / "traces.otlp.jsonl").values())


def test_another_seed_is_another_company_and_the_same_seed_the_same(tmp_path):
    one, same, other = (
        samples.write(tmp_path / name, seed=seed, orders=30, until="2026-01-15", telemetry="traces")
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    assert _digest(one / "traces.otlp.jsonl") == _digest(same / "traces.otlp.jsonl")
    assert _digest(one / "traces.otlp.jsonl") != _digest(other / "traces.otlp.jsonl")


@pytest.mark.parametrize(
    "wrong", [{"orders": 0}, {"since": "2026-02-01", "until": "2026-02-01"}], ids=["no orders", "empty window"]
)
def test_a_company_without_orders_or_time_is_refused(tmp_path, wrong):
    with pytest.raises(ArgumentError):
        samples.write(tmp_path, **wrong)


def counted(spans):
    """Count crossings by joining spans, as an independent reader of the flat frames would."""
    clients = spans.filter(pl.col("kind") == "client")
    servers = spans.filter(pl.col("kind") == "server").select(
        "trace_id",
        pl.col("parent_span_id").alias("span_id"),
        target="system",
        server_failed=pl.col("status") == "error",
    )
    calls = clients.join(servers, on=["trace_id", "span_id"], how="left").select(
        source="system",
        target=pl.coalesce("target", "peer", pl.col("name").str.split(" ").list.first()),
        channel=pl.lit("http"),
        failed=pl.col("status") == "error",
    )
    entries = spans.filter((pl.col("kind") == "server") & pl.col("parent_span_id").is_null()).select(
        source=pl.lit("external"), target="system", channel=pl.lit("http"), failed=pl.col("status") == "error"
    )
    producers = spans.filter(pl.col("kind") == "producer").select(
        source="system", linked_trace_id="trace_id", linked_span_id="span_id"
    )
    messages = (
        spans.filter(pl.col("kind") == "consumer")
        .join(producers, on=["linked_trace_id", "linked_span_id"])
        .select("source", target="system", channel=pl.lit("messaging"), failed=pl.col("status") == "error")
    )
    return (
        pl.concat([calls, entries, messages])
        .group_by("source", "target", "channel")
        .agg(crossings=pl.len().cast(pl.Int64), failed=pl.col("failed").sum().cast(pl.Int64))
        .sort("source", "target", "channel")
    )


def test_the_fast_generator_counts_what_a_join_over_its_spans_counts(tmp_path):
    truth = samples.write_spans(tmp_path, spans=60_000)
    made = pl.read_parquet(tmp_path / "*.parquet")
    assert counted(made).equals(truth.select("source", "target", "channel", "crossings", "failed"))
    assert made.select("trace_id", "span_id").is_duplicated().sum() == 0
    assert 0.015 < (made["status"] == "error").mean() < 0.025
    systems = set(truth["source"]) | set(truth["target"])
    assert len(systems) == 61
    assert 180 < len(truth) < 240
    assert (truth["failed"] == truth["boundary"] + truth["inside"] + truth["propagated"]).all()
    assert (truth["masked"] > 0).any()


def test_the_fast_generator_keeps_calls_inside_their_callers(tmp_path):
    samples.write_spans(tmp_path, spans=20_000)
    made = pl.read_parquet(tmp_path / "*.parquet")
    ends = made.with_columns(end_us=pl.col("start_us") + pl.col("duration_us"))
    inner = ends.filter(pl.col("parent_span_id").is_not_null()).join(
        ends, left_on=["trace_id", "parent_span_id"], right_on=["trace_id", "span_id"], suffix="_outer"
    )
    assert len(inner) == made["parent_span_id"].is_not_null().sum()
    assert ((inner["start_us"] >= inner["start_us_outer"]) & (inner["end_us"] <= inner["end_us_outer"])).all()


def test_the_fast_generator_says_the_same_in_every_form(tmp_path):
    for form in ("parquet", "jsonl", "otlp"):
        samples.write_spans(tmp_path / form, spans=3_000, form=form)
    parquet = pl.read_parquet(tmp_path / "parquet" / "*.parquet")
    assert (
        pl.read_ndjson(tmp_path / "jsonl" / "spans-0000.jsonl", infer_schema_length=None).select(parquet.columns).height
        == parquet.height
    )
    otlp = read_otlp(tmp_path / "otlp" / "spans-0000.otlp.jsonl")
    assert len(otlp) == parquet.height
    errors = sum(copies[0]["status"].get("code") == 2 for copies in otlp.values())
    assert errors == (parquet["status"] == "error").sum()


def test_the_fast_generator_makes_the_same_transactions_in_chunks_of_any_size():
    whole = pl.concat([made for made, _ in volume.spans(5_000, seed=3)])
    parts = pl.concat([made for made, _ in volume.spans(5_000, seed=3, chunk=700)])
    order = ["trace_id", "span_id"]
    assert whole.sort(order).equals(parts.sort(order))


def test_the_fast_generator_refuses_no_spans(tmp_path):
    with pytest.raises(ArgumentError):
        samples.write_spans(tmp_path, spans=0)


def test_missing_samples_say_how_to_make_them(monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(OSError, match=r"samples\.write"):
        samples.folder()


def test_samples_lie_in_the_package_once_it_is_installed(monkeypatch, tmp_path):
    inside = tmp_path / "handoff_analytics" / "_samples"
    inside.mkdir(parents=True)
    (inside / "truth.json").write_text("{}")
    monkeypatch.setattr(samples, "__file__", str(tmp_path / "handoff_analytics" / "samples" / "__init__.py"))
    assert samples.folder() == inside


def test_three_systems_fail_as_their_docstring_says():
    history = samples.three_systems()
    rows = history.sql("""
        SELECT source, target, count(*) AS crossings, count(*) FILTER (WHERE failed) AS failed
        FROM crossings WHERE source <> 'external' GROUP BY ALL ORDER BY ALL
    """).rows()
    assert rows == [("a", "b", 10, 2), ("b", "c", 9, 1)]
    assert Path(history.path).name == ":memory:"
