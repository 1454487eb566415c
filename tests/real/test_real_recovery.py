"""What is known of costs on a real incident log holds: means of few tickets, hours by reassignment."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics.statistics.credibility import credible_means
from handoff_analytics.ticket_times import ticket_times

DATA = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not at {DATA}: set HANDOFFS_REAL_DATA"),
]


@pytest.fixture(scope="module")
def uci() -> ha.History:
    return ha.load(DATA / "uci_incident_event_log", timezone="UTC", quiet=True)


# Resolved tickets that some group holds in their last record.
HELD = """
    SELECT t.ticket_uid, s.team, date_diff('minute', t.opened_at, t.resolved_at) / 60.0 AS hours
    FROM tickets AS t
    JOIN (
        SELECT ticket_uid, arg_max_null(team, (sequence, snapshot_at, snapshot_uid)) AS team
        FROM ticket_snapshots GROUP BY ticket_uid
    ) AS s ON s.ticket_uid = t.ticket_uid
    WHERE s.team IS NOT NULL AND t.resolved_at > t.opened_at
    ORDER BY t.ticket_uid
"""


@pytest.fixture(scope="module")
def hours(uci: ha.History) -> pl.DataFrame:
    return uci.sql(HELD)


def split_sample(hours: pl.DataFrame, few: tuple[int, int], repetitions: int = 60) -> dict[str, float]:
    """Relative root mean square error of a group's mean from a few of its tickets, against all of the others."""
    large = hours.group_by("team").len().filter(pl.col("len") >= 60).sort("team")["team"].to_list()
    groups = [hours.filter(pl.col("team") == team)["hours"].to_numpy() for team in large]
    random = np.random.default_rng(0)
    errors: dict[str, list[float]] = {name: [] for name in ("credible", "arithmetic", "lognormal", "grand")}
    for _ in range(repetitions):
        parts, truth = [], []
        for group in groups:
            order = random.permutation(len(group))
            size = random.integers(few[0], few[1] + 1)
            parts.append(group[order[:size]])
            truth.append(group[order[size:]].mean())
        n = np.array([len(part) for part in parts], dtype=float)
        own = np.array([part.mean() for part in parts])
        squares = np.array([((part - part.mean()) ** 2).sum() for part in parts])
        logs = [np.log(part + 0.1) for part in parts]
        found = {
            "credible": credible_means(own, n, squares, n - 1, relative=True).means,
            "arithmetic": own,
            "lognormal": np.exp([one.mean() + one.var(ddof=1) / 2 for one in logs]),
            "grand": np.full(len(n), (n * own).sum() / n.sum()),
        }
        for name, guess in found.items():
            errors[name].append(float(np.sqrt(np.mean((guess - np.array(truth)) ** 2)) / np.mean(truth)))
    return {name: float(np.median(values)) for name, values in errors.items()}


def test_a_mean_of_three_to_eight_tickets_is_believed_as_far_as_it_holds(hours: pl.DataFrame) -> None:
    errors = split_sample(hours, (3, 8))
    assert errors["credible"] <= 0.75
    assert errors["credible"] < errors["arithmetic"]
    assert errors["grand"] > 1
    assert errors["lognormal"] > 5, "which is why no distribution is assumed"


def test_hours_by_reassignment_have_their_known_medians(uci: ha.History) -> None:
    resolved = uci.sql("SELECT ticket_uid FROM tickets WHERE resolved_at IS NOT NULL ORDER BY ticket_uid")
    times = ticket_times(uci).join(resolved, on="ticket_uid", how="semi")
    table = (
        times.with_columns(moved=pl.col("reassignments").clip(0, 4).replace_strict({0: 0, 1: 1, 2: 2, 3: 2, 4: 4}))
        .group_by("moved")
        .agg(pl.col("elapsed_hours").median())
        .sort("moved")
    )
    assert [round(hours, 1) if hours < 1 else round(hours) for hours in table["elapsed_hours"]] == [0.7, 42, 123, 239]


def test_working_hours_are_a_third_of_those_elapsed(uci: ha.History) -> None:
    from datetime import time

    from handoff_analytics.catalogue import Calendar

    office = Calendar(timezone="UTC", open=time(8), close=time(18), days=(0, 1, 2, 3, 4), holidays=frozenset())
    times = ticket_times(uci, calendar=office, horizon_hours=1e9).join(uci.sql(HELD), on="ticket_uid", how="semi")
    assert times["elapsed_hours"].mean() == pytest.approx(185.8, rel=0.01)
    assert times["business_hours"].mean() == pytest.approx(55.8, rel=0.01)


def test_no_mean_assumes_a_lognormal() -> None:
    package = Path(ha.__file__).parent
    for module in ("recovery", "ticket_times", "person_hours", "statistics/credibility", "statistics/survival"):
        assert "lognormal(" not in (package / f"{module}.py").read_text(encoding="utf-8"), module
        assert "np.log(" not in (package / f"{module}.py").read_text(encoding="utf-8"), module
