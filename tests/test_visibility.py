"""Silent failures are found where they were planted, and nowhere else."""

from __future__ import annotations

import json
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.errors import ArgumentError
from handoff_analytics.visibility import chapman


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
