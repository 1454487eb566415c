"""The same input gives the same output, whatever order sets have and however many threads there are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAID = """
import hashlib, sys
import handoff_analytics as ha
from handoff_analytics import samples
history = {source}
found = [
    ha.failure_frequency(history), ha.cascade_reach(history), ha.recovery_cost(history), ha.rank(history, draws=500),
    ha.failure_trend(history), ha.failure_changes(history), ha.failure_associations(history),
    ha.common_causes(history), ha.propagation_latency(history), ha.single_points_of_failure(history),
    ha.circular_dependencies(history), ha.rpn_contrast(ha.rank(history, draws=500)),
]
for frame in found:
    print(hashlib.sha256(frame.write_csv(include_header=True).encode() if not any(
        str(kind).startswith("List") for kind in frame.dtypes) else frame.write_json().encode()).hexdigest())
"""


def said(source: str, *, seed: int, threads: int) -> list[str]:
    """Return a digest of every measure, computed in a process of its own."""
    limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    told = subprocess.run(
        [sys.executable, "-c", SAID.format(source=source)],
        env=os.environ | limits | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split()[-12:]


def test_a_small_history_is_measured_alike_in_every_process() -> None:
    first = said("samples.three_systems()", seed=0, threads=1)
    assert len(set(first)) > 8
    assert said("samples.three_systems()", seed=4242, threads=2) == first


@pytest.mark.slow
def test_the_samples_are_loaded_and_measured_alike_in_every_process(tmp_path) -> None:
    one, two = (f"samples.load(into={str(tmp_path / name)!r})" for name in ("one.duckdb", "two.duckdb"))
    assert said(one, seed=1, threads=1) == said(two, seed=77, threads=2)
