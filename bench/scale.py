"""How far does one machine go from files to a ranking?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import child
from goals import Figure, Measured

from handoff_analytics import samples

if TYPE_CHECKING:
    from pathlib import Path


def _files(folder: Path, spans: int) -> str:
    made = folder / f"otlp-{spans}"
    if not made.exists():
        samples.write_spans(made, spans=spans, form="otlp")
    return str(made / "*.jsonl")


def loading_memory(folder: Path, spans: int) -> Measured:
    """Measure the peak memory of a process that loads OTLP files and builds the model."""
    found = child.measured("load", _files(folder, spans), str(folder / "scale.duckdb"))
    return Measured(found["peak_mb"], "", found["cpu_s"], f"{found['seconds']:.3g} s, model included")


def memory_growth(folder: Path, spans: int) -> Measured:
    """Measure by how much the peak memory of a load grows when the file is four times as large."""
    small, large = (
        child.measured("load", _files(folder, size), str(folder / "scale.duckdb"))["peak_mb"]
        for size in (spans // 4, spans)
    )
    return Measured(large / small, "", None, f"{small:,.0f} MB, then {large:,.0f} MB")


GOALS = (
    Figure(
        "3.8",
        "peak memory of a load, four times the file",
        memory_growth,
        {"quick": 20_000, "full": 200_000, "goal": 2_000_000},
        1.25,
        "times",
    ),
    Figure(
        "8.2",
        "peak memory from files to the model",
        loading_memory,
        {"quick": 20_000, "full": 200_000, "goal": 10_000_000},
        8_000,
        "MB",
    ),
)
