"""The audit: what is shown passes or fails, what is not shown does neither, and nobody approves over a failure."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.audit.checks import AREAS, CHECKS, STAGES
from handoff_analytics.audit.declared import chao1
from handoff_analytics.audit.observed import share_verdict
from handoff_analytics.audit.stages import STAGE_STATES
from handoff_analytics.errors import ArgumentError, EmptyHistoryError, UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

DECLARED: dict[str, Any] = {
    "source": "hub",
    "target": "stock",
    "channel": "http",
    "mechanism": "api",
    "data_format": "JSON v2",
    "timing_s": 1.0,
    "timeout_s": 5.0,
    "error_conditions": "422, timeout",
    "rollback_procedure": "release the reservation",
    "transaction_model": "saga",
    "authority": "stock",
    "owner_team": "warehouse",
    "expected_per_day": 400.0,
}
REFUSED = {"handoff_type": "authentication"}


def good(**more: Any) -> ha.History:
    """A handoff that is declared in full, and of which a thousand calls went well."""
    crossings = [crossing(n, "hub", "stock", operation="POST /reservations") for n in range(1000)]
    return history_with(crossings=crossings, declared_handoffs=[DECLARED], **more)


def failing(**kind: Any) -> ha.History:
    return good(failures=[failure(n, "hub", "stock", **kind) for n in range(60)])


def states(history: ha.History, **options: Any) -> dict[str, str]:
    return dict(ha.audit(history, **options).select("check_name", "state").iter_rows())


def kept(history: ha.History, check_name: str, state: str = "pass", **more: Any) -> None:
    entry = {"evidence": "DOC-1", "entered_at": NOON} | more
    ha.record_audit(history, check_name=check_name, state=state, **entry)


def everything_else(history: ha.History) -> None:
    """Attach a pass to every check that evidence cannot answer."""
    found = states(history)
    for check in CHECKS:
        if found[check.name] == "not_run":
            kept(history, check.name, basis="test" if "test" in check.filled_by else "attached")


def forget(history: ha.History, check_name: str) -> None:
    with history._store.writer() as connection:
        connection.execute("DELETE FROM audit_entries WHERE check_name = $name", {"name": check_name}).fetchall()


def test_the_five_states_of_a_catalogue() -> None:
    crossings = [
        *(crossing(n, "a", "b") for n in range(30)),
        crossing(100, "x", "y"),
        crossing(101, "d", "c"),
        *(crossing(n, "old", "new", started_at=NOON - timedelta(days=40) + timedelta(hours=n - 200)) for n in range(200, 260)),
    ]  # fmt: skip
    names = [("a", "b"), ("c", "d"), ("m", "n"), ("old", "new")]
    declared = [{"source": one, "target": other, "expected_per_day": 5.0} for one, other in names]
    history = history_with(crossings=crossings, declared_handoffs=declared)
    found = {(row["source"], row["target"]): row for row in ha.catalogue_diff(history).to_dicts()}
    assert {name: row["state"] for name, row in found.items()} == {
        ("a", "b"): "match",
        ("x", "y"): "undeclared",
        ("d", "c"): "reversed",
        ("m", "n"): "missing",
        ("old", "new"): "stale",
    }
    assert found["m", "n"]["chance_of_silence"] < 1e-6
    coverage = ha.catalogue_coverage(history).to_dicts()[0]
    assert (coverage["declared"], coverage["observed"], coverage["matching"]) == (4, 4, 2)
    assert coverage["precision"] == coverage["recall"] == 0.5
    assert (coverage["seen_once"], coverage["seen_twice"]) == (2, 0)


def test_a_handoff_that_is_rare_is_not_called_dead() -> None:
    crossings = [crossing(1, "a", "b"), crossing(2, "a", "b", started_at=NOON + timedelta(days=10))]
    declared = [{"source": "m", "target": "n", "expected_per_day": 0.01}]
    diff = ha.catalogue_diff(history_with(crossings=crossings, declared_handoffs=declared))
    assert diff.filter(pl.col("source") == "m")["chance_of_silence"][0] == pytest.approx(0.9048, abs=1e-3)


def test_a_ticket_resolved_long_after_the_telemetry_makes_nothing_stale() -> None:
    crossings = [crossing(n, "hub", "stock", started_at=NOON + timedelta(hours=n)) for n in range(100)]
    late = [{"ticket_uid": 1, "opened_at": NOON, "resolved_at": NOON + timedelta(days=200)}]
    history = history_with(crossings=crossings, declared_handoffs=[DECLARED], tickets=late)
    assert ha.catalogue_diff(history)["state"].to_list() == ["match"]
    assert ha.audit(history).filter(pl.col("check_name") == "source_reachable")["age_days"][0] == 0


def test_both_directions_seen_leave_nothing_reversed() -> None:
    declared = [{"source": "a", "target": "b"}] * 2
    history = history_with(crossings=[crossing(1, "a", "b"), crossing(2, "b", "a")], declared_handoffs=declared)
    assert dict(ha.catalogue_diff(history).select("source", "state").iter_rows()) == {"a": "match", "b": "undeclared"}


def test_drift_names_what_differs_from_the_declaration() -> None:
    history = history_with(
        crossings=[crossing(n, "hub", "stock", duration_us=9_000_000) for n in range(50)],
        declared_handoffs=[DECLARED | {"mechanism": "file", "owner_team": "nobody"}],
        systems=[{"name": "stock", "team": "warehouse"}, {"name": "hub", "team": "integration"}],
    )
    drift = ha.catalogue_diff(history)["drift"][0]
    for words in ("declared as file, seen over http", "declared 1 s", "time limit 5 s", "runs neither side"):
        assert words in drift


@given(st.integers(0, 100), st.integers(0, 50), st.integers(0, 50))
def test_the_estimate_of_unseen_handoffs_is_a_bound_from_below(observed: int, once: int, twice: int) -> None:
    assert chao1(observed, once, twice) >= observed


def test_what_is_shown_passes_and_what_is_not_is_not_run() -> None:
    found = states(good())
    shown = ("declared", "owner_named", "credentials_accepted", "source_reachable", "fields_arrive", "described",
             "answers_in_time", "timeout_kept", "keeps_up", "states_agree", "authority_named")  # fmt: skip
    assert {check: found[check] for check in shown} == dict.fromkeys(shown, "pass")
    open_ones = ("rules_kept", "access_is_limited", "recovery_rehearsed", "approved", "bad_format_refused")
    assert {check: found[check] for check in open_ones} == dict.fromkeys(open_ones, "not_run")


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        ("credentials_accepted", REFUSED),
        ("source_reachable", {"handoff_type": "error_propagation", "mode": "unreachable"}),
        ("endpoint_answers", {"handoff_type": "data_validation", "mode": "contract_version"}),
        ("fields_arrive", {"handoff_type": "data_validation", "mode": "schema_mismatch"}),
        ("states_agree", {"handoff_type": "state_sync", "mode": "lost_message"}),
        ("nothing_fails_silently", {"handoff_type": "unclassified", "silent": True}),
        ("errors_reach_caller", {"handoff_type": "unclassified", "fate": "swallowed"}),
    ],
)
def test_what_the_evidence_contradicts_fails(check: str, kind: dict[str, Any]) -> None:
    assert states(failing(**kind))[check] == "fail"


def test_ten_calls_without_a_failure_prove_nothing() -> None:
    verdicts = [share_verdict(found, among, 0.01) for found, among in ((0, 10), (0, 0), (0, 300), (3, 300), (9, 300))]
    assert verdicts == ["not_run", "not_run", "pass", "not_run", "fail"]


def test_slow_and_overloaded_handoffs_fail_what_they_promised() -> None:
    slow = [crossing(n, "hub", "stock", duration_us=7_000_000, failed=n % 4 == 0) for n in range(1000)]
    found = states(history_with(crossings=slow, declared_handoffs=[DECLARED]))
    assert [found[check] for check in ("answers_in_time", "timeout_kept", "keeps_up")] == ["fail"] * 3
    undeclared = states(history_with(crossings=slow))
    assert [undeclared[check] for check in ("answers_in_time", "keeps_up")] == ["not_run"] * 2
    assert [undeclared[check] for check in ("declared", "described", "owner_named")] == ["fail"] * 3
    assert states(history_with(crossings=slow[:50], declared_handoffs=[DECLARED]))["keeps_up"] == "not_run"


def test_repetitions_are_harmless_or_not() -> None:
    twice = [crossing(n, "hub", "stock", is_duplicate=n % 2 == 0) for n in range(200)]
    assert states(history_with(crossings=twice, declared_handoffs=[DECLARED]))["repeats_are_harmless"] == "pass"
    doubled = [failure(n, "hub", "stock", handoff_type="state_sync", mode="duplicate") for n in range(0, 100, 2)]
    harmed = history_with(crossings=twice, declared_handoffs=[DECLARED], failures=doubled)
    assert states(harmed)["repeats_are_harmless"] == "fail"


def test_what_does_not_apply_is_not_asked() -> None:
    reading = history_with(crossings=[crossing(n, "a", "b", operation="GET /prices") for n in range(9)])
    assert states(reading)["effects_are_undone"] == "not_applicable"
    said = history_with(crossings=[crossing(1, "hub", "stock", operation="GET /x")], declared_handoffs=[DECLARED])
    assert states(said)["recovery_rehearsed"] == "not_run"
    queue = states(history_with(crossings=[crossing(n, "a", "b", channel="messaging") for n in range(9)]))
    assert queue["credentials_accepted"] == queue["timeout_kept"] == "not_applicable"
    row = ha.audit_coverage(ha.audit(reading)).filter(pl.col("area") == "recovery").to_dicts()[0]
    assert (row["state"], row["covered"]) == ("not_applicable", None)


def test_an_empty_history_is_not_audited() -> None:
    with pytest.raises(EmptyHistoryError):
        ha.audit(history_with())
    with pytest.raises(EmptyHistoryError):
        ha.boundary_scenarios(history_with())


def test_the_last_word_on_a_check_counts() -> None:
    history = good()
    kept(history, "rules_kept", "fail", source="hub", target="stock")
    kept(history, "rules_kept", "pass", source="hub", target="stock")
    row = ha.audit(history).filter(pl.col("check_name") == "rules_kept").to_dicts()[0]
    assert (row["state"], row["basis"], row["evidence"]) == ("pass", "attached", "DOC-1")


def test_a_person_cannot_wave_through_what_the_evidence_contradicts() -> None:
    history = failing(**REFUSED)
    kept(history, "credentials_accepted")
    assert states(history)["credentials_accepted"] == "fail"


def test_findings_of_others_and_expired_ones_do_not_count() -> None:
    history = good()
    kept(history, "rules_kept", source="a", target="b")
    assert states(history)["rules_kept"] == "not_run"
    kept(history, "rules_kept", valid_days=30)
    assert states(history)["rules_kept"] == "pass"
    assert states(history, as_of=NOON + timedelta(days=31))["rules_kept"] == "not_run"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"check_name": "rules_kep"}, "Did you mean 'rules_kept'"),
        ({"state": "maybe"}, "must be one of"),
        ({"basis": "rumour"}, "must be one of"),
        ({"evidence": None}, "needs evidence"),
        ({"source": "a"}, "both sides"),
    ],
)
def test_a_finding_that_says_nothing_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        ha.record_audit(good(), **{"check_name": "rules_kept", "state": "pass", "evidence": "x"} | wrong)


def test_entries_survive_in_a_file_and_once_only(tmp_path: Path) -> None:
    path = tmp_path / "h.duckdb"
    moment = datetime.fromisoformat("2026-03-01T12:00:00+02:00")
    for _ in range(2):
        kept(ha.History(path), "rules_kept", entered_at=moment)
    entries = ha.audit_entries(ha.open(path))
    assert entries.height == 1
    assert entries["entered_at"][0].isoformat() == "2026-03-01T10:00:00"


def test_a_history_older_than_the_audit_has_no_entries() -> None:
    history = good()
    with history._store.writer() as connection:
        connection.execute("DROP TABLE audit_entries").fetchall()
    assert ha.audit_entries(history).is_empty()
    kept(history, "rules_kept")
    assert ha.audit_entries(history).height == 1


def test_readiness_is_an_interval_and_what_was_not_run_lies_in_between() -> None:
    whole, one = ha.readiness(ha.audit(good())).to_dicts()
    assert 0 < one["lower"] < one["upper"] <= 1
    assert one["gate"] == "recovery was never rehearsed"
    assert one["verdict"] == whole["verdict"] == "not ready"
    assert whole["gate"] == "1 of 1 handoffs are not ready"


def test_a_handoff_of_which_all_is_shown_is_ready_and_then_ages() -> None:
    history = good()
    everything_else(history)
    fresh = ha.readiness(ha.audit(history, as_of=NOON)).to_dicts()[1]
    assert fresh["verdict"] == "ready"
    assert fresh["lower"] == pytest.approx(1)
    later = ha.audit(history, as_of=NOON + timedelta(days=180))
    assert later.filter(pl.col("check_name") == "approved")["freshness"][0] == pytest.approx(0.5)
    old = ha.readiness(later).to_dicts()[1]
    assert old["lower"] < 0.8
    assert old["upper"] == 1


def test_a_critical_failure_is_not_made_good_by_anything() -> None:
    history = failing(**REFUSED)
    everything_else(history)
    row = ha.readiness(ha.audit(history)).to_dicts()[1]
    assert row["upper"] > 0.8
    assert "credentials_accepted failed" in row["gate"]
    assert row["verdict"] == "not ready"


def test_something_not_run_without_a_gate_is_not_shown() -> None:
    history = good()
    everything_else(history)
    forget(history, "documents_reviewed")
    assert ha.readiness(ha.audit(history))["verdict"].to_list() == ["not shown", "not shown"]
    kept(history, "recovery_rehearsed", "fail", basis="drill", scenario="s")
    assert ha.readiness(ha.audit(history)).to_dicts()[1]["gate"] == "recovery failed when rehearsed"


def test_dear_handoffs_weigh_more() -> None:
    both = [crossing(n, "hub", "stock") for n in range(1000)] + [crossing(2000 + n, "x", "y") for n in range(5)]
    checked = ha.audit(history_with(crossings=both, declared_handoffs=[DECLARED]))
    worth = {"source": ["hub", "x"], "target": ["stock", "y"], "channel": ["http", "http"]}
    dear = pl.DataFrame(worth | {"expected_annual_loss": [1.0, 999.0]})
    alike, weighed = ha.readiness(checked), ha.readiness(checked, ranking=dear)
    poor = alike.filter(pl.col("source") == "x")["lower"][0]
    assert weighed["lower"][0] == pytest.approx(poor, abs=0.01)
    assert alike["lower"][0] > weighed["lower"][0]
    nothing = ha.readiness(checked, ranking=dear.with_columns(expected_annual_loss=0.0))
    assert nothing["lower"][0] == pytest.approx(alike["lower"][0])


WORDS = st.sampled_from(["pass", "fail", "not_run", "not_applicable"])


@settings(max_examples=25, deadline=None)
@given(st.lists(WORDS, min_size=len(CHECKS), max_size=len(CHECKS)))
def test_the_interval_is_one_and_nothing_is_approved_early_whatever_the_states(words: list[str]) -> None:
    checked = ha.audit(good()).with_columns(state=pl.Series(words))
    scored = ha.readiness(checked).to_dicts()[1]
    if set(words) != {"not_applicable"}:
        assert 0 <= scored["lower"] <= scored["upper"] <= 1
    assert sum(scored[name] for name in ("passed", "failed", "not_run", "not_applicable")) == len(CHECKS)
    walk = ha.audit_stages(checked, by_handoff=True)
    assert walk["state"].is_in(list(STAGE_STATES)).all()
    if (walk["state"][:9] != "passed").any():
        assert walk["state"][9] != "passed"


def test_the_five_areas_are_crossed_with_the_handoffs() -> None:
    coverage = ha.audit_coverage(ha.audit(good()))
    assert coverage["area"].to_list() == list(AREAS)
    assert (coverage["passed"] + coverage["failed"] + coverage["not_run"] == coverage["applicable"]).all()
    assert coverage.filter(pl.col("area") == "recovery")["state"][0] == "not_run"


def test_the_ten_stages_wait_for_each_other() -> None:
    walk = ha.audit_stages(ha.audit(good()))
    assert walk["stage_number"].to_list() == list(range(1, 11))
    assert walk["title"].to_list() == [stage.title for stage in STAGES]
    assert walk["state"].to_list() == ["passed"] * 3 + ["open"] + ["waiting"] * 6
    assert walk["owner"][0] == "warehouse"
    assert "bad_format_refused" in walk["blocked_by"][3]


def test_no_approval_while_a_stage_fails_whoever_signs() -> None:
    history = failing(**REFUSED)
    everything_else(history)
    walk = ha.audit_stages(ha.audit(history)).to_dicts()
    assert walk[1]["state"] == "failed"
    assert walk[9]["shown"]
    assert walk[9]["state"] == "waiting"
    assert "Data source validation" in walk[9]["blocked_by"]


def test_when_all_nine_are_passed_the_signature_counts() -> None:
    history = good()
    everything_else(history)
    assert ha.audit_stages(ha.audit(history))["state"].to_list() == ["passed"] * 10
    forget(history, "approved")
    assert ha.audit_stages(ha.audit(history))["state"][9] == "open"


def names_of(scenarios: pl.DataFrame) -> set[str]:
    return {scenario.rsplit("/", 1)[1] for scenario in scenarios["scenario"]}


def test_scenarios_fit_the_handoff_and_begin_with_what_has_failed() -> None:
    failures = [failure(n, "hub", "stock", **REFUSED) for n in range(9)]
    failures += [failure(n, "hub", "stock", handoff_type="state_sync", mode="duplicate") for n in range(20, 24)]
    scenarios = ha.boundary_scenarios(good(failures=failures))
    assert scenarios["handoff_type"][0] == "authentication"
    assert scenarios["priority"].to_list() == list(range(1, scenarios.height + 1))
    assert scenarios["scenario"].n_unique() == scenarios.height
    doubles = scenarios.filter("compound")
    assert doubles.height == 6
    assert doubles["seen_failing"][0] == 4
    assert "at the same time" in doubles["given"][0]
    assert any("release the reservation" in text for text in scenarios["given"])
    assert not any("{" in text for column in ("given", "when", "then") for text in scenarios[column])


def test_a_queue_is_tested_otherwise_than_a_call_and_a_reader_needs_no_undoing() -> None:
    queue = names_of(ha.boundary_scenarios(history_with(crossings=[crossing(1, "a", "b", channel="messaging")])))
    assert "poison_message" in queue
    assert "expired_credentials" not in queue
    declared = [{"source": "a", "target": "b", "transaction_model": "none"}]
    reader = ha.boundary_scenarios(history_with(crossings=[crossing(1, "a", "b")], declared_handoffs=declared))
    assert "later_step_fails" not in names_of(reader)
    missing = ha.boundary_scenarios(history_with(declared_handoffs=declared))
    assert missing["scenario"].str.starts_with("a->b/unknown/").all()


REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="boundary" timestamp="2026-03-03T10:00:00">
  <testcase classname="tests.test_stock" name="test_hub__stock__http__down" time="1.5"/>
  <testcase classname="t" name="expired"><properties>
    <property name="scenario" value="hub-&gt;stock/http/expired_credentials"/></properties>
    <failure message="401 was not refreshed">trace</failure></testcase>
  <testcase name="hub-&gt;stock/http/manual_recovery" time="1,200.5"><skipped message="nobody on duty"/></testcase>
  <testcase name="test_hub_stock_http_down_recovery_fails"><error>boom</error></testcase>
  <testcase name="unrelated"/>
</testsuite></testsuites>"""


