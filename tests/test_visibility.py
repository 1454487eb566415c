"""Silent failures are found where they were planted, and nowhere else."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl
import pytest
from histories import crossing, failure, history_with
from hypothesis import given
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.errors import ArgumentError
from handoff_analytics.visibility import chapman

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ha.History:
    return samples.load(into=tmp_path_factory.mktemp("visibility") / "samples.duckdb")


@pytest.mark.parametrize(
    ("detector", "precision", "recall"),
    [
        ("outcome", 0.95, 0.9),
        ("contradicting_body", 0.95, 0.9),
        ("field_drop", 0.95, 0.9),
        ("missing_continuation", 0.8, 0.5),
    ],
)
def test_a_detector_finds_what_was_planted(history: ha.History, detector: str, precision: float, recall: float) -> None:
    planted = defaultdict(set)
    for row in json.loads((samples.folder() / "truth.json").read_text())["silent"]:
        planted[row["detector"]].add((row["order_id"], row["source"], row["target"]))
    found = set(
        history.sql(
            "SELECT correlation_id, source, target FROM silent_findings WHERE detector = $detector AND correlation_id LIKE 'SO-%'",
            detector=detector,
        ).iter_rows()
    )
    hits = len(found & planted[detector])
    assert hits >= precision * len(found)
    assert hits >= recall * len(planted[detector])


def test_what_is_found_silent_is_counted_as_a_failure_of_its_handoff(history: ha.History) -> None:
    frame = ha.visibility(history)
    row = frame.filter(source="crm", target="erp").row(0, named=True)
    assert (
        row["silent_failures"]
        == history.sql("SELECT count(*) FROM failures WHERE silent AND source = 'crm' AND target = 'erp'").item()
    )
    assert row["silent_share"] == 1.0
    assert row["detectors"] == ["field_drop"]
    assert row["correlation_coverage"] == 1.0
    assert frame["silent_failures"].is_sorted(descending=True)
    assert frame.schema["detectors"] == pl.List(pl.String)


@given(st.integers(0, 300), st.integers(0, 300), st.data())
def test_the_estimate_is_never_less_than_what_was_seen(first: int, second: int, data: st.DataObject) -> None:
    both = data.draw(st.integers(0, min(first, second)))
    estimate, deviation = chapman(first, second, both)
    assert estimate >= first + second - both - 1e-9
    assert deviation >= 0


def test_an_overlap_longer_than_a_list_is_refused() -> None:
    with pytest.raises(ArgumentError, match="longer than a list"):
        chapman(3, 2, 3)


def test_unseen_failures_is_one_row(history: ha.History) -> None:
    row = ha.unseen_failures(history).row(0, named=True)
    assert row["estimated"] >= row["detected"]
    assert row["unseen"] >= 0


def test_a_ticket_that_names_the_transaction_in_its_words_shows_when_somebody_noticed(history: ha.History) -> None:
    found = history.sql("""
        SELECT f.occurred_at, f.detected_at, min(t.opened_at) AS opened_at
        FROM silent_findings AS f
        JOIN tickets AS t ON contains(t.title, f.correlation_id) AND t.opened_at >= f.occurred_at
        GROUP BY ALL
    """)
    assert found.height > 10
    assert (found["detected_at"] <= found["opened_at"]).all()
    assert (found["detected_at"] >= found["occurred_at"]).all()
    frame = ha.visibility(history)
    assert frame["reported"].sum() > 10
    assert frame.filter(source="ipaas", target="payment")["hours_to_detect"].item() > 0


def test_every_finding_says_what_it_rests_on(history: ha.History) -> None:
    found = history.sql("SELECT * FROM silent_findings")
    for column in ("detector", "rule", "evidence", "probability", "occurred_at", "detectable_at", "transactions"):
        assert found[column].null_count() == 0, column
    assert (found["detectable_at"] >= found["occurred_at"]).all()
    assert found["probability"].is_between(0, 1).all()
    orders = found.filter(pl.col("correlation_id").str.starts_with("SO-"))
    known = history.sql("SELECT DISTINCT correlation_id FROM crossings WHERE amount IS NOT NULL")["correlation_id"]
    assert (
        orders.filter(pl.col("correlation_id").is_in(known.implode()) & (pl.col("detector") != "swallowed_error"))[
            "amount"
        ].null_count()
        == 0
    )


def test_what_both_lists_show_bounds_what_neither_does(history: ha.History) -> None:
    row = ha.unseen_failures(history).row(0, named=True)
    assert row["both"] > 0
    assert row["estimated"] == pytest.approx(chapman(row["detected"], row["reported"], row["both"])[0])


@pytest.mark.slow
def test_a_half_year_without_faults_raises_hardly_a_finding(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    samples.write(tmp_path, seed=4, faults=False)
    history = ha.load([tmp_path / name for name in samples.EVIDENCE], quiet=True)
    for name, mapping in samples.MAPPED.items():
        history = ha.load(tmp_path / name, into=history, mapping=tmp_path / mapping, quiet=True)
    transactions = history.sql("SELECT count(DISTINCT coalesce(correlation_id, trace_id)) FROM crossings").item()
    hits = history.sql("SELECT count(*) FROM silent_findings").item()
    false_hits = 10_000 * hits / transactions
    record_property("false_hits_per_10000_transactions", false_hits)
    print(f"{hits} false hits in {transactions:,} transactions: {false_hits:.1f} per 10,000")  # noqa: T201 - the figure is wanted
    assert transactions > 1_500
    assert false_hits <= 5


def test_a_call_that_failed_at_every_try_is_one_failure_that_reported_itself() -> None:
    tries = [crossing(n, "crm", "erp", call_id=1, attempt=n, is_last_attempt=n == 2, failed=True) for n in (1, 2)]
    failed = [failure(n, "crm", "erp", origin_weight=float(n == 2)) for n in (1, 2)]
    told = ha.visibility(history_with(crossings=tries, failures=failed)).row(0, named=True)
    assert (told["crossings"], told["failures"], told["silent_failures"]) == (2, 1, 0)
