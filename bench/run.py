"""How fast is it, against the plainest way to the same answer?

    python bench/run.py --quick     under two minutes, small inputs
    python bench/run.py --full      the sizes that the goals speak of, as far as stated
    python bench/run.py --json      the same as JSON
    python bench/run.py --write     writes bench/RESULTS.md as well
    python bench/run.py --only 5.7  the goals of one issue's item

Each goal of speed is a ratio of two calls in one process, timed in turns after their answers were compared: single
times say more about the machine than about the code. Inputs are made anew from seeds, or kept in the folder that
`--folder` names.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import peers
from goals import Elsewhere, Row, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from goals import Figure, Pair

    Goal = Pair | Figure | Elsewhere

MODULES = ("loading", "tabular", "scale", "words", "structure", "choices", "clusters")
ELSEWHERE = (Elsewhere("8.2", "100 million crossings by spilling", "<= 16 GB", "takes longer than a run should"),)
_LIBRARIES = ("duckdb", "polars", "pyarrow", "networkx", "numpy", "scipy", "pandas", "pm4py", "drain3")


def goals() -> Iterator[Goal]:
    """Return the goals of every module, in the order of the issues."""
    found = [goal for name in MODULES for goal in import_module(name).GOALS]
    yield from sorted((*found, *ELSEWHERE), key=lambda goal: goal.issue)


def measured(folder: Path, size: str, *, only: str = "") -> Iterator[Row]:
    """Measure every goal, then the peers, and say on stderr how it goes."""
    for goal in goals():
        if not goal.issue.startswith(only):
            continue
        began = time.perf_counter()
        try:
            row = goal.row(folder, size)
        except Exception as fault:  # noqa: BLE001 - one goal that cannot be measured must not hide the others
            text = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
            row = Row(goal.issue, goal.goal, None, "", "", "", None, "failed to run", text)
        print(f"{time.perf_counter() - began:7.1f} s  {row.verdict:24} {row.goal} {row.measured}", file=sys.stderr)
        yield row
    if not only:
        yield from peers.rows(folder, size)


def machine() -> dict[str, str]:
    """Say what it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    ).stdout.strip()
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit or "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES if find_spec(name) is not None},
    }


def table(rows: list[Row]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| issue | goal | size | wanted | measured (median) | min to max | CPU s | verdict | note |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        size = "" if row.size is None else f"{row.size:,}"
        used = "" if row.cpu_s is None else f"{row.cpu_s:.3g}"
        cells = (row.issue, row.goal, size, row.wanted, row.measured, row.spread, used, row.verdict, row.note)
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run, print, and keep the results; exit code 1 when a goal is missed or cannot be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--quick", action="store_true", help="small inputs, under two minutes (the default)")
    chosen.add_argument("--full", action="store_true", help="large inputs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    parser.add_argument("--only", default="", help="an issue, or an item of one, such as 5.7")
    parser.add_argument("--folder", type=Path, help="where inputs are kept between runs")
    asked = parser.parse_args()
    size = "full" if asked.full else "quick"
    host = machine()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        # Some peers greet on stdout, which is for the results alone.
        with redirect_stdout(sys.stderr):
            rows = list(measured(folder, size, only=asked.only))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    host |= {"took": f"{time.perf_counter() - began:.0f} s", "peak memory of the run": f"{peak:,.0f} MB"}
    said = f"{table(rows)}\n\n" + "; ".join(f"{name} {value}" for name, value in host.items()) + "."
    print(json.dumps({"machine": host, "rows": [told(row) for row in rows]}) if asked.json else said)
    if asked.write:
        head = (
            f"# Results of `python bench/run.py --{size} --write`\n\nA ratio is the library's time over the reference's, "
            "or the peer's over the library's: the median of five pairs in alternation, after both answers were "
            "compared. What was met with less than the goal speaks of is not met yet.\n"
        )
        Path(__file__).with_name("RESULTS.md").write_text(f"{head}\n{said}\n", encoding="utf-8")
    return int(any(row.verdict in {"missed", "failed to run"} for row in rows))


if __name__ == "__main__":
    sys.exit(main())
