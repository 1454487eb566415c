"""Types are counted and priced, and what no rule knows is said by count and by cost."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha


def history() -> ha.History:
    crossings = [crossing(n, "shop", "erp", failed=n < 4) for n in range(40)]
    crossings += [crossing(100 + n, "shop", "bank", failed=n < 2) for n in range(40)]
    kinds: list[dict[str, Any]] = [
        {"handoff_type": "authentication", "mode": "expired_credentials", "ambiguous": False},
        {"handoff_type": "authentication", "mode": "expired_credentials", "ambiguous": True},
        {"handoff_type": "unclassified", "mode": None, "ambiguous": False},
        {"handoff_type": None, "mode": None, "ambiguous": False},
    ]
    failures = [failure(n, "shop", "erp", **kind) for n, kind in enumerate(kinds)]
    failures += [
        failure(100 + n, "shop", "bank", handoff_type="state_sync", mode="duplicate", ambiguous=False) for n in range(2)
    ]
    return history_with(crossings=crossings, failures=failures)


def test_unknown_is_a_row_by_count_and_by_cost() -> None:
    frame = ha.type_shares(history())
    rows = {row["handoff_type"]: row for row in frame.iter_rows(named=True)}
    assert set(rows) == {
        "data_validation",
        "authentication",
        "error_propagation",
        "state_sync",
        "rollback_recovery",
        "unclassified",
    }
    assert (rows["unclassified"]["failures"], rows["authentication"]["failures"]) == (2, 2)
    assert rows["unclassified"]["failure_share"] == pytest.approx(2 / 6)
    # Half of what the ERP's handoff costs, as half of its failures are of no known type.
    ranking = ha.rank(history())
    erp = ranking.filter(target="erp")["expected_annual_loss"].item()
    assert rows["unclassified"]["expected_annual_loss"] == pytest.approx(erp / 2)
    assert rows["authentication"]["ambiguous_share"] == 0.5
    assert rows["data_validation"]["ambiguous_share"] is None
    assert frame["failure_share"].sum() == pytest.approx(1.0)
    assert frame["loss_share"].sum() == pytest.approx(1.0)
    assert frame["expected_annual_loss"].sum() == pytest.approx(ranking["expected_annual_loss"].sum())


def test_a_history_without_failures_has_no_shares() -> None:
    frame = ha.type_shares(history_with(crossings=[crossing(n, "a", "b") for n in range(5)]))
    assert frame["failures"].sum() == 0
    assert frame["failure_share"].null_count() == frame.height == 6
    assert frame.schema["loss_share"] == pl.Float64
