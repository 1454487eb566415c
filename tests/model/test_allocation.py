"""Tickets of the samples are charged to the handoffs that they are truly about, and every ticket adds up."""

from __future__ import annotations

import json

import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics import samples


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ha.History:
    return samples.load(into=tmp_path_factory.mktemp("allocation") / "samples.duckdb")


@pytest.fixture(scope="module")
def charged(history: ha.History) -> pl.DataFrame:
    """Hours of every incident and handoff, beside the handoff that it is truly about."""
    tickets = json.loads((samples.folder() / "truth.json").read_text())["tickets"]
    truth = pl.DataFrame(
        [
            {"ticket_id": ticket["number"], "hours": ticket["touch_hours"]}
            | dict(zip(("true_source", "true_target"), (ticket["handoff"] or [None, None])[:2], strict=True))
            for ticket in tickets
        ]
    )
    shares = history.sql("""
        SELECT t.ticket_id, r.source, r.target, r.share
        FROM recoveries AS r JOIN tickets AS t ON t.ticket_uid = r.ticket_uid
        ORDER BY ALL
    """)
    return shares.join(truth, on="ticket_id").with_columns(charged=pl.col("share") * pl.col("hours"))


def test_the_parts_of_every_ticket_sum_to_it(history: ha.History) -> None:
    wrong = history.sql("""
        SELECT t.ticket_uid, sum(r.share) AS parts
        FROM tickets AS t LEFT JOIN recoveries AS r ON r.ticket_uid = t.ticket_uid
        GROUP BY t.ticket_uid HAVING abs(coalesce(sum(r.share), 0) - 1) > 1e-9
    """)
    assert wrong.is_empty()


def test_hours_are_charged_where_the_failure_was(charged: pl.DataFrame) -> None:
    right = pl.col("source").eq_missing(pl.col("true_source")) & pl.col("target").eq_missing(pl.col("true_target"))
    assert charged.filter(right)["charged"].sum() >= 0.95 * charged["charged"].sum()


def test_the_place_where_things_surface_is_not_charged_for_them(charged: pl.DataFrame) -> None:
    here = (pl.col("source") == "ipaas") & (pl.col("target") == "erp")
    true = charged.filter((pl.col("true_source") == "ipaas") & (pl.col("true_target") == "erp"))["charged"].sum()
    assert charged.filter(here)["charged"].sum() == pytest.approx(true, rel=0.2)


def test_what_is_about_no_handoff_stays_with_none(charged: pl.DataFrame) -> None:
    office = charged.filter(pl.col("true_source").is_null())
    assert office.filter(pl.col("source").is_null())["charged"].sum() >= 0.95 * office["charged"].sum()


def test_without_failures_every_ticket_is_about_none(tmp_path: pytest.TempPathFactory) -> None:
    only = ha.load(
        samples.folder() / "incidents.servicenow.csv", into=tmp_path / "t.duckdb", timezone="UTC", quiet=True
    )
    found = only.sql("SELECT count(*), count(source), min(share), max(share) FROM recoveries").row(0)
    assert found == (268, 0, 1.0, 1.0)
