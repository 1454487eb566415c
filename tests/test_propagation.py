"""How long failures travel, against lifelines; those still under way count as long as they have been watched."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import EmptyHistoryError
from handoff_analytics.propagation import LATENCY


def travelling(share: float, *, incidents: int = 200, seed: int = 1) -> tuple[ha.History, np.ndarray, np.ndarray]:
    """Failures at shop -> stock, of which a share reaches web -> shop some seconds later; the record ends at 400 s."""
    random = np.random.default_rng(seed)
    begun = np.sort(random.uniform(0, 395, incidents).round(3))
    delay = np.where(random.random(incidents) < share, random.lognormal(3, 1, incidents).round(3), np.inf)
    watched, ended = np.minimum(delay, 400 - begun), delay <= 400 - begun
    end = NOON + timedelta(seconds=400)
    failures, cascades = [], []
    for n, (start, took, arrived) in enumerate(zip(begun, watched, ended, strict=True)):
        at = NOON + timedelta(seconds=float(start))
        failures.append(failure(n, "shop", "stock", failed_at=at))
        if arrived:
            cascades.append(
                {"root_id": n, "root_source": "shop", "root_target": "stock", "root_channel": "http"}
                | {"failure_id": 1000 + n, "source": "web", "target": "shop", "channel": "http", "depth": 1}
                | {"delay_us": round(float(took) * 1e6), "failed_at": at + timedelta(seconds=float(took))}
            )
    crossings = [crossing(1, "shop", "stock", started_at=NOON), crossing(2, "web", "shop", started_at=end)]
    return history_with(crossings=crossings, failures=failures, cascades=cascades), watched, ended


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0.9, 0.4])
def test_times_are_those_of_lifelines(share: float) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import qth_survival_times

    history, watched, ended = travelling(share)
    found = ha.propagation_latency(history)
    assert found.schema == LATENCY
    row = found.row(0, named=True)
    theirs = KaplanMeierFitter().fit(watched, ended)
    lasting = float(theirs.survival_function_.iloc[-1, 0])
    assert row["share_reached"] == pytest.approx(1 - lasting)
    assert row["median_s"] == pytest.approx(theirs.median_survival_time_)
    assert row["median_reached_s"] == pytest.approx(
        qth_survival_times(1 - (1 - lasting) / 2, theirs.survival_function_)
    )
    assert (row["incidents"], row["reached"]) == (200.0, float(ended.sum()))
    assert row["share_reached"] > ended.mean(), "some of those still under way would have arrived"


def test_where_nothing_travels_there_is_nothing_to_time() -> None:
    history = history_with(crossings=[crossing(1, "a", "b")], failures=[failure(1, "a", "b")])
    assert ha.propagation_latency(history).is_empty()
    with pytest.raises(EmptyHistoryError):
        ha.propagation_latency(history_with())
