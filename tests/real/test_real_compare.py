"""Injected faults of two real systems are found at the service that was broken, and quiet minutes raise no alarm."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures

import nezha
import numpy as np
import pytest

import handoff_analytics as ha

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not nezha.ROOT.exists(), reason=f"the real data are not at {nezha.ROOT}"),
]
FIRST_FAULT = "2022-08-22T03:53:54"
QUIET = {"2023-01-29": "08_50", "2023-01-30": "11_39"}


def windows(fault: dict) -> tuple[ha.History, ha.History]:
    """Return the minutes from the injection, and quiet ones: a fault-free minute, or what came before the first fault."""
    day = fault["day"]
    window = nezha.minutes(day, *fault["trace_minutes"])
    if day in QUIET:
        return window, nezha.minutes(f"fault_free/{day}", QUIET[day])
    return window, nezha.minutes(day, "03_53").between(until=FIRST_FAULT)


def place(fault: dict) -> int:
    changes = ha.compare(*windows(fault))
    services = list(dict.fromkeys(changes["target"]))
    return services.index(fault["service"]) + 1 if fault["service"] in services else 99


@pytest.fixture(scope="module")
def places() -> dict[tuple[str, str, int], int]:
    return {(fault["system"], fault["inject_type"], n): place(fault) for n, fault in enumerate(nezha.faults())}


@pytest.mark.parametrize(("system", "first", "five"), [("TrainTicket", 0.65, 0.85), ("OnlineBoutique", 0.65, 0.65)])
def test_the_broken_service_comes_first(places: dict, system: str, first: float, five: float) -> None:
    found = np.array([place for (name, _, _), place in places.items() if name == system])
    assert (found <= 1).mean() >= first
    assert (found <= 5).mean() >= five


def test_every_network_delay_comes_first(places: dict) -> None:
    assert {place for (_, kind, _), place in places.items() if kind == "network_delay"} == {1}


@pytest.mark.parametrize("day", sorted(QUIET))
def test_halves_of_a_quiet_minute_raise_no_alarm(tmp_path: Path, day: str) -> None:
    folder, minute = f"fault_free/{day}", QUIET[day]
    traces = nezha.minutes(folder, minute).sql("SELECT DISTINCT trace_id FROM spans ORDER BY 1")["trace_id"]
    alarms = []
    for salt in range(3):
        first = traces.hash(salt) % 2 == 0
        parts = [nezha.half(tmp_path, folder, minute, set(traces.filter(side))) for side in (first, ~first)]
        alarms += [ha.compare(*parts)["alarm"].any(), ha.compare(*reversed(parts))["alarm"].any()]
    assert not any(alarms)
