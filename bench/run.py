"""How fast is it, against the plainest way to the same answer?

    python bench/run.py --quick     under two minutes, small inputs
    python bench/run.py --full      the sizes that the goals speak of
    python bench/run.py --json      the same as JSON
    python bench/run.py --write     writes bench/RESULTS.md as well

Each goal is a ratio of two calls in one process, timed in turns after their answers were compared: single times say
more about the machine than about the code.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import structure
import tabular

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = 5
TABULAR = (
    ("ServiceNow audit log / bare typed read", tabular.servicenow_log, {"quick": 50_000, "full": 1_000_000}, 2.0),
)


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds of one call."""
    wall, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - used


def measured(size: str) -> list[dict[str, object]]:
    """Time every goal."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, made, sizes, goal in (*structure.GOALS, *TABULAR):
            library, reference, same = made(Path(folder), sizes[size])
            library()
            reference()
            same()
            ratios, used = [], []
            for _ in range(PAIRS):
                ours, theirs = seconds(library), seconds(reference)
                ratios.append(ours[0] / theirs[0])
                used.append(ours[1])
            middle = statistics.median(ratios)
            rows.append(
                {
                    "goal": name,
                    "size": sizes[size],
                    "wanted": goal,
                    "ratio": middle,
                    "low": min(ratios),
                    "high": max(ratios),
                    "cpu_s": statistics.median(used),
                    "met": middle <= goal,
                }
            )
    return rows


def machine() -> str:
    """Say what it ran on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "networkx", "numpy"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"Python {platform.python_version()}, {packages}; peak memory {peak:,.0f} MB, of everything together"


def table(rows: list[dict[str, object]]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| goal | size | wanted at most | median ratio | min to max | CPU s | met |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['goal']} | {row['size']:,} | {row['wanted']:.3g} | {row['ratio']:.3g} | {row['low']:.3g} to "
        f"{row['high']:.3g} | {row['cpu_s']:.3g} | {'yes' if row['met'] else 'no'} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run, print, and keep the full results."""
    size = "full" if "--full" in arguments else "quick"
    rows = measured(size)
    if "--json" in arguments:
        print(json.dumps({"machine": machine(), "rows": rows}))
    else:
        print(f"{table(rows)}\n\n{machine()}")
    if "--write" in arguments:
        head = (
            f"# Results of `python bench/run.py --{size} --write`\n\nRatios of the library's call to the reference.\n"
        )
        Path(__file__).with_name("RESULTS.md").write_text(f"{head}\n{table(rows)}\n\n{machine()}.\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
