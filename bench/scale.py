"""How far does one machine go from files to a ranking?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import child
import polars as pl
from goals import Figure, Measured, seconds

import handoff_analytics as ha
from handoff_analytics import samples

if TYPE_CHECKING:
    from pathlib import Path

_DAY_US = 86_400_000_000
_TEXTS = (
    *("trace_id", "span_id", "parent_span_id", "correlation_id", "system", "name", "kind", "channel", "peer"),
    *("destination", "status"),
)
FLAT: dict[str, Any] = {
    "mapping": {"format": 1, "name": "flat_spans", "target": "spans", "reader": "parquet"},
    "column": {name: {"from": name} for name in _TEXTS}
    | {
        "started_at": {"from": "start_us", "type": "time", "formats": ["epoch_us"]},
        "duration_s": {"from": "duration_us", "type": "duration", "unit": "us"},
        "http_status": {"from": "http_status", "type": "int"},
    },
}
"""How the flat spans of the volume generator are read."""
_SAME = """
    SELECT count(*), sum(failed::INTEGER), bit_xor(hash(crossing_id, origin, fate, call_id)) FROM crossings
    UNION ALL
    SELECT count(*), NULL, bit_xor(hash(failure_id, root_id, mode)) FROM failures
"""


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


def added_day(folder: Path, spans: int) -> Measured:
    """Measure what one more day costs, as a share of building the whole history again."""
    whole, most, day = (folder / f"days-{spans}-{name}" for name in ("whole", "most", "day"))
    if not day.exists():
        for made in (whole, most, day):
            made.mkdir(exist_ok=True)
        samples.write_spans(whole, spans=spans)
        table = pl.read_parquet(whole / "*.parquet")
        # A transaction belongs to the day on which it began: its spans are loaded together.
        began = pl.col("start_us").min().over("trace_id")
        last = pl.col("began") >= table["start_us"].max() - _DAY_US
        table = table.with_columns(began=began)
        table.filter(~last).drop("began").write_parquet(most / "spans.parquet")
        table.filter(last).drop("began").write_parquet(day / "spans.parquet")
    ratios, facts = [], []
    for number in range(3):
        full, grown = (folder / f"added-{name}.duckdb" for name in ("full", "grown"))
        full.unlink(missing_ok=True)
        grown.unlink(missing_ok=True)
        all_of_it, _ = seconds(partial(_loaded, whole, full))
        _loaded(most, grown)
        ratios.append(seconds(partial(_loaded, day, grown))[0] / all_of_it)
        if number == 0:
            facts = [ha.open(path).sql(_SAME).rows() for path in (full, grown)]
    assert facts[0] == facts[1], facts
    return Measured(sorted(ratios)[1], f"{min(ratios):.2g} to {max(ratios):.2g}", None, "equal to the full build")


def _loaded(files: Path, into: Path) -> object:
    return ha.load(str(files / "*.parquet"), into=into, mapping=FLAT, quiet=True)


GOALS = (
    Figure(
        "8.2",
        "a day added to 180, of the full build",
        added_day,
        {"quick": 4_000, "full": 100_000, "goal": 10_000_000},
        0.05,
        "of it",
    ),
    Figure(
        "3.8",
        "peak memory of a load, four times the file",
        memory_growth,
        {"quick": 4_000, "full": 100_000, "goal": 2_000_000},
        1.25,
        "times",
    ),
    Figure(
        "8.2",
        "peak memory from files to the model",
        loading_memory,
        {"quick": 4_000, "full": 100_000, "goal": 10_000_000},
        8_000,
        "MB",
    ),
)