def test_a_junit_report_answers_scenarios_and_their_checks(tmp_path: Path) -> None:
    history, report = good(), tmp_path / "junit.xml"
    report.write_text(REPORT)
    found = {row["test"]: row for row in ha.load_test_results(history, report, owner="qa").to_dicts()}
    down = found["tests.test_stock.test_hub__stock__http__down"]
    assert (down["scenario"], down["state"], down["seconds"]) == ("hub->stock/http/down", "pass", 1.5)
    assert (found["t.expired"]["state"], found["t.expired"]["note"]) == ("fail", "401 was not refreshed")
    skipped = found["hub->stock/http/manual_recovery"]
    assert (skipped["state"], skipped["seconds"]) == ("not_run", 1200.5)
    assert found["unrelated"]["scenario"] is None
    longest = found["test_hub_stock_http_down_recovery_fails"]
    assert (longest["scenario"], longest["note"]) == ("hub->stock/http/down+recovery_fails", "boom")
    checks = states(history)
    assert checks["outage_survived"] == "pass"
    assert checks["expiry_survived"] == checks["compound_failure_survived"] == "fail"
    scenarios = ha.boundary_scenarios(history)
    assert scenarios.filter(pl.col("scenario") == "hub->stock/http/down")["state"][0] == "pass"
    ha.load_test_results(history, report, owner="qa")
    assert ha.audit_entries(history).height == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "document type"),
        ("<testsuite", "no XML"),
        ("<html/>", "no JUnit"),
    ],
)
def test_what_is_no_report_is_refused(content: str, words: str, tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text(content)
    with pytest.raises(UnreadableFileError, match=words):
        ha.load_test_results(good(), report)


def test_a_missing_or_huge_report_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        ha.load_test_results(good(), tmp_path / "none.xml")
    # By its module: ha.audit is the function of that name.
    monkeypatch.setattr(import_module("handoff_analytics.audit.results"), "_LARGEST_BYTES", 10)
    (tmp_path / "big.xml").write_text("<testsuite></testsuite>")
    with pytest.raises(UnreadableFileError, match="at most 10"):
        ha.load_test_results(good(), tmp_path / "big.xml")


def test_odd_times_and_stamps_are_left_out_and_zones_are_kept(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text('<testsuite timestamp="soon"><testcase name="hub_stock_http_down" time="long"/></testsuite>')
    row = ha.load_test_results(good(), report).to_dicts()[0]
    assert row["seconds"] is None
    assert row["played_at"] is not None
    report.write_text(
        '<testsuite timestamp="2026-03-03T10:00:00+02:00"><testcase name="hub_stock_http_down"/></testsuite>'
    )
    assert ha.load_test_results(good(), report)["played_at"][0] == datetime.fromisoformat("2026-03-03T08:00:00")


def test_errors_that_callers_swallow_are_told_from_those_that_arrive() -> None:
    noticed = NOON + timedelta(hours=9)
    failures = [
        *(failure(n, "hub", "stock", detected_at=noticed, **REFUSED) for n in range(60)),
        *(failure(n, "hub", "stock", mode="timeout", fate="swallowed") for n in range(100, 160)),
        *(failure(n, "hub", "stock", handoff_type="data_validation") for n in range(200, 203)),
    ]
    cascade = {"root_id": 0, "failure_id": 900, "delay_us": 2_000_000, "source": "a", "target": "hub"}
    found = ha.error_propagation(good(failures=failures, cascades=[cascade]))
    rows = {row["kind"]: row for row in found.to_dicts()}
    assert {kind: row["verdict"] for kind, row in rows.items()} == {
        "timeout": "swallowed",
        "authentication": "unexpected",
        "validation": "not shown",
    }
    assert rows["timeout"]["reached_share"] == 0
    caught = rows["authentication"]
    assert (caught["spread"], caught["spread_seconds"], caught["detected_share"]) == (1, 2, 1)
    assert found["verdict"][0] == "swallowed"


def test_a_declared_error_that_arrives_is_as_expected_and_one_never_seen_proves_nothing() -> None:
    found = ha.error_propagation(good(failures=[failure(n, "hub", "stock", mode="timeout") for n in range(80)]))
    assert dict(found.select("kind", "verdict").iter_rows()) == {"timeout": "as expected", "validation": "unseen"}


def test_states_that_disagree_are_counted_by_how_and_for_how_long() -> None:
    failures = [
        failure(n, "hub", "stock", handoff_type="state_sync", mode=mode, amount=10.0, failed_at=NOON)
        for n, mode in enumerate(["write_conflict", "duplicate", "lost_message", "ordering", "strange"])
    ]
    failures[0]["recovered_at"] = NOON + timedelta(hours=5)
    failures.append(failure(9, "hub", "stock", detector="reconciliation", failed_at=NOON))
    crossings = [crossing(1, "hub", "stock", started_at=NOON + timedelta(days=3))]
    history = history_with(crossings=crossings, failures=failures, declared_handoffs=[DECLARED])
    row = ha.state_consistency(history).to_dicts()[0]
    counted = ("conflicts", "duplicates", "missing", "out_of_order", "other", "reconciliation")
    assert [row[name] for name in counted] == [1] * 6
    assert (row["divergences"], row["resolved"], row["open"]) == (6, 1, 5)
    assert (row["hours_to_agree"], row["longest_open_days"], row["value_open"]) == (5, 3, 40)
    assert row["authority"] == "stock"


def test_drills_stand_beside_what_life_rehearsed() -> None:
    mended = {"recovered_at": NOON + timedelta(hours=2), "recovery_kind": "manual"}
    failures = [
        failure(1, "hub", "stock", correlation_id="o", **mended),
        failure(2, "hub", "pay", correlation_id="o", mode="rollback_failed"),
        failure(3, "x", "y"),
    ]
    history = history_with(crossings=[crossing(1, "hub", "stock")], failures=failures)
    where = {"source": "hub", "target": "stock", "channel": "http"}
    kept(history, "recovery_rehearsed", basis="drill", seconds=90.0, **where)
    rows = {(row["source"], row["target"]): row for row in ha.recovery_drills(history).to_dicts()}
    stock = rows["hub", "stock"]
    assert (stock["drills_passed"], stock["drill_seconds"], stock["by_hand"], stock["compound"]) == (1, 90, 1, 1)
    assert rows["hub", "pay"]["recovery_failed"] == 1
    assert rows["x", "y"]["compound"] == 0
    assert not rows["x", "y"]["rehearsed"]


def saga() -> ha.History:
    """Twenty orders, five charges fail; of their reservations two are undone, one is mended by hand, two are left."""
    orders = [{"correlation_id": f"o{n}"} for n in range(20)]
    crossings = [
        crossing(n, "hub", "stock", operation="POST /reservations", amount=10.0, **orders[n]) for n in range(20)
    ]
    crossings += [
        crossing(100 + n, "hub", "pay", operation="POST /charges", failed=n < 5, **orders[n]) for n in range(20)
    ]
    crossings += [
        crossing(200 + n, "hub", "stock", operation="DELETE /reservations", failed=n < 2, **orders[n]) for n in range(4)
    ]
    crossings += [
        crossing(300 + n, "hub", "price", operation="GET /prices", started_at=NOON, **orders[n]) for n in range(20)
    ]
    failures = [failure(100 + n, "hub", "pay", operation="POST /charges", **orders[n]) for n in range(5)]
    failures[0] |= {"recovery_kind": "manual", "recovered_at": NOON + timedelta(hours=9)}
    return history_with(crossings=crossings, failures=failures, declared_handoffs=[DECLARED])


def test_the_ledger_of_compensations_adds_up() -> None:
    (row,) = ha.compensations(saga()).to_dicts()
    assert row["target"] == "stock"
    assert (row["needed"], row["attempted"], row["succeeded"], row["manual"], row["orphaned"]) == (5, 4, 2, 1, 2)
    assert (row["value_orphaned"], row["example"]) == (20, "o1")
    assert row["declared_rollback"] == "release the reservation"
    found = ha.audit(saga()).filter((pl.col("target") == "stock") & (pl.col("check_name") == "effects_are_undone"))
    assert found["state"][0] == "fail"


def test_every_check_is_asked_of_every_handoff_and_twice_gives_the_same() -> None:
    checked = ha.audit(saga())
    assert checked.height == 3 * len(CHECKS)
    assert set(checked["check_name"]) == set(ha.audit_checks()["check_name"])
    assert ha.audit(saga()).equals(checked)
