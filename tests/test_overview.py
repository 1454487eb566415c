"""A history says of itself in a notebook what is in it, how good it is and what to call next."""

import re

import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.overview import card

EVIL = "<script>alert(1)</script>"


def test_an_empty_history_says_how_to_load():
    said = ha.History()._repr_html_()
    assert "Nothing is loaded yet." in said
    assert "ha.load(" in said


def test_counts_and_window_are_those_of_the_scope():
    history = history_with(
        crossings=[crossing(1, "crm", "erp"), crossing(2, "crm", "erp", tier="low", is_orphan=True)],
        failures=[failure(1, "crm", "erp"), failure(2, "crm", "erp", origin="propagated")],
    )
    said = history._repr_html_()
    assert "1 handoff, 2 crossings, 1 failure" in said
    assert "2026-03-02 12:01 to 2026-03-02 12:02 UTC" in said
    assert "50.0% of the crossings are inferred with low confidence" in said
    assert "50.0% of the crossings name a sender" in said
    later = history.between("2026-03-02T12:02")._repr_html_()
    assert "1 crossing" in later
    assert "since 2026-03-02 12:02:00" in later


def test_what_was_rejected_and_what_is_doubtful_is_said():
    history = history_with()
    with history._store.writer() as connection:
        connection.execute("INSERT INTO loads BY NAME SELECT 1 AS load_id, 10 AS seen, 3 AS rejected").fetchall()
        connection.execute("INSERT INTO quality_flags BY NAME SELECT 1 AS load_id, 'zone_assumed' AS flag").fetchall()
    said = history._repr_html_()
    assert "3 of 10 records were rejected" in said
    assert "1 doubt about rows" in said


def test_what_it_tells_to_call_exists():
    calls = re.findall(r"<code>ha\.(\w+)\(", history_with(crossings=[crossing(1, "a", "b")])._repr_html_())
    assert calls
    assert set(calls) <= set(ha.__all__)


@pytest.mark.parametrize("place", ["place", "scope", "noun", "doubt", "call"])
def test_nothing_that_came_from_evidence_is_markup(place):
    said = {name: name for name in ("place", "scope", "noun", "doubt", "call")} | {place: EVIL}
    html = card(
        said["place"],
        said["scope"],
        counts={said["noun"]: 1},
        window=None,
        doubts=[said["doubt"]],
        calls={said["call"]: said["call"]},
    )
    assert "<script" not in html
    assert "&lt;script&gt;" in html
